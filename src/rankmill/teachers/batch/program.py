"""A program that turns a file of requests into a file of answers, as a child process."""

import re
import time
from asyncio import sleep
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rankmill.disk import storage
from rankmill.errors import TeacherUnavailable
from rankmill.teachers import child, serverlog
from rankmill.teachers.serverlog import Phase

_POLL_SECONDS = 0.2
_GRACE_SECONDS = 10.0
_PROGRESS = re.compile(r"Running batch.* (\d+)/(\d+) \[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is run for a batch.

    Attributes:
        name: What people call it.
        command: Program and arguments, but for `-i INPUT -o OUTPUT`.
        log: Its standard output and error go to this file.
        environment: Variables added to this process's own.
        phases: What its log tells of before it begins to answer.
        silent_seconds: How long it may say nothing.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    phases: Sequence[Phase]
    silent_seconds: float

    async def run(self, asked: Path, answers: Path, say: Callable[[str], None]) -> None:
        """Answer a file; the program ends with this process, whatever ends that.

        Args:
            asked: The requests.
            answers: What the program writes, in place of what is there.
            say: Takes a line with what it is busy with, and how far it is.

        Raises:
            TeacherUnavailable: It failed, in one line with the cause.
            StorageError: Its log cannot be written.
        """
        with storage(self.log):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            answers.unlink(missing_ok=True)
            with self.log.open("wb") as log:
                files = ("-i", str(asked.resolve()), "-o", str(answers.resolve()))
                command = (*self.command, *files)
                running = child.spawn(command, log, self.environment, grace=_GRACE_SECONDS)
        try:
            trouble = await self._until_done(running, say)
        finally:
            await child.end(running)
        if trouble or not answers.exists():
            why = serverlog.cause(self._said())
            raise TeacherUnavailable(
                f"{self.name} {trouble or 'wrote no answers'}: {why} (log: {self.log})"
            )

    async def _until_done(self, running: child.Child, say: Callable[[str], None]) -> str:
        """Tell how far it is until it ends, and return what went wrong, or nothing."""
        size, heard, told = 0, time.monotonic(), ""
        while running.poll() is None:
            await sleep(_POLL_SECONDS)
            now = self.log.stat().st_size
            if now != size:
                size, heard = now, time.monotonic()
                if (news := self._news()) != told:
                    say(f"{self.name}: {news}")
                    told = news
            elif time.monotonic() - heard > self.silent_seconds:
                return f"has said nothing for {self.silent_seconds:.0f} s"
        return child.ended(running.returncode) if running.returncode else ""

    def _news(self) -> str:
        said = self._said()
        for line in reversed(said):
            if found := _PROGRESS.search(line):
                return f"{int(found[1]):,} of {int(found[2]):,} done"
        return serverlog.doing(said, self.phases) or "starting"

    def _said(self) -> list[str]:
        return serverlog.lines(self.log, 0)
