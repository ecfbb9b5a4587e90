"""What a build tells whoever watches it."""

from typing import Protocol

from rankmill.report import StageReport


class Progress(Protocol):
    """A watcher of a build. Every method may be called from any thread."""

    def begin(self, stage: str, why: str) -> None:
        """A stage starts; `why` says what it was never made with, or what changed."""

    def advance(self, stage: str, done: int, total: int, *, tokens: int = 0) -> None:
        """A stage has done `done` of `total` rows and spent `tokens` so far."""

    def say(self, text: str) -> None:
        """One line worth reading: a download, a server that starts."""

    def end(self, report: StageReport, *, seconds: float, reused: bool) -> None:
        """A stage is whole; `reused` when its tables were there already."""


class Silent:
    """A watcher that looks away."""

    def begin(self, stage: str, why: str) -> None:
        """Do nothing."""

    def advance(self, stage: str, done: int, total: int, *, tokens: int = 0) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    def end(self, report: StageReport, *, seconds: float, reused: bool) -> None:
        """Do nothing."""
