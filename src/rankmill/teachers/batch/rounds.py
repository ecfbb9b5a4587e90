"""Rounds of requests: each is sent as one batch, and dealt out when it comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

from rankmill.errors import RequestRefused, TeacherRefused
from rankmill.teachers._faults import Fault
from rankmill.teachers.batch.gathering import Gathering
from rankmill.teachers.batch.ledger import Entry, Ledger, Line
from rankmill.teachers.batch.lines import Answers, Outcome, read_answers
from rankmill.teachers.batch.spec import Batch

_BREATH = 1000  # answers that are kept before others have their turn
Body = dict[str, Any]
Keep = Callable[[Line, Body], Awaitable[bool]]
"""Puts the reply that answers a line into the reply store; False when it cannot be read alone."""


class Service(Protocol):
    """Who answers batches."""

    @property
    def place(self) -> str:
        """Where a batch lies: a base URL, or a program."""
        ...

    async def carry(self, entry: Entry) -> None:
        """Send a batch unless it is sent already, wait for it, and write `entry.answers`.

        Raises:
            TeacherError: It came to nothing. Where the batch may still be answered its entry
                stays, and carrying it again goes on from there; otherwise it is dropped.
        """
        ...


class Rounds:
    """Sends lines in batches, and gives each the body that answers it.

    Args:
        how: What a batch is.
        service: Who answers it.
        ledger: Where it is written down before.
        keep: What becomes of every answer before anybody gets it.
        say: Takes a line worth reading.
    """

    def __init__(
        self,
        how: Batch,
        service: Service,
        ledger: Ledger,
        keep: Keep,
        say: Callable[[str], None],
    ) -> None:
        self._service, self._ledger, self._keep, self._say = service, ledger, keep, say
        self._gathering = Gathering(how, self._send)
        self._landings: dict[str, asyncio.Future[Body]] = {}
        self._stalled: list[tuple[Entry, Mapping[str, Line]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def resume(self) -> None:
        """Go on with the batches of earlier builds.

        Raises:
            StorageError: The ledger cannot be read.
        """
        for entry in await asyncio.to_thread(self._ledger.entries):
            if entry.state.place != self._service.place:
                self._say(entry.waits)
                continue
            self._say(f"{entry.name}: going on with {entry.state.requests:,} requests of before")
            lines = await asyncio.to_thread(list, entry.lines())
            self._stalled.append((entry, {line.custom_id: line for line in lines}))
        self._take_up()

    async def body(self, line: Line) -> Body:
        """The body that answers a line; one that is on its way already is not sent again.

        Raises:
            Fault: There is none this time; another round may bring it.
            TeacherError: There will be none.
            StorageError: The ledger or the reply store cannot be written.
        """
        self._take_up()
        if line.custom_id not in self._landings:
            self._expect([line.custom_id])
            self._gathering.add(line)
        return await asyncio.shield(self._landings[line.custom_id])

    async def close(self) -> None:
        """Leave every batch where it is; the ledger knows of it."""
        self._gathering.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for landing in self._landings.values():
            landing.cancel()

    def _expect(self, names: Iterable[str]) -> None:
        for name in names:
            self._landings.setdefault(name, asyncio.get_running_loop().create_future())

    def _take_up(self) -> None:
        """Go on with batches of earlier builds, and with those that were given up since."""
        stalled, self._stalled = self._stalled, []
        for entry, lines in stalled:
            self._expect(lines)
            self._start(self._carry(lines, entry))

    def _send(self, lines: Iterable[Line]) -> None:
        self._start(self._carry({line.custom_id: line for line in lines}))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited was told

    async def _carry(self, lines: Mapping[str, Line], entry: Entry | None = None) -> None:
        """See a batch through, from wherever it is, and give everybody what came of it."""
        try:
            if entry is None:
                sent = list(lines.values())
                entry = await asyncio.to_thread(self._ledger.enter, self._service.place, sent)
            if not entry.answers.exists():
                await self._service.carry(entry)
            answers = await asyncio.to_thread(_read, entry, set(lines))
            await self._collect(entry, lines, answers)
        except BaseException as error:
            if entry and entry.folder.exists():
                self._stalled.append((entry, lines))
            self._settle(dict.fromkeys(lines, error))
            raise
        self._settle({name: _of(entry, answers, name) for name in lines})

    async def _collect(self, entry: Entry, lines: Mapping[str, Line], answers: Answers) -> None:
        """Put every reply into the reply store, whoever waits for it, and forget the batch."""
        good = 0
        for number, (name, found) in enumerate(answers.outcomes.items()):
            if isinstance(found, dict):
                good += not lines[name].is_first or await self._keep(lines[name], found)
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        refused = sum(isinstance(one, RequestRefused) for one in answers.outcomes.values())
        counts = {
            "refused": refused,
            "without an answer": len(lines) - good - refused,
            "lines that cannot be read": answers.unreadable,
            "lines about what nobody asked": answers.foreign,
        }
        told = "".join(f", {count:,} {what}" for what, count in counts.items() if count)
        self._say(f"{entry.name}: {good:,} replies collected{told}")
        await asyncio.to_thread(entry.drop)

    def _settle(self, outcomes: Mapping[str, Outcome | BaseException]) -> None:
        """Give everybody who waits what came of it."""
        for name, found in outcomes.items():
            landing = self._landings.pop(name, None)
            if landing is None:
                continue  # another batch had the same
            if isinstance(found, dict):
                landing.set_result(found)
            else:
                landing.set_exception(found)
                landing.exception()  # nobody may be waiting for it


def _read(entry: Entry, asked: set[str]) -> Answers:
    with entry.answers.open("rb") as lines:
        return read_answers(lines, asked)


def _of(entry: Entry, answers: Answers, name: str) -> Outcome:
    """What came of one request of a batch that is done."""
    found = answers.outcomes.get(name) or Fault("missing", f"{entry.name} says nothing of it")
    if isinstance(found, Fault) and entry.state.status == "cancelled":
        return TeacherRefused(
            f"{entry.name} was cancelled at {entry.state.place}; what it had answered is kept, "
            "and the same command asks for the rest"
        )
    return found
