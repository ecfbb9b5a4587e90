"""Queries of many sorts, in quotas that the user sets."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from rankmill.generate.asking import Asking
from rankmill.generate.deal import Axis
from rankmill.generate.personas import AskedPersonas, ListedPersonas, Personas
from rankmill.generate.writing import (
    Draft,
    Ground,
    Plan,
    Prompts,
    Seed,
    Task,
    Unusable,
    Variables,
)
from rankmill.records import Document, Rejection

_KINDS = ("question", "keyword", "claim", "how_to", "comparison")


class Grid(Asking):
    """Deal out what every query is to be: kind, difficulty, length, language and who asks.

    Every axis has its quotas exactly, over all seeds, and every value of one axis is spread evenly
    over those of the others. What a cell asks for stands in the columns of its query.

    Attributes:
        kinds: With weights; a list weighs all the same.
        personas: Who asks. Those of a list are a further axis, or each query has one of those
            nearest to its document; those that the teacher names cost a call for every document,
            or for every topic.
    """

    kind: Literal["grid"] = "grid"
    kinds: Axis = Field(default=dict.fromkeys(_KINDS, 1.0), min_length=1)
    personas: Personas | None = None

    @property
    def calls(self) -> int:
        """One, and one more for who asks."""
        return 2 if isinstance(self.personas, AskedPersonas) else 1

    @property
    def prompts(self) -> Variables:
        """The one that writes, and the one that asks who asks."""
        asked = self.personas
        first = {asked.prompt: asked.variables} if isinstance(asked, AskedPersonas) else {}
        return {**first, **super().prompts}

    def reads(self, base: Path) -> dict[str, str]:
        """The words, the examples and the personas."""
        who = self.personas
        listed = who.reads(base) if isinstance(who, ListedPersonas) else {}
        return {**super().reads(base), **listed}

    def tasks(self, seeds: Sequence[Seed], ground: Ground) -> list[Task | Rejection]:
        """A cell of the grid for each query."""
        axes = {
            "kind": self.kinds,
            "difficulty": self.difficulties,
            "length": self.lengths,
            "lang": self.langs,
        }
        match self.personas:
            case ListedPersonas(nearest=0) as listed:
                axes["persona"] = dict.fromkeys(listed.read(ground.base), 1.0)
                return [*self.spread_out(axes, seeds, ground)]
            case ListedPersonas() as listed:
                return self._near(self.spread_out(axes, seeds, ground), listed, seeds, ground)
            case AskedPersonas(of="cluster"):
                first: dict[int, Document] = {}
                for seed in seeds:
                    first.setdefault(seed.cluster, seed.document)
                return [
                    replace(task, neighbour=first[task.seed.cluster])
                    for task in self.spread_out(axes, seeds, ground)
                ]
        return [*self.spread_out(axes, seeds, ground)]

    def _near(
        self,
        tasks: Sequence[Task],
        listed: ListedPersonas,
        seeds: Sequence[Seed],
        ground: Ground,
    ) -> list[Task | Rejection]:
        """Give each query one of the personas nearest to its document, in an order by seed."""
        personas = listed.read(ground.base)
        near = {}
        for seed, places in zip(
            seeds, ground.nearest(personas, seeds, listed.nearest), strict=True
        ):
            docid = seed.document.docid
            random.Random(f"{self.seed}/{docid}").shuffle(places)
            near[docid] = [personas[place] for place in places]
        made: list[Task | Rejection] = []
        for task in tasks:
            offered = near[task.seed.document.docid]
            persona = offered[task.number % len(offered)]
            made.append(replace(task, cell=task.cell._replace(persona=persona)))
        return made

    def plan(self, prompts: Prompts, task: Task) -> Plan:
        """Ask who asks, if that is for the teacher to say; then for the query."""
        cell = task.cell
        if isinstance(self.personas, AskedPersonas):
            persona = self.personas.read((yield self.personas.ask(prompts, task, self.excerpt)))
            if isinstance(persona, Unusable):
                return Unusable("no_persona", f"{persona.rule}: {persona.detail}")
            cell = cell._replace(persona=persona)
        answer = yield self.write(prompts, task, cell)
        return Draft(answer=answer, text=answer.reply.text, cell=self.said(task, cell))
