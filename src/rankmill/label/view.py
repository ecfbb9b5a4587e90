"""A named use of a strategy: with which prompt, which teacher, how often, in which orders."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from rankmill.label.likelihood import Likelihood
from rankmill.label.listwise import Listwise
from rankmill.label.plans import Plan
from rankmill.label.pointwise import Pointwise
from rankmill.label.presentation import Presentation, present
from rankmill.spec import Spec

Strategy = Pointwise | Likelihood | Listwise


class View(Spec):
    """One way to read a candidate list.

    Attributes:
        name: What filters, weights and the `view` column call it.
        teacher: Name of a teacher of the recipe.
        prompt: Name of a prompt file.
        trials: Independent readings of every list.
        presentation: The orders in which the trials show the list.
        excerpt: Characters of each document that the teacher sees.
        seed: Draws the orders of presentation.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    strategy: Strategy = Field(discriminator="kind")
    teacher: str
    prompt: str
    trials: int = Field(default=1, ge=1)
    presentation: Presentation = "balanced"
    excerpt: int = Field(default=400, ge=20)
    seed: int = 13

    @model_validator(mode="after")
    def name_is_free(self) -> Self:
        """Refuse the two names that filters use for something else."""
        if self.name in {"source", "consensus"}:
            raise ValueError(f"a view cannot be called {self.name}: filters use that word")
        return self

    @model_validator(mode="after")
    def trials_can_differ(self) -> Self:
        """Refuse to count one answer several times: it would agree with itself, always."""
        if self.trials > 1 and not self.strategy.varies(self.presentation):
            raise ValueError(
                f"{self.trials} trials of {self.name} would ask the same question: "
                f"{self.strategy.kind} does not vary when presented as {self.presentation}"
            )
        return self

    def plans(self, qid: str, docids: Sequence[str]) -> list[Plan]:
        """A fresh plan for every trial of one candidate list."""
        return [
            self.strategy.plan(
                present(
                    docids,
                    self.presentation,
                    seed=f"{self.seed}/{self.name}/{qid}",
                    trial=trial,
                    trials=self.trials,
                )
            )
            for trial in range(self.trials)
        ]

    def calls(self, depth: int) -> int:
        """Teacher calls for one list of `depth` documents."""
        return self.trials * self.strategy.calls(depth)
