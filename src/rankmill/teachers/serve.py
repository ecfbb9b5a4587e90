"""Model servers as child processes: started, watched, started again, and never left behind."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rankmill.disk import storage
from rankmill.errors import TeacherUnavailable
from rankmill.spec import digest
from rankmill.teachers import child, health, serverlog
from rankmill.teachers.child import Child
from rankmill.teachers.serverlog import Phase

PORT = "{port}"
"""Stands in a command for the port that the server is given."""

Say = Callable[[str], None]
_POLL_SECONDS = 0.2
_NEWS_SECONDS = 10.0
_MUTE_SECONDS = 60.0
_STEADY_SECONDS = 600.0
_FIRST_WAIT, _GROWS = 1.0, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A command that serves the OpenAI protocol on 127.0.0.1.

    Attributes:
        name: What people call it.
        command: Program and arguments; `PORT` in any of them becomes a free port.
        folder: Its standard output and error go to a log file in this folder.
        environment: Variables added to this process's own.
        phases: What its log tells of while it starts.
        start_seconds: How long it may take until it answers.
        grace_seconds: How long it may take to end before it is killed.
        restarts: How often in a row it is started again when it dies. Ten minutes of health end
            the row.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    phases: tuple[Phase, ...] = ()
    start_seconds: float = 600.0
    grace_seconds: float = 10.0
    restarts: int = 3

    @property
    def key(self) -> str:
        """Sixteen hex digits that two servers share when one process can be both."""
        return digest(json.dumps([self.command, sorted(self.environment.items())]))

    @property
    def log(self) -> Path:
        """Where what it says is kept."""
        called = re.sub(r"[^\w.-]+", "-", self.name)
        return self.folder / f"{called}-{self.key}.log"

    @asynccontextmanager
    async def running(self, say: Say) -> AsyncIterator["Running"]:
        """Start the server, and yield it when it answers.

        It ends, with every process that it started, when the context is left, and when this
        process ends in any way, `kill -9` included.

        Args:
            say: Takes a line when it starts, with what it is busy with, and when it dies.

        Raises:
            TeacherUnavailable: It ended before it answered, or took too long.
            StorageError: Its log cannot be written.
        """
        running = Running(self, say)
        try:
            await running.start()
            yield running
        finally:
            await running.end()


class Running:
    """A server at work.

    Attributes:
        url: Its base URL, the same after a restart.
    """

    def __init__(self, server: Server, say: Say) -> None:
        self._server, self._say = server, say
        self._port = health.free_port()
        self.url = f"http://127.0.0.1:{self._port}/v1"
        self._watcher: Child | None = None
        self._mending: asyncio.Task[None] | None = None
        self._restarts = self._log_begins = 0
        self._ready_since = 0.0

    async def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            TeacherUnavailable: It ended before it answered, or took too long.
            StorageError: Its log cannot be written.
        """
        with storage(self._server.log):
            self._server.folder.mkdir(parents=True, exist_ok=True)
            self._server.log.write_bytes(b"")
        self._say(f"{self._server.name}: starting, log in {self._server.log}")
        await self._launch()

    async def recover(self) -> None:
        """Return when the server answers; it is started again if it must be.

        Many requests may fail of one death: whoever comes while it is mended waits for that.

        Raises:
            TeacherUnavailable: It died too often, in one line with the cause.
            StorageError: Its log cannot be written.
        """
        if self._mending is None or self._mending.done():
            self._mending = asyncio.create_task(self._mend())
        await asyncio.shield(self._mending)

    async def end(self) -> None:
        """End the server, and wait until nothing that it started is left."""
        if self._mending:
            self._mending.cancel()
            await asyncio.wait([self._mending])
        await self._stop()

    async def _mend(self) -> None:
        trouble = await self._trouble()
        while trouble:
            wait = self._next_wait(trouble)
            self._say(
                f"{trouble}; starts again in {wait:.0f} s "
                f"({self._restarts} of {self._server.restarts} times)"
            )
            await asyncio.sleep(wait)
            await self._stop()
            try:
                await self._launch()
            except TeacherUnavailable as error:
                trouble = str(error)
            else:
                return

    async def _trouble(self) -> str:
        """Why the server must be started again; empty as soon as it answers."""
        mute_since = time.monotonic()
        while time.monotonic() - mute_since < _MUTE_SECONDS:
            if self._watcher is None or self._watcher.poll() is not None:
                return self._words(self._ended())
            if not (why := await asyncio.to_thread(health.ailment, self._port)):
                return ""
            await asyncio.sleep(_POLL_SECONDS)
        return self._words(f"has not been well for {_MUTE_SECONDS:.0f} s ({why})")

    def _next_wait(self, trouble: str) -> float:
        """Seconds to wait before the next restart.

        Raises:
            TeacherUnavailable: There were too many.
        """
        if self._ready_since and time.monotonic() - self._ready_since > _STEADY_SECONDS:
            self._restarts = 0
        if self._restarts >= self._server.restarts:
            raise TeacherUnavailable(f"{trouble}; it was started again {self._restarts} times")
        self._restarts += 1
        self._ready_since = 0.0
        return _FIRST_WAIT * _GROWS ** (self._restarts - 1)

    async def _launch(self) -> None:
        command = [part.replace(PORT, str(self._port)) for part in self._server.command]
        with storage(self._server.log), self._server.log.open("ab") as log:
            self._log_begins = log.tell()
            self._watcher = child.spawn(
                command, log, self._server.environment, grace=self._server.grace_seconds
            )
        await self._ready(self._watcher)

    async def _ready(self, watcher: Child) -> None:
        began = news = time.monotonic()
        busy = ""
        while (now := time.monotonic()) - began < self._server.start_seconds:
            if watcher.poll() is not None:
                raise TeacherUnavailable(self._words(f"{self._ended()} before it answered"))
            why = await asyncio.to_thread(health.unready, watcher.pid, self._port)
            if not why:
                self._ready_since = now
                self._say(f"{self._server.name}: ready after {now - began:.0f} s")
                return
            phase = serverlog.doing(self._lines(), self._server.phases)
            if phase != busy or now - news >= _NEWS_SECONDS:
                busy, news = phase, now
                self._say(f"{self._server.name}: {phase or why}, {now - began:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)
        raise TeacherUnavailable(
            self._words(f"does not answer within {self._server.start_seconds:.0f} s")
        )

    async def _stop(self) -> None:
        """Let go of the watcher, and wait until nothing below it is left."""
        watcher, self._watcher = self._watcher, None
        if watcher:
            await child.end(watcher)

    def _lines(self) -> list[str]:
        return serverlog.lines(self._server.log, self._log_begins)

    def _words(self, happened: str) -> str:
        cause = "" if child.KILLED in happened else f": {serverlog.cause(self._lines())}"
        return f"{self._server.name} {happened}{cause} (log: {self._server.log})"

    def _ended(self) -> str:
        return child.ended(self._watcher.poll() if self._watcher else None)


class Servers:
    """The servers of one build: teachers that need the same one share it."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    @asynccontextmanager
    async def running(self, server: Server, say: Say) -> AsyncIterator[Running]:
        """A running server: started for whoever comes first, ended when the last one leaves.

        Raises:
            TeacherUnavailable: It ended before it answered, or took too long.
            StorageError: Its log cannot be written.
        """
        held = self._held.setdefault(server.key, _Held())
        async with held.lock:
            if held.running is None:
                held.running = await held.stack.enter_async_context(server.running(say))
            held.users += 1
        try:
            yield held.running
        finally:
            async with held.lock:
                held.users -= 1
                if not held.users:
                    held.running = None
                    await held.stack.aclose()


@dataclass(slots=True)
class _Held:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    users: int = 0
    running: Running | None = None
