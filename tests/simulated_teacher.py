"""A teacher with a known true order, Plackett-Luce noise and a position bias, without any text.

It answers the questions of plans directly. The strength of document `d07` is minus seven times
`spread`: low numbers are relevant. Noise is Gumbel, so that without bias its permutations follow
the Plackett-Luce model of the strengths divided by `noise`; `bias` is what one place further up in
the prompt adds.
"""

import math
import random
from dataclasses import dataclass, field

from rankmill.label.selection import Selection
from rankmill.label.tour_rank import TourRank, advancing
from rankmill.readings import Choice, Permutation, Score, Scores


def documents(count):
    """Docids in their true order."""
    return [f"d{number:02}" for number in range(count)]


@dataclass
class SimulatedTeacher:
    noise: float = 0.0
    bias: float = 0.0
    spread: float = 1.0
    seed: int = 1
    relevant: int = 3
    calls: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self):
        self.chance = random.Random(self.seed)

    def strength(self, docid):
        return -self.spread * int(docid[1:])

    def perceived(self, shown):
        """Noisy strengths of documents in the places where they stand."""
        seen = {}
        for place, docid in enumerate(shown):
            drawn = -math.log(-math.log(self.chance.random()))
            seen[docid] = self.strength(docid) + self.noise * drawn - self.bias * place
        return seen

    def read(self, strategy, question):
        """The reading that a strategy is sent."""
        self.calls += 1
        seen = self.perceived(question.docids)
        ranked = sorted(seen, key=lambda docid: -seen[docid])
        match strategy.asks:
            case "score":
                return Score(docid=question.docids[0], value=seen[ranked[0]])
            case "rank":
                return Permutation(shown=question.docids, ranked=tuple(ranked))
            case "grade":
                total = math.log(sum(math.exp(value) for value in seen.values()))
                return Scores(
                    shown=question.docids, values=tuple(value - total for value in seen.values())
                )
        if isinstance(strategy, Selection):
            chosen = [docid for docid in ranked if int(docid[1:]) < self.relevant]
        else:
            wanted = advancing(len(ranked)) if isinstance(strategy, TourRank) else 1
            chosen = ranked[:wanted]
        return Choice(shown=question.docids, chosen=tuple(chosen))

    def follow(self, strategy, docids):
        """The ranking that a plan over these documents comes to."""
        return follow(strategy.plan(docids), lambda question: self.read(strategy, question))


def follow(plan, read):
    """Walk a plan without a loop around it."""
    try:
        batch = next(plan)
        while True:
            batch = plan.send([read(question) for question in batch])
    except StopIteration as end:
        return end.value


def follow_view(teacher, view, qid, docids):
    """All trials of a view over one list, batch after batch, as the driver asks them."""
    rankings = []
    for batch in view.batches():
        for trial in batch:
            plan = view.plan(qid, docids, trial)
            rankings.append(follow(plan, lambda q: teacher.read(view.strategy, q)))
        if view.decided(rankings):
            break
    return rankings
