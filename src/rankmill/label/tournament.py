"""Tournaments: documents meet in matches, and the match log is rated."""

import random
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from rankmill.aggregate import bradley_terry
from rankmill.label.comparison import Comparison
from rankmill.label.order import best
from rankmill.label.plans import Plan, Question
from rankmill.label.presentation import FIXED, Presentation
from rankmill.records import Ranking

_ELO_START, _ELO_SCALE = 1000.0, 400.0


class Tournament(Comparison):
    """Single elimination, `rounds` times with new brackets; the matches' log gives the ratings.

    One bracket of M documents has M - 1 matches and tells little below the winner; `rounds`
    brackets with new draws pool their matches. An odd document out advances unseen.

    Paper: Son et al., "Varco Arena: A Tournament Approach to Reference-Free Benchmarking Large
    Language Models", 2024, made for systems over many prompts; for the documents of one query
    several rounds are needed.

    Attributes:
        rating: `bradley_terry` fits all matches at once (maximum a posteriori, a document's
            log-strength having standard deviation `prior`); `elo` updates match by match.
        step: Elo's K, the most that one match moves a rating.
    """

    kind: Literal["tournament"] = "tournament"
    rounds: int = Field(default=5, ge=1)
    rating: Literal["bradley_terry", "elo"] = "bradley_terry"
    prior: float = Field(default=2.0, gt=0, le=10)
    step: float = Field(default=32.0, gt=0)

    def plan(self, docids: Sequence[str]) -> Plan:
        """Play all brackets side by side, round by round."""
        chance = random.Random("\n".join(docids))
        brackets = [chance.sample(docids, len(docids)) for _ in range(self.rounds)]
        log: list[tuple[str, str]] = []
        while any(len(bracket) > 1 for bracket in brackets):
            matches = [list(zip(b[::2], b[1::2], strict=False)) for b in brackets]
            readings = iter((yield [Question(docids=pair) for games in matches for pair in games]))
            for place, games in enumerate(matches):
                winners = [best(next(readings)) for _ in games]
                log += [
                    (winner, pair[pair[0] == winner])
                    for winner, pair in zip(winners, games, strict=True)
                ]
                odd = brackets[place][2 * len(games) :]
                brackets[place] = [*winners, *odd]
        return Ranking.by_score(self.ratings(docids, log))

    def ratings(self, docids: Sequence[str], log: Sequence[tuple[str, str]]) -> dict[str, float]:
        """Rate documents by a log of (winner, loser), in the order played."""
        if self.rating == "elo":
            return self._elo(docids, log)
        place = {docid: row for row, docid in enumerate(docids)}
        wins = np.zeros((1, len(docids), len(docids)))
        for winner, loser in log:
            wins[0, place[winner], place[loser]] += 1
        strengths, _ = bradley_terry(wins, self.prior)
        return dict(zip(docids, strengths[0].tolist(), strict=True))

    def _elo(self, docids: Sequence[str], log: Sequence[tuple[str, str]]) -> dict[str, float]:
        rating = dict.fromkeys(docids, _ELO_START)
        for winner, loser in log:
            expected = 1 / (1 + 10 ** ((rating[loser] - rating[winner]) / _ELO_SCALE))
            rating[winner] += self.step * (1 - expected)
            rating[loser] -= self.step * (1 - expected)
        return rating

    def varies(self, presentation: Presentation) -> bool:
        """Whether the draw can change the outcome."""
        return presentation not in FIXED

    def calls(self, depth: int) -> int:
        """A bracket's matches times the brackets."""
        return self.rounds * max(depth - 1, 0)
