"""Queries whose configuration the teacher chooses first."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.generate.asking import Asking
from rankmill.generate.deal import Axis
from rankmill.generate.personas import ListedPersonas
from rankmill.generate.replies import read_object
from rankmill.generate.writing import (
    Ask,
    Cell,
    Draft,
    Ground,
    Plan,
    Prompts,
    Seed,
    Task,
    Unusable,
    Variables,
)
from rankmill.records import Chat, Rejection, Reply

_CHARACTER, _TYPE, _DIFFICULTY = _NAMES = ("character", "question_type", "difficulty")
_TYPES = ("keyword", "acquire_knowledge", "summary", "yes_or_no", "background")
_LEVELS = ("high_school", "university", "phd")
_TOKENS = 40
_MOST_CHOICES = 256


class Configured(Asking):
    """Two calls: the teacher chooses who asks, what sort of question and how hard; then it writes.

    For each document it is offered the nearest personas of a list. Its choice is JSON with closed
    options, to which it is held where it can be; anything else is rejected. Length and language
    are dealt out, as in a grid.

    Attributes:
        kinds: The question types that it may choose from; their weights say nothing.
        difficulties: The difficulties that it may choose from.
        personas: The list, and how many are offered.
        configure: Name of the prompt file of the first call; `prompt` is that of the second.
        temperature: Of both calls. At 0 a teacher tends to choose the same for every document.

    Paper: Zhang et al., "Qwen3 Embedding: Advancing Text Embedding and Reranking Through Foundation
    Models", 2025 (five personas of Persona Hub, five question types, three difficulties). Our
    teacher names a persona by its number, and writes the query alone rather than JSON.
    """

    kind: Literal["configured"] = "configured"
    kinds: Axis = Field(default=dict.fromkeys(_TYPES, 1.0), min_length=1)
    difficulties: Axis = Field(default=dict.fromkeys(_LEVELS, 1.0), min_length=1)
    personas: ListedPersonas = ListedPersonas(nearest=5)
    configure: str = "queries/configure"
    temperature: float = Field(default=0.7, ge=0, le=2)

    configuring: ClassVar[frozenset[str]] = frozenset(
        {"title", "document", "characters", "question_types", "difficulties"}
    )

    @property
    def calls(self) -> int:
        """Two."""
        return 2

    @property
    def prompts(self) -> Variables:
        """Both."""
        return {self.configure: self.configuring, **super().prompts}

    def reads(self, base: Path) -> dict[str, str]:
        """The words, the examples and the personas."""
        return {**super().reads(base), **self.personas.reads(base)}

    def tasks(self, seeds: Sequence[Seed], ground: Ground) -> list[Task | Rejection]:
        """Each with the personas nearest to its document."""
        personas = self.personas.read(ground.base)
        most = self.personas.nearest or len(personas)
        near = ground.nearest(personas, seeds, most)
        offered = {
            seed.document.docid: tuple(personas[place] for place in places)
            for seed, places in zip(seeds, near, strict=True)
        }
        axes = {"length": self.lengths, "lang": self.langs}
        return [
            replace(task, personas=offered[task.seed.document.docid])
            for task in self.spread_out(axes, seeds, ground)
        ]

    def plan(self, prompts: Prompts, task: Task) -> Plan:
        """Have the configuration chosen; then ask for the query."""
        configuration = self.read((yield self.ask_first(prompts, task)).reply, task)
        if isinstance(configuration, Unusable):
            return configuration
        answer = yield self.write(prompts, task, configuration)
        return Draft(answer=answer, text=answer.reply.text, cell=self.said(task, configuration))

    def ask_first(self, prompts: Prompts, task: Task) -> Ask:
        """Ask for a configuration."""
        options = [
            json.dumps(dict(zip(_NAMES, (who, kind, difficulty), strict=True)))
            for who in range(1, len(task.personas) + 1)
            for kind in self.kinds
            for difficulty in self.difficulties
        ]
        chat = Chat(
            messages=prompts[self.configure].messages(
                **self.shown(task.seed.document),
                characters=list(task.personas),
                question_types=self._words("kinds", self.kinds),
                difficulties=self._words("difficulties", self.difficulties),
            ),
            max_tokens=_TOKENS,
            temperature=self.temperature,
            choices=tuple(options) if len(options) <= _MOST_CHOICES else (),
            schema=self._schema(len(task.personas)),
        )
        return Ask(chat=chat, likely=options[0])

    def _words(self, axis: str, names: Axis) -> dict[str, str]:
        words = self.words.all(axis)
        return {name: words[name] for name in names}

    def _schema(self, characters: int) -> str:
        """The closed options."""
        options = {
            _CHARACTER: {"type": "integer", "minimum": 1, "maximum": characters},
            _TYPE: {"enum": list(self.kinds)},
            _DIFFICULTY: {"enum": list(self.difficulties)},
        }
        form = {"type": "object", "properties": options, "required": list(_NAMES)}
        return json.dumps({**form, "additionalProperties": False})

    def read(self, reply: Reply, task: Task) -> Cell | Unusable:
        """The cell that a configuration chooses, in the length and language that are dealt out."""
        found = read_object(reply, _NAMES)
        if isinstance(found, Unusable):
            return Unusable("no_configuration", f"{found.rule}: {found.detail}")
        options = {
            _CHARACTER: [str(number) for number in range(1, len(task.personas) + 1)],
            _TYPE: list(self.kinds),
            _DIFFICULTY: list(self.difficulties),
        }
        for name, known in options.items():
            if found[name] not in known:
                detail = f"{name} {found[name]!r}, expected one of {', '.join(known)}"
                return Unusable("no_such_option", detail)
        return task.cell._replace(
            kind=found[_TYPE],
            difficulty=found[_DIFFICULTY],
            persona=task.personas[int(found[_CHARACTER]) - 1],
        )
