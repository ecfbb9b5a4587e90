"""Long lists through short prompts: windows that slide from the end of the list to its top."""

from collections.abc import Generator, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rankmill.label.first_token import FirstToken
from rankmill.label.groupwise import Groupwise
from rankmill.label.listwise import Listwise
from rankmill.label.order import ordered
from rankmill.label.plans import Asks, Plan, Question, Words
from rankmill.label.presentation import Presentation
from rankmill.prompts import Prompt
from rankmill.readings import Malformed, Reading
from rankmill.records import Ranking, Reply, Request
from rankmill.spec import Spec
from rankmill.teachers.engine import Need

Window = Annotated[Listwise | FirstToken | Groupwise, Field(discriminator="kind")]
Pass = Generator[Sequence[Question], Sequence[Reading], list[str]]


def windows(depth: int, size: int, stride: int) -> list[int]:
    """Where the windows of one pass begin, from the last to the first."""
    starts = range(max(depth - size, 0), 0, -stride)
    return [*starts, 0]


def one_pass(docids: Sequence[str], size: int, stride: int) -> Pass:
    """Rank window after window from the end; the best of each climb into the next."""
    order = list(docids)
    for start in windows(len(order), size, stride):
        window = order[start : start + size]
        (reading,) = yield [Question(docids=tuple(window))]
        order[start : start + size] = ordered(reading)
    return order


class _Windowed(Spec):
    """Windows of a list, each read by another strategy.

    Attributes:
        window: Reads one window.
        size: Documents in a window.
        stride: How far the window moves; what overlaps is compared across windows.
    """

    window: Window = Listwise()
    size: int = Field(default=20, ge=2)
    stride: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def windows_overlap(self) -> Self:
        """Refuse windows that carry nothing up the list."""
        if self.stride >= self.size:
            raise ValueError(f"stride {self.stride} must be smaller than size {self.size}")
        next(self.window.plan([str(place) for place in range(self.size)]))  # refuses too many
        if isinstance(self.window, Groupwise) and self.window.size < self.size:
            raise ValueError(f"window.size {self.window.size} must be at least size {self.size}")
        return self

    @property
    def asks(self) -> Asks:
        """What the window's strategy asks."""
        return self.window.asks

    @property
    def needs(self) -> Need:
        """What the window's strategy needs."""
        return self.window.needs

    @property
    def score_kind(self) -> str | None:
        """None: scores of different windows are on no common scale."""
        return None

    @property
    def variables(self) -> frozenset[str]:
        """What the window's prompt must fill in."""
        return self.window.variables

    @property
    def chat(self) -> bool:
        """Whether the window's prompt is a conversation."""
        return self.window.chat

    def varies(self, presentation: Presentation) -> bool:
        """Whether the window's strategy does."""
        return self.window.varies(presentation)

    def request(self, prompt: Prompt, words: Words) -> Request:
        """Ask about one window."""
        return self.window.request(prompt, words)

    def read(self, question: Question, reply: Reply) -> Reading | Malformed:
        """Read one window."""
        return self.window.read(question, reply)


class SlidingWindow(_Windowed):
    """Slide a window from the end of the list to its top, `passes` times over.

    After one pass only the best `size - stride` documents are sure to have met all others.

    Paper: Sun et al., "Is ChatGPT Good at Search?", EMNLP 2023 (size 20, stride 10).
    """

    kind: Literal["sliding_window"] = "sliding_window"
    passes: int = Field(default=1, ge=1)

    def plan(self, docids: Sequence[str]) -> Plan:
        """Pass after pass over the whole list."""
        order = list(docids)
        for _ in range(self.passes):
            order = yield from one_pass(order, self.size, self.stride)
        return Ranking.in_order(order)

    def calls(self, depth: int) -> int:
        """Windows of a pass times the passes."""
        return self.passes * len(windows(depth, self.size, self.stride)) if depth else 0


class FullRanking(_Windowed):
    """Order the whole list: after each pass its best documents are final and leave the list.

    A pass fixes the `size - stride` documents that have met all others. With `rerank = "all"`
    every pass runs over the whole list, fixed documents included (100 documents: 81 windows); the
    paper's reported cost suggests that.

    Paper: Liu et al., "Sliding Windows Are Not the End: Exploring Full Ranking with
    Long-Context Large Language Models", ACL 2025 (100 documents: 9 passes, 45 windows).
    """

    kind: Literal["full_ranking"] = "full_ranking"
    rerank: Literal["rest", "all"] = "rest"

    def plan(self, docids: Sequence[str]) -> Plan:
        """Freeze and shrink until one window holds what is left."""
        final: list[str] = []
        rest = list(docids)
        while rest:
            shown = [*final, *rest] if self.rerank == "all" else rest
            order = yield from one_pass(shown, self.size, self.stride)
            left = [docid for docid in order if docid not in final]
            fixed = self._fixed(len(rest))
            final, rest = [*final, *left[:fixed]], left[fixed:]
        return Ranking.in_order(final)

    def _fixed(self, rest: int) -> int:
        """How many documents a pass makes final; all of them when one window holds them."""
        return rest if rest <= self.size else self.size - self.stride

    def calls(self, depth: int) -> int:
        """Windows over what is left, pass after pass."""
        calls, rest = 0, depth
        while rest:
            shown = depth if self.rerank == "all" else rest
            calls += len(windows(shown, self.size, self.stride))
            rest -= self._fixed(rest)
        return calls
