"""`rankmill review` as a process, and a client that can say what no browser would."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

_START = [sys.executable, "-c", "from rankmill.cli import main; main()", "review", "toy"]
_SECONDS = 60


def command(data: Path, *options: str) -> list[str]:
    return [*_START, "--data", str(data), "--reviewer", "ann", *options]


@dataclass(frozen=True, kw_only=True)
class Site:
    """A review page that is served."""

    url: str
    process: subprocess.Popen

    @property
    def origin(self) -> str:
        return self.url.rsplit("/", 2)[0]

    @property
    def token(self) -> str:
        return self.url.rsplit("/", 2)[1]

    def get(self, path: str, **options: Any) -> Any:
        """The JSON of an answer, which has to be a good one."""
        return self._good("GET", path, options)

    def post(self, path: str, body: Any, **options: Any) -> Any:
        """What the page would get for a decision."""
        return self._good("POST", path, {"data": json.dumps(body), **options})

    def _good(self, method: str, path: str, options: dict) -> Any:
        status, _, reply = self.ask(method, path, **options)
        assert status == 200, reply
        return json.loads(reply)

    def ask(self, method: str, path: str, *, headers: dict | None = None, **options: Any):
        """Status, headers and text of an answer; `headers` replace those of the page."""

        async def go():
            async with self.session() as session:
                return await self.send(session, method, path, headers=headers, **options)

        return asyncio.run(go())

    def session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS))

    async def send(
        self, session, method: str, path: str, *, headers: dict | None = None, **options
    ):
        own = {
            "Origin": self.origin,
            "X-Rankmill-Token": self.token,
            "Content-Type": "application/json",
        }
        sent = {name: value for name, value in {**own, **(headers or {})}.items() if value}
        url = path if path.startswith("http") else self.url + path
        async with session.request(method, url, headers=sent, **options) as reply:
            return reply.status, reply.headers, await reply.text()


@contextmanager
def reviewing(data: Path, *options: str) -> Iterator[Site]:
    """Serve the review of the build toy; whatever is left of it is killed at the end."""
    child = subprocess.Popen(
        command(data, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        url = child.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), child.communicate(timeout=_SECONDS)
        yield Site(url=url, process=child)
    finally:
        child.kill()
        child.communicate(timeout=_SECONDS)
