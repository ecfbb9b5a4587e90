"""What rank_llm, RankGPT, ReasonRank, FullRank and E2Rank take for granted."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from rankmill.validate.formats.orders import Turn, graded, ranking
from rankmill.validate.row import Row, Text, fault, same_length

_Ids = Annotated[list[Text], Field(min_length=1)]


class RankLlmQuery(Row):
    """Of a request."""

    text: Text
    qid: str | int


class RankLlmDocument(Row):
    """Of a candidate. The text is looked up under several names; ours is `text`."""

    title: str | None = None
    text: Text


class RankLlmCandidate(Row):
    """A score that is a string or null is a WrongTypeError of dacite."""

    docid: str | int
    score: float
    doc: RankLlmDocument


class RankLlmRequest(Row):
    """A request of rank_llm: a query and its candidates."""

    query: RankLlmQuery
    candidates: Annotated[list[RankLlmCandidate], Field(min_length=1)]


class RankLlmConversation(Row):
    """A row that RankZephyr and FIRST train on: system, human, gpt, in this order."""

    id: str | int
    conversations: Annotated[list[Turn], Field(min_length=3, max_length=3)]
    docids: list[str] | None = None
    scores: list[float] | None = None

    @model_validator(mode="after")
    def turns_are_three(self) -> Self:
        """Refuse turns of others, and an answer that is no ranking."""
        senders = [turn.sender for turn in self.conversations]
        if senders != ["system", "human", "gpt"]:
            raise fault("conversations", ", ".join(senders), "system, human, gpt")
        ranking("conversations.2.value", self.conversations[2].value)
        return self


class FullRankList(Row):
    """A row of FullRank: two orders of one list."""

    qid: str | int
    initial_list: _Ids
    final_list: _Ids

    @model_validator(mode="after")
    def lists_hold_the_same(self) -> Self:
        """Refuse a final list that is no order of the initial one."""
        _same(self.initial_list, self.final_list)
        return self


def _same(initial: list[str], final: list[str]) -> None:
    if sorted(initial) != sorted(final):
        odd = sorted(set(initial) ^ set(final)) or ["an id twice"]
        raise fault("final_list", odd[0], "the ids of initial_list, each once")


class ReasonRankList(FullRankList):
    """A row of ReasonRank: two orders, and why the second is the better one."""

    dataset: str
    reasoning: str
    relevant_docids: list[str]


class WeightedList(FullRankList):
    """The same, with a weight for every place."""

    weights: list[float]

    @model_validator(mode="after")
    def weights_fit(self) -> Self:
        """Refuse weights that are not one a document."""
        same_length("final_list", self.final_list, "weights", self.weights)
        return self


class GroupRankRow(Row):
    """A group with its instruction, the answer, and a score for every document of it."""

    item_id: Text
    query: Text
    system: str
    instruction: Text
    output: Text
    docids: _Ids
    scores: list[float]

    @model_validator(mode="after")
    def values_fit(self) -> Self:
        """Refuse scores and grades that are not one a document."""
        same_length("docids", self.docids, "scores", self.scores)
        graded("output", self.output, len(self.docids))
        return self


class Permutation(Row):
    """An order as RankGPT writes it, in an array of its own."""

    bare = True
    value: Text

    @model_validator(mode="after")
    def is_an_order(self) -> Self:
        """Refuse what is no order of numbers."""
        ranking("value", self.value)
        return self


class RankGptPassage(Row):
    """Of a RankGPT row."""

    docid: Text
    text: Text


class RankGptRow(Row):
    """A query with its passages in the first stage's order; orders are in a file beside it."""

    query: Text
    positive_passages: list[RankGptPassage]
    retrieved_passages: Annotated[list[RankGptPassage], Field(min_length=1)]


class E2RankRow(Row):
    """A row of E2Rank: documents, and their numbers from 1 in the right order."""

    source: str
    query: Text
    document: _Ids
    ranking: list[int]

    @model_validator(mode="after")
    def ranking_is_an_order(self) -> Self:
        """Refuse numbers that are no order of the documents."""
        expected = list(range(1, len(self.document) + 1))
        if sorted(self.ranking) != expected and sorted(self.ranking) != [n - 1 for n in expected]:
            raise fault("ranking", str(self.ranking)[:60], f"an order of {len(expected)} documents")
        return self
