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
    `auto` keeps the documents of a collection most of which stand in the corpus, and says so.

    Attributes:
        documents: `remove` the documents that touch a collection; `keep` them, and only report
            them with the dataset; or `auto`.
        same_corpus: From this share of a collection's documents on, by their words, `auto` takes
            the corpus for the collection's own. A document of ours that holds a query of theirs
            goes even then.
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

    def same(self, share: float) -> bool:
        """Whether a corpus with so large a share of a collection's documents is its own."""
        return self.documents == "auto" and share >= self.same_corpus
