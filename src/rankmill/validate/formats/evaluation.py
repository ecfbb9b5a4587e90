"""What evaluators take for granted."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from rankmill.validate.row import Decimal, Number, Row, Text, Word, fault

Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class Document(Row):
    """Of a corpus of BEIR or mteb: a title that is missing is None, and fails when joined."""

    defines = ("document", "_id")
    id: Text = Field(alias="_id")
    title: str
    text: str


class Query(Row):
    """Of BEIR or mteb."""

    defines = ("query", "_id")
    id: Text = Field(alias="_id")
    text: Text
    metadata: dict[str, Any] = Field(default={})


class BeirQrel(Row):
    """A line of `qrels/*.tsv`; the first is skipped, whatever it says, and grades are whole."""

    header = True
    refers: ClassVar = {"query-id": "query", "corpus-id": "document"}
    qid: Text = Field(alias="query-id")
    docid: Text = Field(alias="corpus-id")
    score: Number


class MtebQrel(Row):
    """A row of a qrels config, whose score is cast to int32."""

    refers: ClassVar = {"query-id": "query", "corpus-id": "document"}
    qid: Text = Field(alias="query-id")
    docid: Text = Field(alias="corpus-id")
    score: Int32


class TopRanked(Row):
    """The documents that mteb reranks for a query."""

    refers: ClassVar = {"query-id": "query", "corpus-ids": "document"}
    qid: Text = Field(alias="query-id")
    docids: Annotated[list[Text], Field(min_length=1)] = Field(alias="corpus-ids")


class Instruction(Row):
    """What mteb asks a query with."""

    refers: ClassVar = {"query-id": "query"}
    qid: Text = Field(alias="query-id")
    instruction: str


class TrecQrel(Row):
    """`qid 0 docid grade`."""

    qid: Word
    iteration: Word
    docid: Word
    grade: Number


class TrecRun(Row):
    """`qid Q0 docid rank score tag`."""

    qid: Word
    q0: Literal["Q0"]
    docid: Word
    rank: Number
    score: Decimal
    tag: Word

    @classmethod
    def follows(cls, before: Self, row: Self) -> None:
        """Scores of a query fall strictly: trec_eval breaks ties by docid."""
        if row.qid == before.qid and float(row.score) >= float(before.score):
            raise fault("score", f"{row.score} after {before.score}", "a lower score than before")


class RagasSample(Row):
    """A sample of ragas."""

    user_input: Text
    reference_contexts: Annotated[list[Text], Field(min_length=1)]
    reference_context_ids: list[Text]
    query_style: str
