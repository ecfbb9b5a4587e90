"""What a recipe says about evaluation collections."""

from typing import Literal

from pydantic import Field

from rankmill.spec import Spec


class Decontamination(Spec):
    """What is done about documents and queries that touch an evaluation collection.

    The collections are those of `assemble.evaluation`. Two things leak: the collection's queries,
    and its documents. Its queries always are kept out of ours. Its documents are another matter
    when the corpus is the collection's own: queries are then written for the very documents that
    will be searched, as users of one corpus want it, and removing them would leave nothing. So
    `auto` keeps the documents of a collection when most of them stand in the corpus and most of
    the corpus stands in them, and says so; a large corpus that has swallowed a collection is not
    its own, and loses them.

    Attributes:
        documents: `remove` the documents that touch a collection; `keep` them, and only report
            them with the dataset; or `auto`.
        same_corpus: When at least this share of a collection's documents stands in the corpus, by
            their words, and as large a share of the corpus in the collection, `auto` takes the
            corpus for the collection's own. A document of ours that holds a query of theirs goes
            even then.
        near: Whether to embed their documents, to find those of ours that are nearly one of them.
        similarity: Cosine from which on a document is.
        queries: `remove` queries that are, or nearly are, one of theirs, or `keep` them.
        query_similarity: Cosine from which on a query is nearly one of theirs.
    """

    documents: Literal["auto", "remove", "keep"] = "auto"
    same_corpus: float = Field(default=0.5, gt=0, le=1)
    near: bool = True
    similarity: float = Field(default=0.95, gt=0, le=1)
    queries: Literal["remove", "keep"] = "remove"
    query_similarity: float = Field(default=0.9, gt=0, le=1)

    def same(self, *, theirs: float, ours: float) -> bool:
        """Whether a corpus is a collection's own.

        Args:
            theirs: Share of the collection's documents that stand in the corpus.
            ours: Share of the corpus's documents that stand in the collection.
        """
        return self.documents == "auto" and min(theirs, ours) >= self.same_corpus
