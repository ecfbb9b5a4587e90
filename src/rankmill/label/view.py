"""A named use of a strategy: with which prompt, which teacher, how often, in which orders."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from rankmill.agreement import mean_tau
from rankmill.label.adaptive import Adaptive
from rankmill.label.first_token import FirstToken
from rankmill.label.graded import Graded
from rankmill.label.groupwise import Groupwise
from rankmill.label.in_context import InContext
from rankmill.label.likelihood import Likelihood
from rankmill.label.listwise import Listwise
from rankmill.label.pairwise import Pairwise
from rankmill.label.plans import Plan
from rankmill.label.pointwise import Pointwise
from rankmill.label.presentation import Presentation, present
from rankmill.label.selection import Selection
from rankmill.label.setwise import Setwise
from rankmill.label.tour_rank import TourRank
from rankmill.label.tournament import Tournament
from rankmill.label.windows import FullRanking, SlidingWindow
from rankmill.records import Ranking
from rankmill.spec import Spec

Strategy = (
    Pointwise
    | Graded
    | Likelihood
    | Pairwise
    | Setwise
    | Listwise
    | FirstToken
    | InContext
    | SlidingWindow
    | FullRanking
    | Selection
    | Groupwise
    | Tournament
    | TourRank
)

Trials = Mapping[str, Sequence[Ranking]]
"""The rankings of every valid trial, by view."""


class Unsure(Spec):
    """A cascade: a list goes on to a dear view only where cheap views leave it unsure.

    Attributes:
        views: The cheap views. A list one of them could not read is unsure.
        tau: Mean Kendall's tau over all pairs of their trials, below which a list is unsure.
    """

    views: tuple[str, ...] = Field(min_length=1)
    tau: float = Field(default=0.5, ge=-1, le=1)

    def __call__(self, trials: Trials) -> bool:
        """Whether a list with these trials goes on."""
        read = [ranking for view in self.views for ranking in trials.get(view, ())]
        tau = mean_tau(read) if all(trials.get(view) for view in self.views) else None
        return tau is None or tau < self.tau


class View(Spec):
    """One way to read a candidate list.

    Attributes:
        name: What filters, weights and the `view` column call it.
        teacher: Name of a teacher of the recipe.
        prompt: Name of a prompt file.
        trials: Independent readings of every list: a number, or how to find one per list.
        presentation: The orders in which the trials show the list.
        excerpt: Characters of each document that the teacher sees.
        seed: Draws the orders of presentation.
        corrections: How often a malformed reply is asked again, showing the teacher its error.
        where: Which lists are read, when not all.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    strategy: Annotated[Strategy, Field(discriminator="kind")]
    teacher: str
    prompt: str
    trials: Annotated[int, Field(ge=1)] | Adaptive = 1
    presentation: Presentation = "balanced"
    excerpt: int = Field(default=400, ge=20)
    seed: int = 13
    corrections: int = Field(default=0, ge=0, le=3)
    where: Unsure | None = None

    @model_validator(mode="after")
    def name_is_free(self) -> Self:
        """Refuse the two names that filters use for something else."""
        if self.name in {"source", "consensus"}:
            raise ValueError(f"a view cannot be called {self.name}: filters use that word")
        return self

    @model_validator(mode="after")
    def trials_can_differ(self) -> Self:
        """Refuse to count one answer several times: it would agree with itself, always."""
        if self.most_trials > 1 and not self.strategy.varies(self.presentation):
            raise ValueError(
                f"{self.most_trials} trials of {self.name} would ask the same question: "
                f"{self.strategy.kind} does not vary when presented as {self.presentation}"
            )
        return self

    @property
    def most_trials(self) -> int:
        """Trials that no list exceeds."""
        return self.trials if isinstance(self.trials, int) else self.trials.cap

    def batches(self) -> Iterator[range]:
        """Numbers of the trials that are asked together, batch after batch."""
        return iter([range(self.trials)]) if isinstance(self.trials, int) else self.trials.batches()

    def decided(self, rankings: Sequence[Ranking]) -> bool:
        """Whether a list needs no further batch."""
        return isinstance(self.trials, Adaptive) and self.trials.decided(rankings)

    def plan(self, qid: str, docids: Sequence[str], trial: int) -> Plan:
        """A fresh plan for one trial of one candidate list."""
        return self.strategy.plan(
            present(
                docids,
                self.presentation,
                seed=f"{self.seed}/{self.name}/{qid}",
                trial=trial,
                block=self.trials if isinstance(self.trials, int) else self.trials.step,
            )
        )

    def calls(self, depth: int) -> int:
        """Teacher calls for one list of `depth` documents, at most."""
        return self.most_trials * self.strategy.calls(depth)
