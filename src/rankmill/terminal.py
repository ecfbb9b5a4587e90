"""Live progress in a terminal, and plain lines where there is none."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from rankmill.pulse import Pulse
from rankmill.report import StageReport

_QUIET_SECONDS = 30


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        speed = task.speed or 0.0
        return Text(f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.1f}/s", style="cyan")


class _Bars(Progress):
    """Bars, and below them a line about the teachers."""

    status = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.status:
            yield Text(self.status, style="cyan")


class Live:
    """Shows a build as it goes: stage, done of total, rate, time left, and its teachers.

    Where the output is no terminal, one line is printed per stage and at most one every half
    minute in between.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = _Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, float] = {}
        self._status = ""
        self._lock = Lock()

    @contextmanager
    def __call__(self) -> Iterator["Live"]:
        """Keep the display up."""
        if not self.console.is_terminal:
            yield self
            return
        with self.bars:
            yield self

    def begin(self, stage: str, why: str) -> None:
        """A stage starts."""
        with self._lock:
            self._said[stage] = time.monotonic()
            if self.console.is_terminal:
                self._tasks[stage] = self.bars.add_task(f"{stage} ({why})", total=None)
        if not self.console.is_terminal:
            self.console.print(f"{stage}: begins ({why})", highlight=False)

    def advance(self, stage: str, done: int, total: int) -> None:
        """Move the stage's bar."""
        with self._lock:
            if (task := self._tasks.get(stage)) is not None:
                self.bars.update(task, completed=done, total=total or None)
                return
            now = time.monotonic()
            if self.console.is_terminal or now - self._said.get(stage, now) < _QUIET_SECONDS:
                return
            self._said[stage] = now
        parts = [f"{done:,} of {total:,}" if total else f"{done:,}", self._status]
        line = " · ".join(filter(None, parts))
        self.console.print(f"{stage}: {line}", highlight=False, markup=False, soft_wrap=True)

    def beat(self, pulse: Pulse) -> None:
        """Say below the bars how the teachers are doing."""
        self._status = self.bars.status = str(pulse)

    def say(self, text: str) -> None:
        """Print one line above the bars."""
        self.console.print(text, style="dim", highlight=False, markup=False)

    def end(self, report: StageReport, *, seconds: float, reused: bool) -> None:
        """Replace the stage's bar by its counts."""
        with self._lock:
            task = self._tasks.pop(report.stage, None)
            self._status = self.bars.status = ""
        if task is not None:
            self.bars.remove_task(task)
        how = "there already" if reused else f"{seconds:.1f} s"
        mark = ("= ", "dim") if reused else ("✓ ", "green")
        self.console.print(Text.assemble(mark, f"{report}  [{how}]"), highlight=False)
