"""OpenAI's Batch API: a file of requests goes up, and within a day a file of answers comes down."""

from asyncio import CancelledError, sleep
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from rankmill.disk import storage
from rankmill.errors import TeacherRefused, TeacherUnavailable
from rankmill.teachers._faults import Fault
from rankmill.teachers._gate import Gate
from rankmill.teachers._pool import Pool, Post
from rankmill.teachers.batch.client import Batched, batches
from rankmill.teachers.batch.endpoint import BatchEndpoint, id_of, status_of
from rankmill.teachers.batch.ledger import Entry
from rankmill.teachers.batch.spec import Batch
from rankmill.teachers.engine import Surroundings
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.protocol import message_of

T = TypeVar("T")
_DONE = {"completed", "failed", "expired", "cancelled"}
_SUBMITTING = "submitting"
_TOO_MUCH = "token_limit_exceeded"
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 900.0


@asynccontextmanager
async def hosted(spec: OpenAI, how: Batch, url: str, where: Surroundings) -> AsyncIterator[Batched]:
    """Open a teacher that is asked through the Batch API of the endpoint at `url`."""
    endpoint = BatchEndpoint(spec, url)
    try:
        post = Post(endpoint=endpoint, gate=Gate(spec.concurrency))
        pool = Pool(posts=[post], patience=spec.patience_seconds, say=where.say)
        engine = Batched(spec, pool, teacher=spec, where=where)
        service = Hosted(spec, how, endpoint, where.say)
        async with batches(engine, how, service, where) as opened:
            yield opened
    finally:
        await endpoint.close()


class Hosted:
    """Carries batches to an endpoint and back."""

    def __init__(
        self, spec: OpenAI, how: Batch, endpoint: BatchEndpoint, say: Callable[[str], None]
    ) -> None:
        self._spec, self._how, self._endpoint, self._say = spec, how, endpoint, say
        self._carrying = self._carried = 0

    @property
    def place(self) -> str:
        """The base URL."""
        return self._endpoint.url

    async def carry(self, entry: Entry) -> None:
        """See `Service.carry`."""
        self._carrying += 1
        try:
            batch = await self._finished(entry)
            await self._fetch(entry, batch)
        except TeacherRefused as error:
            if not entry.folder.exists() or not entry.state.id:
                raise
            raise TeacherRefused(
                f"{entry.name}: {error}; its requests wait in {entry.folder}, remove that folder "
                "to ask them anew"
            ) from error
        except CancelledError:
            if entry.state.id:
                self._say(f"{entry.name} goes on at {self.place}; the same command collects it")
            raise
        finally:
            self._carrying -= 1
            self._carried += 1

    async def _finished(self, entry: Entry) -> dict[str, Any]:
        """The batch in its last state; one that the server had no room for is submitted again."""
        while True:
            batch = await self._patiently(entry, self._submitted)
            batch = await self._until_done(entry, batch)
            if batch["status"] != "failed":
                return batch
            code, words = _reason(batch)
            if code != _TOO_MUCH or self._carrying == 1:
                entry.drop()
                more = "; batch.requests sets how many go into one" if code == _TOO_MUCH else ""
                raise TeacherRefused(f"{entry.name}: {self.place} rejects the batch: {words}{more}")
            self._say(f"{entry.name}: no room for it at {self.place} before another one is done")
            entry.note(id="", status="")
            await self._until_another_is_done()

    async def _until_another_is_done(self) -> None:
        carried = self._carried
        self._carrying -= 1
        try:
            while self._carrying and self._carried == carried:
                await sleep(self._how.poll_seconds)
        finally:
            self._carrying += 1

    async def _submitted(self, entry: Entry) -> dict[str, Any]:
        """The batch as the server sees it now; submits it unless the server has it already."""
        if entry.state.id:
            return await self._endpoint.json("GET", f"/batches/{entry.state.id}")
        cut = entry.state.status == _SUBMITTING  # nobody saw whether the server took it
        batch = await self._endpoint.find(entry) if cut else None
        if batch is None:
            if cut:
                self._say(_twice(entry))
            file = await self._endpoint.upload(entry)
            entry.note(status=_SUBMITTING)
            batch = await self._endpoint.submit(entry, file)
        entry.note(id=id_of(batch, "batch"))
        self._say(f"{entry.name}: {entry.state.requests:,} requests submitted to {self.place}")
        return batch

    async def _until_done(self, entry: Entry, batch: dict[str, Any]) -> dict[str, Any]:
        """Ask how the batch is until it is done, and tell what changes."""
        wait = min(_FIRST_WAIT, self._how.poll_seconds)
        told = ""
        while (status := status_of(batch)) not in _DONE:
            counts = batch.get("request_counts") or {}
            done = (counts.get("completed") or 0) + (counts.get("failed") or 0)
            news = f"{status.replace('_', ' ')}, {done:,} of {entry.state.requests:,} done"
            if news != told:
                self._say(f"{entry.name}: {news}")
                told = news
            await sleep(wait)
            wait = min(1.5 * wait, self._how.poll_seconds)
            batch = await self._patiently(entry, self._submitted)
        entry.note(status=status)
        return batch

    async def _fetch(self, entry: Entry, batch: dict[str, Any]) -> None:
        """Have all answers on disk: those of the output file, then those of the error file."""
        files = [batch.get("output_file_id"), batch.get("error_file_id")]

        async def fetch(entry: Entry) -> None:
            partial = entry.answers.with_suffix(".partial")
            with storage(partial):
                partial.write_bytes(b"")
                for file in filter(None, files):
                    await self._endpoint.download(str(file), partial)
                partial.replace(entry.answers)

        await self._patiently(entry, fetch)

    async def _patiently(self, entry: Entry, work: Callable[[Entry], Awaitable[T]]) -> T:
        """Do something at the server, again after a failure that may pass.

        Raises:
            TeacherUnavailable: It failed as often as the spec allows.
        """
        faults = 0
        while True:
            try:
                return await work(entry)
            except Fault as fault:
                faults += 1
                if faults == self._spec.tries:
                    kept = f"; {entry.name} goes on there" if entry.state.id else ""
                    raise TeacherUnavailable(
                        f"{self.place}: no answer after {faults} tries, the last one: {fault}{kept}"
                    ) from fault
                backoff = min(self._how.poll_seconds * 2 ** (faults - 1), _LONGEST_WAIT)
                await sleep(backoff if fault.wait is None else fault.wait)


def _twice(entry: Entry) -> str:
    return (
        f"{entry.name}: its submission was cut and {entry.state.place} does not list it, so it is "
        f"submitted anew; should it turn up, {entry.state.requests:,} requests are paid twice"
    )


def _reason(batch: dict[str, Any]) -> tuple[str, str]:
    """Code and words of why a batch failed."""
    match batch.get("errors"):
        case {"data": [dict() as error, *_]}:
            return str(error.get("code") or ""), message_of(error)
        case other:
            return "", message_of(other) or "it does not say why"
