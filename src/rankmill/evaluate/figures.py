"""The figures of the teacher bench."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

import polars as pl

from rankmill.agreement import mean_tau
from rankmill.evaluate.quality import Quality
from rankmill.label.rows import reading
from rankmill.position import PositionBias, position_bias
from rankmill.records import Ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far the readings of a view can be believed.

    Attributes:
        tau: Mean Kendall's tau between the trials of a list; None without repeated trials.
        bias: Position bias; None where documents are read alone.
        malformed: Share of the questions whose reply could not be read, or was refused.
    """

    tau: float | None
    bias: PositionBias | None
    malformed: float

    @classmethod
    def of(cls, judgments: pl.DataFrame, trials: Mapping[str, Sequence[Ranking]]) -> Self:
        """Of one view's JUDGMENTS, and the rankings of its trials by qid."""
        taus = [tau for rankings in trials.values() if (tau := mean_tau(rankings)) is not None]
        valid = len(judgments.filter(status="valid"))
        return cls(
            tau=fmean(taus) if taus else None,
            bias=position_bias(map(reading, judgments.iter_rows(named=True))),
            malformed=1 - valid / len(judgments) if len(judgments) else 0.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the readings of a view cost, however old they are.

    Attributes:
        calls: Questions asked, corrections included.
        tokens_in: Tokens of their prompts, as the teacher counts them.
        tokens_out: Tokens generated.
        money: What the tokens cost; None when the teacher's price is not known.
        seconds: What the calls took, one view at a time; None when the store had them all.
    """

    calls: int
    tokens_in: int
    tokens_out: int
    money: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One way of ordering the candidates: a view, `first stage: …`, or `consensus`."""

    name: str
    quality: Quality
    trust: Trust | None = None
    cost: Cost | None = None
