"""What strategies share that ask about each document alone."""

from collections.abc import Sequence
from typing import ClassVar

from rankmill.label.plans import Asks, Plan, Question
from rankmill.label.presentation import Presentation
from rankmill.readings import Score
from rankmill.records import Ranking
from rankmill.spec import Spec


class Alone(Spec):
    """Score every document by itself, all at once, and sort."""

    asks: ClassVar[Asks] = "score"

    @property
    def variables(self) -> frozenset[str]:
        """What its prompt must fill in."""
        return frozenset({"query", "document"})

    def plan(self, docids: Sequence[str]) -> Plan:
        """Ask about every document at once; sort by score."""
        scores = yield [Question(docids=(docid,)) for docid in docids]
        return Ranking.by_score({s.docid: s.value for s in scores if isinstance(s, Score)})

    def varies(self, presentation: Presentation) -> bool:
        """Never: each document is asked about alone, and the answer is read, not drawn."""
        del presentation
        return False

    def calls(self, depth: int) -> int:
        """One question per document."""
        return depth
