"""What the collator and the losses of sentence-transformers 6.2 take for granted.

The label is the first column called label, labels, score or scores; every other column is an
input, by its place, ids among them.
"""

from typing import Annotated, ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from rankmill.validate.row import Row, Text, another, falling, fault, same_length

_Docs = Annotated[list[Text], Field(min_length=1)]
_Grade = Annotated[float, Field(ge=0, le=10)]


class Pair(Row):
    """Of in-batch losses."""

    positional = True
    anchor: Text
    positive: Text


class Triplet(Pair):
    """Of in-batch losses with a hard negative."""

    negative: Text

    @model_validator(mode="after")
    def the_negative_is_another(self) -> Self:
        """Refuse a positive that is its own negative."""
        another("negative", self.negative, self.positive)
        return self


class NTuple(Row):
    """`anchor`, `positive`, `negative_1` and so on; and, with a teacher's scores, `scores`.

    Scores are of the positive and the negatives, or their margins.
    """

    model_config = ConfigDict(extra="allow")
    anchor: Text
    positive: Text

    @model_validator(mode="after")
    def columns_are_in_order(self) -> Self:
        """Refuse negatives with a gap in their numbers, or another number of scores."""
        extra = dict(self.model_extra or {})
        scores = extra.pop("scores", None)
        if list(extra) != [f"negative_{n}" for n in range(1, len(extra) + 1)] or not extra:
            raise fault("row", ", ".join(extra) or "no negative", "negative_1, negative_2 …")
        for name, text in extra.items():
            if not (isinstance(text, str) and text):
                raise fault(name, repr(text), "a text: every row has as many negatives")
            another(name, text, self.positive)
        if scores is not None:
            if not all(isinstance(one, float | int) for one in scores):
                raise fault("scores", repr(scores), "numbers")
            if len(scores) not in {len(extra), len(extra) + 1}:
                raise fault("scores", f"{len(scores)} values", f"{len(extra) + 1}, positive first")
        return self


class LabelledPair(Row):
    """Of losses that read a label a pair: 0 or 1, or between."""

    positional = True
    query: Text
    document: Text
    label: Annotated[float, Field(ge=0, le=1)]


class LabelledByScores(Row):
    """Of the listwise losses that read no more than the order of labels: two inputs, best first."""

    positional = True
    query: Text
    docs: _Docs
    labels: list[float]

    @model_validator(mode="after")
    def labels_fit(self) -> Self:
        """Refuse labels that are not one a document, or rise."""
        same_length("docs", self.docs, "labels", self.labels)
        falling("labels", self.labels)
        return self


class LabelledList(LabelledByScores):
    """Of all listwise losses.

    LambdaLoss gains 2^label - 1, so grades are small and none is below 0.
    """

    labels: list[_Grade]


class ScoredList(Row):
    """A list whose scores are shares of comparisons won, best first."""

    positional = True
    query: Text
    docs: _Docs
    scores: list[Annotated[float, Field(ge=0, le=1)]]

    @model_validator(mode="after")
    def scores_fit(self) -> Self:
        """Refuse scores that are not one a document, or rise."""
        same_length("docs", self.docs, "scores", self.scores)
        falling("scores", self.scores)
        return self


class IdList(Row):
    """Of the layout that `resolve_ids` reads."""

    refers: ClassVar = {"query_id": "query", "document_ids": "document"}
    query_id: Text
    document_ids: _Docs
    scores: list[float]

    @model_validator(mode="after")
    def scores_fit(self) -> Self:
        """Refuse scores that are not one a document."""
        same_length("document_ids", self.document_ids, "scores", self.scores)
        return self


class IdGrades(Row):
    """The same, with labels."""

    refers: ClassVar = IdList.refers
    query_id: Text
    document_ids: _Docs
    labels: list[_Grade]

    @model_validator(mode="after")
    def labels_fit(self) -> Self:
        """Refuse labels that are not one a document."""
        same_length("document_ids", self.document_ids, "labels", self.labels)
        return self


class IdQuery(Row):
    """A query that `resolve_ids` looks up."""

    defines = ("query", "query_id")
    query_id: Text
    query: Text


class IdDocument(Row):
    """A document that `resolve_ids` looks up."""

    defines = ("document", "document_id")
    document_id: Text
    document: Text


class RerankingSample(Row):
    """Of CrossEncoderRerankingEvaluator: exactly one of `negative` and `documents`."""

    query: Text
    positive: _Docs
    negative: _Docs | None = None
    documents: _Docs | None = None

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        """Refuse both, or none."""
        if (self.negative is None) == (self.documents is None):
            found = "none" if self.negative is None else "both"
            raise fault("negative", found, "exactly one of negative and documents")
        return self


class Groups(Row):
    """Rankmill's own groups, by ids."""

    qid: Text
    group: int
    docids: _Docs
    scores: list[float]
    grades: list[int]

    @model_validator(mode="after")
    def values_fit(self) -> Self:
        """Refuse values that are not one a document."""
        same_length("docids", self.docids, "scores", self.scores)
        same_length("docids", self.docids, "grades", self.grades)
        return self
