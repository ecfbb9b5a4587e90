"""Queries by requirements: of a kind, for somebody, hard or easy, long or short, in a language."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from rankmill.generate.deal import Axis, cells, deal
from rankmill.generate.examples import digest_of, drawn, read_examples
from rankmill.generate.segments import marked
from rankmill.generate.vocabulary import Words, examples_of, shipped_digest
from rankmill.generate.writing import (
    Ask,
    Cell,
    Ground,
    Prompts,
    Seed,
    Task,
    Variables,
    Writing,
    conversation,
)
from rankmill.spec import Machine
from rankmill.tags import fault

_FILLED = ("form", "persona", "difficulty", "length", "language")


class Asking(Writing):
    """What every writer has that says what each query is to be like.

    Attributes:
        prompt: Name of a prompt file; what is asked of a query is filled into its last turn.
        kinds: What the queries are, with weights.
        difficulties: How hard they are; empty leaves it open.
        lengths: How long they are; empty leaves it open.
        langs: BCP 47 tags of the languages they are in, which need not be the documents'; empty
            asks for the document's own where it is known.
        words: What these names mean, where it is not what the package says.
        examples: A file of examples of the user's own; see `rankmill.generate.examples`.
        shots: How many of them are shown.
        seed: Seed of what is dealt out, and of the examples.
    """

    marks: ClassVar[bool] = True
    variables: ClassVar[frozenset[str]] = frozenset(
        {"title", "before", "document", "after", *_FILLED}
    )

    prompt: str = "queries/grid"
    kinds: Axis = Field(min_length=1)
    difficulties: Axis = Field(default_factory=dict)
    lengths: Axis = Field(default_factory=dict)
    langs: Axis = Field(default_factory=dict)
    words: Words = Words()
    examples: Path | None = Machine(None)
    shots: int = Field(default=3, ge=1)
    seed: int = 0

    @model_validator(mode="after")
    def _names_have_words(self) -> Self:
        for axis in ("kinds", "difficulties", "lengths"):
            if missing := self.words.missing(axis, getattr(self, axis)):
                known = ", ".join(self.words.all(axis))
                raise ValueError(
                    f"{axis}: {', '.join(missing)} {'has' if len(missing) == 1 else 'have'} no "
                    f"words; say what is meant in words.{axis}, or take {known}"
                )
            asked = getattr(self, axis)
            if unasked := sorted(getattr(self.words, axis).keys() - asked.keys()):
                known = ", ".join(asked) or "none"
                raise ValueError(
                    f"words.{axis}: {unasked[0]} is not asked for; found {axis}: {known}"
                )
        for lang in self.langs:
            if reason := fault(lang):
                raise ValueError(f"langs: {reason}")
        return self

    @property
    def prompts(self) -> Variables:
        """The one that writes."""
        return {self.prompt: self.variables}

    def reads(self, base: Path) -> dict[str, str]:
        """The words, and the examples."""
        files = {"examples": digest_of(self.examples, base)} if self.examples else {}
        return {"words": shipped_digest(), **files}

    def spread_out(
        self, axes: Mapping[str, Axis], seeds: Sequence[Seed], ground: Ground
    ) -> list[Task]:
        """Deal out the cells of a grid: exact quotas along every axis, whatever the seeds."""
        pool = read_examples(self.examples, ground.base) if self.examples else []
        total = len(seeds) * self.per_document
        dealt = cells(list(axes.values()), total, self.seed)
        made = [Cell(**dict(zip(axes, one, strict=True))) for one in dealt]
        return [
            Task(
                seed=seed,
                number=number,
                cell=cell,
                examples=drawn(pool, seed.document, self.shots, f"{self.seed}/{number}"),
            )
            for seed, hand in zip(seeds, deal(made, len(seeds), self.seed), strict=True)
            for number, cell in enumerate(hand)
        ]

    def said(self, task: Task, cell: Cell) -> Cell:
        """The cell, with the document's language where none is asked for."""
        return cell._replace(lang=cell.lang or task.seed.document.lang or "")

    def write(self, prompts: Prompts, task: Task, cell: Cell) -> Ask:
        """Ask for a query that meets the requirements."""
        said = self.said(task, cell)
        before, target, after = marked(task.seed, self.excerpt)
        title = self.shown(task.seed.document)["title"]
        values = {"title": title, "before": before, "document": target, "after": after}
        examples = [
            ({**self.shown(one), "before": "", "after": "", **self.words.of(one.cell)}, one.query)
            for one in task.examples or examples_of(said)
        ]
        return self.ask(
            conversation(prompts[self.prompt], {**values, **self.words.of(said)}, examples)
        )
