"""TourRank: groups send their best on to the next stage, and stages give points."""

import random
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rankmill.label.parse import parse_selection
from rankmill.label.plans import Asks, Plan, Question, Words
from rankmill.label.presentation import FIXED, Presentation
from rankmill.prompts import Prompt
from rankmill.readings import Choice, Malformed
from rankmill.records import Chat, Ranking, Reply
from rankmill.spec import Spec
from rankmill.teachers.engine import Need

_TOKENS_PER_IDENTIFIER, _TOKENS = 6, 12


class TourRank(Spec):
    """Groups of documents are shown; each sends on the better half, stage after stage.

    A document gets a point for every stage that it reaches; `rounds` tournaments with new draws
    add their points. The stages halve the list down to `last` documents.

    Paper: Chen et al., "TourRank: Utilizing Large Language Models for Documents Ranking with a
    Tournament-Inspired Strategy", WWW 2025 (100 to 50, 20, 10, 5, 2 in 13 calls; here every
    stage halves).
    """

    asks: ClassVar[Asks] = "choose"
    needs: ClassVar[Need] = "text"
    score_kind: ClassVar[str | None] = None
    variables: ClassVar[frozenset[str]] = frozenset({"query", "documents", "count"})
    chat: ClassVar[bool] = True

    kind: Literal["tour_rank"] = "tour_rank"
    rounds: int = Field(default=1, ge=1)
    group: int = Field(default=20, ge=2)
    last: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def groups_hold_the_last(self) -> Self:
        """Refuse groups that are smaller than what is left of them."""
        if self.group < self.last:
            raise ValueError(f"group {self.group} must be at least last {self.last}")
        return self

    def plan(self, docids: Sequence[str]) -> Plan:
        """Play all tournaments side by side, stage by stage."""
        chance = random.Random("\n".join(docids))
        points = dict.fromkeys(docids, 0.0)
        fields = [list(docids) for _ in range(self.rounds)]
        while len(fields[0]) > self.last:
            groups = [self.groups(chance.sample(field, len(field))) for field in fields]
            readings = iter((yield [Question(docids=g) for drawn in groups for g in drawn]))
            for place, drawn in enumerate(groups):
                fields[place] = [
                    docid for group in drawn for docid in _chosen(next(readings), group)
                ]
                for docid in fields[place]:
                    points[docid] += 1
        return Ranking.by_score(points)

    def groups(self, field: Sequence[str]) -> list[tuple[str, ...]]:
        """A field cut into groups of nearly equal sizes."""
        count = -(-len(field) // self.group)
        return [tuple(field[place::count]) for place in range(count)]

    def varies(self, presentation: Presentation) -> bool:
        """Whether the draw can change the outcome."""
        return presentation not in FIXED

    def calls(self, depth: int) -> int:
        """The groups of every stage, times the rounds."""
        calls, field = 0, depth
        while field > self.last:
            groups = self.groups(["" for _ in range(field)])
            calls += len(groups)
            field = sum(advancing(len(group)) for group in groups)
        return self.rounds * calls

    def request(self, prompt: Prompt, words: Words) -> Chat:
        """Ask for the better half of a group."""
        count = advancing(len(words.documents))
        messages = prompt.messages(query=words.query, documents=words.documents, count=count)
        return Chat(messages=messages, max_tokens=_TOKENS_PER_IDENTIFIER * count + _TOKENS)

    def read(self, question: Question, reply: Reply) -> Choice | Malformed:
        """Read exactly as many documents as advance."""
        choice = parse_selection(reply, question.docids)
        wanted = advancing(len(question.docids))
        if isinstance(choice, Choice) and len(choice.chosen) != wanted:
            return Malformed(reason="incomplete", detail=f"{len(choice.chosen)} of {wanted}")
        return choice


def advancing(size: int) -> int:
    """How many of a group advance: half of it, rounded down, but one at least."""
    return max(size // 2, 1)


def _chosen(reading: object, group: Sequence[str]) -> Sequence[str]:
    if isinstance(reading, Choice):
        return reading.chosen
    raise TypeError(f"expected a choice from {group}, found {reading}")
