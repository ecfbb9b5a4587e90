"""Prompt files, rendered strictly: what a teacher is told, in words that are kept apart from code.

A prompt file is TOML front matter between two `+++` lines, then one Jinja body per turn:

    +++
    purpose = "Is this document relevant to this query?"
    variables = ["query", "document"]
    output = "Yes or No, as the first token."
    +++
    === system
    You judge search results.
    === user
    Query: {{ query }}
    Document: {{ document }}

The turns are `system`, `user` and `assistant` for a conversation, which ends with `user`; or
`prefix` and `text` for a continuation whose log-probability is read.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self, cast

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rankmill.errors import PromptError
from rankmill.records import Continuation, Message
from rankmill.spec import digest


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox that does not check the number of a loop's turn again for every document."""

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401 - as jinja2 has it
        """A safe attribute, or one that the template's user is told of."""
        if type(obj) is LoopContext and attribute == "index":
            return obj.index
        return super().getattr(obj, attribute)


_JINJA = _Sandbox(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
_TURN = re.compile(r"^=== *(\w+) *$\n?", re.MULTILINE)
_FRONT = re.compile(r"\A\+\+\+\n(.*?)^\+\+\+\n", re.DOTALL | re.MULTILINE)
_FIELDS = {"purpose", "paper", "variables", "output"}
_REQUIRED = {"purpose", "variables", "output"}
Render = Callable[[Mapping[str, object]], str]
_CHAT = {"system", "user", "assistant"}


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt file.

    Attributes:
        name: Its path below a `prompts` folder, without the suffix.
        source: The whole file, front matter included.
        front: The front matter.
        turns: Role and Jinja body of every turn, in order.
    """

    name: str
    source: str
    front: Mapping[str, Any]
    turns: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, name: str, source: str) -> Self:
        """Read a prompt file's text.

        Raises:
            PromptError: Front matter or a turn is missing or unknown, a body is not valid Jinja,
                or the declared variables are not the ones the bodies use.
        """
        match = _FRONT.match(source)
        if not match:
            raise PromptError(f"prompt {name}: expected front matter between two +++ lines")
        try:
            front = tomllib.loads(match.group(1))
        except tomllib.TOMLDecodeError as error:
            raise PromptError(f"prompt {name}: front matter is not TOML: {error}") from error
        if not _REQUIRED <= front.keys() <= _FIELDS:
            raise PromptError(
                f"prompt {name}: expected front matter {sorted(_FIELDS)}, found {sorted(front)}"
            )
        _, *parts = _TURN.split(source[match.end() :])
        turns = tuple(zip(parts[::2], (body.strip("\n") for body in parts[1::2]), strict=True))
        prompt = cls(name=name, source=source, front=front, turns=turns)
        prompt._check()
        return prompt

    def _check(self) -> None:
        roles = [role for role, _ in self.turns]
        chat = bool(roles) and set(roles) <= _CHAT and roles[-1] == "user"
        if not chat and roles != ["prefix", "text"]:
            raise PromptError(
                f"prompt {self.name}: expected turns system, user, assistant ending with user, "
                f"or prefix and text; found {roles}"
            )
        try:
            used = set().union(
                *(find_undeclared_variables(_JINJA.parse(body)) for _, body in self.turns)
            )
        except TemplateSyntaxError as error:
            raise PromptError(f"prompt {self.name}: {error.message}") from error
        if used != set(self.front["variables"]):
            raise PromptError(
                f"prompt {self.name}: declares variables {sorted(self.front['variables'])}, "
                f"uses {sorted(used)}"
            )

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with any edit to the file."""
        return digest(self.source)

    @property
    def is_chat(self) -> bool:
        """Whether this is a conversation, rather than a continuation."""
        return self.turns[-1][0] == "user"

    @cached_property
    def _renderers(self) -> list[tuple[str, Render]]:
        """Role and renderer of each turn; one in which nothing is filled in is rendered once."""
        return [(role, _renderer(body)) for role, body in self.turns]

    def _fill(self, values: Mapping[str, object]) -> list[tuple[str, str]]:
        if values.keys() != set(self.front["variables"]):
            raise PromptError(
                f"prompt {self.name}: wants {sorted(self.front['variables'])}, "
                f"given {sorted(values)}"
            )
        try:
            return [(role, render(values)) for role, render in self._renderers]
        except TemplateError as error:
            raise PromptError(f"prompt {self.name}: {error.message}") from error

    def messages(self, **values: object) -> tuple[Message, ...]:
        """Render a conversation.

        Raises:
            PromptError: The prompt's variables are not exactly `values`, or it is no conversation.
        """
        if not self.is_chat:
            raise PromptError(f"prompt {self.name}: expected a conversation, found a continuation")
        turns = self._fill(values)
        return tuple(Message(role=cast("Any", role), content=text) for role, text in turns)

    def continuation(self, **values: object) -> Continuation:
        """Render a continuation. Its text begins with a space, so that it starts a new token.

        Raises:
            PromptError: The prompt's variables are not exactly `values`, or it is a conversation.
        """
        if self.is_chat:
            raise PromptError(f"prompt {self.name}: expected turns prefix and text")
        (_, prefix), (_, text) = self._fill(values)
        return Continuation(prefix=prefix.rstrip(), text=" " + text.strip())


def _renderer(body: str) -> Render:
    template = _JINJA.from_string(body)
    if find_undeclared_variables(_JINJA.parse(body)):
        return template.render
    always = template.render()
    return lambda _: always


def find(name: str, folders: Sequence[Path] = ()) -> Prompt:
    """Load the prompt called `name` from the first folder that has it, else from the package.

    Raises:
        PromptError: No folder has it, or the file is not a valid prompt.
    """
    places = [*folders, Path(str(files("rankmill").joinpath("prompts")))]
    for place in places:
        path = place / f"{name}.j2"
        if path.is_file():
            return _load(name, path, path.stat().st_mtime_ns)
    tried = ", ".join(str(place) for place in places)
    raise PromptError(f"prompt {name}: no file {name}.j2 in {tried}")


@lru_cache
def _load(name: str, path: Path, _modified: int) -> Prompt:
    return Prompt.parse(name, path.read_text(encoding="utf-8"))


_BRACKETED = re.compile(r"\[(\d+|[A-Z])\]")
_MARKUP = re.compile(r"<(?=\||/?(?:document|query)\b)", re.IGNORECASE)


def as_data(text: str, *, limit: int) -> str:
    """Make text of a corpus or a user safe to stand in a prompt.

    White space becomes single spaces; `[12]` and `[B]` become `(12)` and `(B)`, so that they
    cannot pass for identifiers (RankGPT and ReasonRank do so with numbers); the marks that fence
    documents and the marks of chat templates (`<|im_start|>`) lose their meaning. A text longer
    than `limit` characters is cut at a word and ends with an ellipsis.
    """
    flat = _MARKUP.sub("\u2039", _BRACKETED.sub(r"(\1)", " ".join(text.split())))
    if len(flat) <= limit:
        return flat
    head, _, _ = flat[: limit - 1].rpartition(" ")
    return (head or flat[: limit - 1]) + " …"
