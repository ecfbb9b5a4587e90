"""Groups of documents, graded against each other."""

import json
import random
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.label.parse import parse_grades
from rankmill.label.plans import Asks, Plan, Question, Words
from rankmill.label.presentation import FIXED, Presentation
from rankmill.prompts import Prompt
from rankmill.readings import Malformed, Scores
from rankmill.records import Chat, Ranking, Reply
from rankmill.spec import Spec
from rankmill.teachers.engine import Need

_TOKENS_PER_GRADE, _TOKENS = 10, 24


class Groupwise(Spec):
    """Cut the list into random groups, and grade the documents of each against each other.

    Groups are drawn from the order of presentation, so trials in other orders draw others. The
    last groups are evened out: none is smaller than half of `size`.

    Paper: Sun et al., "GroupRank: A Groupwise Reranking Paradigm Driven by Reinforcement
    Learning", 2025 (groups of 20, grades 0 to 10, repeated and averaged, random and not sorted).
    """

    asks: ClassVar[Asks] = "grade"
    needs: ClassVar[Need] = "text"
    score_kind: ClassVar[str] = "grade"
    variables: ClassVar[frozenset[str]] = frozenset({"query", "documents", "highest"})
    chat: ClassVar[bool] = True

    kind: Literal["groupwise"] = "groupwise"
    size: int = Field(default=20, ge=2)
    highest: int = Field(default=10, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    reasoning_tokens: int = Field(default=0, ge=0)

    def plan(self, docids: Sequence[str]) -> Plan:
        """Grade all groups at once; sort by grade."""
        readings = yield [Question(docids=group) for group in self.groups(docids)]
        grades = [one.by_docid for one in readings if isinstance(one, Scores)]
        return Ranking.by_score({docid: value for one in grades for docid, value in one.items()})

    def groups(self, docids: Sequence[str]) -> list[tuple[str, ...]]:
        """Random groups of nearly equal sizes, at most `size` each."""
        count = -(-len(docids) // self.size)
        if count <= 1:
            return [tuple(docids)] if docids else []
        drawn = list(docids)
        random.Random("\n".join(docids)).shuffle(drawn)
        return [tuple(drawn[group::count]) for group in range(count)]

    def varies(self, presentation: Presentation) -> bool:
        """Whether trials can differ: by the order shown, or by chance."""
        return presentation not in FIXED or self.temperature > 0

    def calls(self, depth: int) -> int:
        """One question per group."""
        return -(-depth // self.size)

    def request(self, prompt: Prompt, words: Words) -> Chat:
        """Ask for a grade of every document, as JSON."""
        count = len(words.documents)
        return Chat(
            messages=prompt.messages(
                query=words.query, documents=words.documents, highest=self.highest
            ),
            max_tokens=_TOKENS_PER_GRADE * count + _TOKENS + self.reasoning_tokens,
            temperature=self.temperature,
            schema="" if self.reasoning_tokens else self._schema(count),
        )

    def _schema(self, count: int) -> str:
        """A grade for every identifier, and nothing else."""
        names = [f"[{place}]" for place in range(1, count + 1)]
        grade = {"type": "integer", "minimum": 0, "maximum": self.highest}
        form = {"type": "object", "properties": dict.fromkeys(names, grade), "required": names}
        return json.dumps({**form, "additionalProperties": False})

    def read(self, question: Question, reply: Reply) -> Scores | Malformed:
        """Read every document's grade."""
        return parse_grades(reply, question.docids, self.highest)
