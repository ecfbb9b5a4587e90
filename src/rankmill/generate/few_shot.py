"""Queries written from single documents, after worked examples."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.generate.examples import digest_of, drawn, read_examples
from rankmill.generate.writing import (
    Cell,
    Draft,
    Ground,
    Plan,
    Prompts,
    Seed,
    Task,
    Variables,
    Writing,
    conversation,
)
from rankmill.records import Rejection
from rankmill.spec import Machine


class FewShot(Writing):
    """Show a document after a few worked examples (as turns) and ask for a query it answers.

    The examples are the prompt's own, or the user's: then each query is written after `shots` of
    them, drawn anew for it. A seed's segment is not heeded.

    Attributes:
        prompt: Name of a prompt file; its turns are the examples, unless there are others.
        kind_of_query: What the `kind` column of the queries says.
        examples: A file of pairs of a document and a query: JSON Lines, or values between tabs.
        shots: How many of them are shown.
        seed: Seed of their choice.

    Paper: Bonifacio et al., "InPars: Unsupervised Dataset Generation for Information Retrieval",
    SIGIR 2022, and Dai et al., "Promptagator", ICLR 2023; both write the examples into one text.
    """

    variables: ClassVar[frozenset[str]] = frozenset({"title", "document"})

    kind: Literal["few_shot"] = "few_shot"
    kind_of_query: str = "question"
    examples: Path | None = Machine(None)
    shots: int = Field(default=3, ge=1)
    seed: int = 0

    @property
    def prompts(self) -> Variables:
        """One."""
        return {self.prompt: self.variables}

    def reads(self, base: Path) -> dict[str, str]:
        """The examples."""
        return {"examples": digest_of(self.examples, base)} if self.examples else {}

    def tasks(self, seeds: Sequence[Seed], ground: Ground) -> list[Task | Rejection]:
        """Each with examples of its own."""
        pool = read_examples(self.examples, ground.base) if self.examples else []
        return [
            Task(
                seed=seed,
                number=number,
                cell=Cell(kind=self.kind_of_query),
                examples=drawn(pool, seed.document, self.shots, f"{self.seed}/{number}"),
            )
            for seed in seeds
            for number in range(self.per_document)
        ]

    def plan(self, prompts: Prompts, task: Task) -> Plan:
        """Ask for one query that the document answers."""
        examples = [(self.shown(one), one.query) for one in task.examples]
        shown = self.shown(task.seed.document)
        answer = yield self.ask(conversation(prompts[self.prompt], shown, examples))
        return Draft(answer=answer, text=answer.reply.text, cell=task.cell)
