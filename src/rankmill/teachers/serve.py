"""Model servers as child processes that never outlive the build."""

import asyncio
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from rankmill.errors import TeacherUnavailable
from rankmill.tablestore import storage

PORT = "{port}"
"""Stands in a command for the port that the server is given."""

_WATCHER = Path(__file__).with_name("watcher.py")
_POLL_SECONDS = 0.2
_NEWS_SECONDS = 10.0
_TROUBLE = re.compile(r"\b\w*(error|exception|failed|cannot|killed|no module|in use)\b", re.I)
_DECORATION = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A command that serves the OpenAI protocol on 127.0.0.1.

    Attributes:
        name: What people call it.
        command: Program and arguments; `PORT` in any of them becomes a free port.
        log: Its standard output and error go to this file, which starts empty.
        environment: Variables added to this process's own.
        start_seconds: How long it may take until it answers.
        grace_seconds: How long it may take to end before it is killed.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    start_seconds: float = 600.0
    grace_seconds: float = 10.0

    @asynccontextmanager
    async def running(self, say: Callable[[str], None]) -> AsyncIterator[str]:
        """Start the server, wait until it answers, and yield its base URL.

        It ends, with every process that it started, when the context is left, and when this
        process ends in any way, `kill -9` included.

        Raises:
            TeacherUnavailable: It ended before it answered, or took too long.
            StorageError: Its log cannot be written.
        """
        port = _free_port()
        watcher = self._start(port)
        try:
            await self._ready(watcher, port, say)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            await _end(watcher)

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        command = [part.replace(PORT, str(port)) for part in self.command]
        with storage(self.log):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("wb") as log:
                return subprocess.Popen(
                    [sys.executable, "-I", str(_WATCHER), str(self.grace_seconds), *command],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", **self.environment},
                    start_new_session=True,
                )

    async def _ready(
        self, watcher: subprocess.Popen[bytes], port: int, say: Callable[[str], None]
    ) -> None:
        began = news = time.monotonic()
        say(f"{self.name}: starting, log in {self.log}")
        while (now := time.monotonic()) - began < self.start_seconds:
            if watcher.poll() is not None:
                raise TeacherUnavailable(
                    f"{self.name} ended with exit code {watcher.returncode} before it answered: "
                    f"{self._last_words()} (log: {self.log})"
                )
            why = await asyncio.to_thread(_unready, watcher.pid, port)
            if not why:
                say(f"{self.name}: ready after {now - began:.0f} s")
                return
            if now - news >= _NEWS_SECONDS:
                news = now
                say(f"{self.name}: not ready after {now - began:.0f} s: {why}")
            await asyncio.sleep(_POLL_SECONDS)
        raise TeacherUnavailable(
            f"{self.name} does not answer within {self.start_seconds:.0f} s: "
            f"{self._last_words()} (log: {self.log})"
        )

    def _last_words(self) -> str:
        """The last lines of the log that speak of trouble; where none does, the last of all."""
        text = _DECORATION.sub("", self.log.read_text(encoding="utf-8", errors="replace"))
        lines = [line.strip()[:300] for line in text.splitlines() if line.strip()]
        told = [line for line in lines if _TROUBLE.search(line)] or lines
        return " | ".join(told[-3:]) or "it said nothing"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _unready(watcher: int, port: int) -> str:
    """Why the server cannot be used yet; empty when it can.

    Another program may have taken the port since it was found free: what answers there must be
    a process below the watcher.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v1/models")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"nothing answers yet ({error})"
    finally:
        connection.close()
    if status != 200:
        return f"/v1/models answers {status}"
    return "" if _listens(watcher, port) else f"another program answers on port {port}"


def _listens(watcher: int, port: int) -> bool:
    try:
        below = psutil.Process(watcher).children(recursive=True)
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            for process in below
            for connection in process.net_connections("tcp")
        )
    except psutil.NoSuchProcess:
        return False


async def _end(watcher: subprocess.Popen[bytes]) -> None:
    """Let go of the watcher, and wait until nothing below it is left."""
    if watcher.stdin:
        watcher.stdin.close()
    code = await asyncio.shield(asyncio.to_thread(watcher.wait))
    if code == -signal.SIGKILL:  # somebody killed the watcher itself: end its whole session
        with suppress(ProcessLookupError):
            os.killpg(watcher.pid, signal.SIGKILL)
