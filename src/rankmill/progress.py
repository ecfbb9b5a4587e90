"""What a build tells whoever watches it."""

from typing import Protocol

from rankmill.pulse import Pulse
from rankmill.report import StageReport


class Progress(Protocol):
    """A watcher of a build. Every method may be called from any thread."""

    def begin(self, stage: str, why: str) -> None:
        """A stage starts; `why` says what it was never made with, or what changed."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """A stage has done `done` of `total` rows; 0 is a total that is not known."""

    def beat(self, pulse: Pulse) -> None:
        """How the teachers are doing; comes about twice a second while a stage asks them."""

    def say(self, text: str) -> None:
        """One line worth reading: a download, a server that starts."""

    def end(self, report: StageReport, *, seconds: float, reused: bool) -> None:
        """A stage is whole; `reused` when its tables were there already."""


class Silent:
    """A watcher that looks away."""

    def begin(self, stage: str, why: str) -> None:
        """Do nothing."""

    def advance(self, stage: str, done: int, total: int) -> None:
        """Do nothing."""

    def beat(self, pulse: Pulse) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    def end(self, report: StageReport, *, seconds: float, reused: bool) -> None:
        """Do nothing."""
