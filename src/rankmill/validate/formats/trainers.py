"""What FlagEmbedding, Tevatron, GPL, ColBERT and AutoModel take for granted."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from rankmill.validate.row import Decimal, Number, Row, Text, Word, another, fault, same_length

_Texts = Annotated[list[Text], Field(min_length=1)]


class FlagEmbedding(Row):
    """A line of FlagEmbedding 1.4: texts are drawn from `pos` and `neg`, which are lists."""

    query: Text
    pos: _Texts
    neg: _Texts
    pos_scores: list[float] | None = None
    neg_scores: list[float] | None = None
    prompt: str = ""
    query_prompt: str = ""
    passage_prompt: str = ""
    type: str = ""

    @model_validator(mode="after")
    def scores_fit(self) -> Self:
        """Refuse scores of one side alone, or not one a text."""
        if (self.pos_scores is None) != (self.neg_scores is None):
            lacking = "pos_scores" if self.pos_scores is None else "neg_scores"
            raise fault(lacking, "nothing", "scores of both sides or of none")
        same_length("pos", self.pos, "pos_scores", self.pos_scores)
        same_length("neg", self.neg, "neg_scores", self.neg_scores)
        return self


class TevatronPassage(Row):
    """A passage of Tevatron, which needs a title, be it empty."""

    docid: Text
    title: str
    text: Text


class TevatronV1(Row):
    """A line of Tevatron 1, and of its reranker."""

    query_id: Text
    query: Text
    positive_passages: Annotated[list[TevatronPassage], Field(min_length=1)]
    negative_passages: Annotated[list[TevatronPassage], Field(min_length=1)]


class TevatronV2(Row):
    """A line of Tevatron 2, which looks documents up by id."""

    refers: ClassVar = {"positive_document_ids": "document", "negative_document_ids": "document"}
    query_id: Text
    query_text: Text
    query_image: None = None
    positive_document_ids: _Texts
    negative_document_ids: _Texts


class TevatronDocument(Row):
    """A line of Tevatron 2's corpus: its README says `document_text`, its code reads `text`."""

    defines = ("document", "docid")
    docid: Text
    title: str = ""
    text: Text
    image: None = None


class TevatronPair(Row):
    """A line that Tevatron's reranker scores."""

    query_id: Text
    query: Text
    docid: Text
    title: str
    text: Text


class GplMargin(Row):
    """A line of `gpl-training-data.tsv`: ids, and by how much the positive is better."""

    refers: ClassVar = {"qid": "query", "positive": "document", "negative": "document"}
    qid: Word
    positive: Word
    negative: Word
    margin: Decimal

    @model_validator(mode="after")
    def the_negative_is_another(self) -> Self:
        """Refuse a positive that is its own negative."""
        another("negative", self.negative, self.positive)
        return self


class GplNegatives(Row):
    """A line of `hard-negatives.jsonl`: negatives by who found them."""

    refers: ClassVar = {"qid": "query", "pos": "document"}
    qid: Text
    pos: _Texts
    neg: dict[str, list[Text]]

    @model_validator(mode="after")
    def somebody_found_one(self) -> Self:
        """Refuse a query without any negative."""
        if not any(self.neg.values()):
            raise fault("neg", repr(self.neg), "a negative of one retriever at least")
        return self


class ColbertTriple(Row):
    """`query`, `positive` and `negative` between tabs."""

    query: Text
    positive: Text
    negative: Text

    @model_validator(mode="after")
    def the_negative_is_another(self) -> Self:
        """Refuse a positive that is its own negative."""
        another("negative", self.negative, self.positive)
        return self


class ColbertPassage(Row):
    """A passage by its number, which is that of its line in the collection."""

    defines = ("document", "number")
    number: Number
    text: Text


class ColbertQuery(ColbertPassage):
    """A query by its number."""

    defines = ("query", "number")


class ColbertNumbers(Row):
    """An array of numbers: of a query, its positive, and negatives."""

    bare = True
    value: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=3)]

    @classmethod
    def named(cls, values: Any) -> Iterator[tuple[str, str, Any]]:  # noqa: ANN401 - any JSON
        """The first is a query's, and all others are documents'."""
        numbers = values["value"] if isinstance(values["value"], list) else []
        for place, number in enumerate(numbers):
            yield f"value.{place}", "document" if place else "query", number

    @model_validator(mode="after")
    def negatives_are_others(self) -> Self:
        """Refuse a positive that is its own negative."""
        _, positive, *negatives = self.value
        if positive in negatives:
            raise fault("value", f"{positive} twice", "another document than the positive")
        return self


class AutoModelDocument(Row):
    """A row of AutoModel's corpus."""

    defines = ("document", "id")
    id: Text
    text: Text


class AutoModelId(Row):
    """A document that an AutoModel question names."""

    id: Text


class AutoModelQuestion(Row):
    """A question of AutoModel's JSON, every field of which is required."""

    question_id: Text
    question: Text
    corpus_id: Text
    pos_doc: Annotated[list[AutoModelId], Field(min_length=1)]
    neg_doc: list[AutoModelId]

    @classmethod
    def named(cls, values: Any) -> Iterator[tuple[str, str, Any]]:  # noqa: ANN401 - any JSON
        """The ids of the documents on both sides."""
        for side in ("pos_doc", "neg_doc"):
            documents = values.get(side)
            for one in documents if isinstance(documents, list) else []:
                yield side, "document", one.get("id") if isinstance(one, Mapping) else None

    @model_validator(mode="after")
    def sides_are_apart(self) -> Self:
        """Refuse a document on both sides."""
        both = {one.id for one in self.pos_doc} & {one.id for one in self.neg_doc}
        if both:
            raise fault("neg_doc", min(both), "another document than the positives")
        return self
