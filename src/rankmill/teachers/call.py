"""One request on its way to a teacher, and everybody who waits for its answer."""

import asyncio
from dataclasses import dataclass, field
from operator import methodcaller

from rankmill.records import Chat, Request
from rankmill.teachers.elevator import Floor
from rankmill.teachers.engine import Answer

_done = methodcaller("done")


def texts_of(request: Request) -> Floor:
    """The texts of a prompt, in the order in which a teacher reads them."""
    if isinstance(request, Chat):
        return tuple([message.content for message in request.messages])
    return (request.prefix, request.text)


@dataclass(slots=True, eq=False)
class Call:
    """One request on its way.

    Attributes:
        book: Every call on its way, by key; a call that ends strikes itself out.
        texts: The texts of its prompt.
        waiters: One for each that waits for the answer.
    """

    book: dict[str, "Call"]
    key: str
    request: Request
    trial: int
    texts: Floor
    waiters: list[asyncio.Future[Answer]] = field(default_factory=list)

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return not all(map(_done, self.waiters))

    def wait(self) -> asyncio.Future[Answer]:
        """A place to wait for the answer; whoever goes away cancels that place alone."""
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        return waiter

    def strike(self) -> None:
        """Take it out of the book: whoever asks for the same begins anew."""
        if self.book.get(self.key) is self:
            del self.book[self.key]

    def land(self, answer: Answer) -> None:
        """Hand out the answer."""
        self.strike()
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(answer)

    def fail(self, why: BaseException) -> None:
        """Say why there is no answer."""
        self.strike()
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_exception(why)
