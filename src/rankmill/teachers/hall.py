"""What lies behind a desk's door: its teachers, and every call that is on its way to one."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rankmill.errors import ConfigError, Stopped
from rankmill.records import Reply, Request
from rankmill.teachers.asked import AskedTeacher
from rankmill.teachers.budget import Account
from rankmill.teachers.call import Call, texts_of
from rankmill.teachers.door import Door
from rankmill.teachers.engine import Answer
from rankmill.teachers.holder import Holder
from rankmill.teachers.store import ReplyStore, key_of

_A_MOMENT = 1.0


class Hall:
    """All teachers of a desk. Its methods are called by the loop that the teachers run on.

    Args:
        door: Where calls come in.
        say: Takes one line worth reading.

    Attributes:
        book: Every call on its way, by key.
        store: Where replies are kept; set when the desk is entered.
    """

    store: ReplyStore

    def __init__(self, door: Door, say: Callable[[str], None]) -> None:
        self.book: dict[str, Call] = {}
        self._teachers: dict[str, AskedTeacher] = {}
        self._door, self._say = door, say
        self._turning: asyncio.TimerHandle | None = None

    def __iter__(self) -> Iterator[tuple[str, AskedTeacher]]:
        return iter(self._teachers.items())

    def add(self, name: str, identity: dict[str, Any], account: Account, holder: Holder) -> None:
        """Have one more teacher."""
        self._teachers[name] = AskedTeacher(
            identity, holder, account, self._door, self._keep, self._go_on
        )

    def teacher(self, name: str) -> AskedTeacher:
        """The teacher called `name`.

        Raises:
            ConfigError: There is none.
        """
        if name not in self._teachers:
            known = ", ".join(sorted(self._teachers))
            raise ConfigError(f"no teacher {name}; there are {known}")
        return self._teachers[name]

    async def answer(self, name: str, key: str, request: Request, trial: int) -> Answer:
        """Have a request answered; what is on its way already is waited for, and not sent again."""
        tally = self._teachers[name].tally
        if (call := self.book.get(key)) is not None:
            answer = await call.wait()
            if answer.reply:
                tally.reused += 1
            else:
                tally.refused += 1
            return answer
        call = self.book[key] = Call(self.book, key, request, trial, texts_of(request))
        waiter = call.wait()
        self._teachers[name].admit(call)
        if not self._door.open:
            self._go_on()
        return await waiter

    def keep_unasked(
        self, identity: Mapping[str, Any], request: Request, trial: int, reply: Reply
    ) -> None:
        """Keep a reply that a teacher came by. One that somebody waits for is counted later."""
        key = key_of(identity, request, trial)
        if key in self.store:
            return
        for teacher in self._teachers.values():
            if teacher.identity == identity and key not in self.book:
                teacher.tally.add(reply, sum(map(len, texts_of(request))))
                break
        self.store.put(key, identity, request, trial, reply)

    def _keep(self, identity: Mapping[str, Any], call: Call, reply: Reply) -> None:
        self.store.put(call.key, identity, call.request, call.trial, reply)

    def stop(self, why: Exception) -> None:
        """Close the door, and tell everybody who waits why; what is in flight goes on."""
        self._door.close(why)
        self._turn_away()

    def cut(self) -> None:
        """Give up what is in flight."""
        for teacher in self._teachers.values():
            teacher.cut()

    async def leave(self, patience: float) -> None:
        """Let what is in flight finish, for so many seconds at most, and close every teacher."""
        self.stop(Stopped("the build's teachers are closed"))
        if flying := sum(one.inside for one in self._teachers.values() if not one.batched):
            self._say(
                f"{flying} calls in flight are let finish, {patience:.0f} s at most; one more "
                "interruption ends them"
            )
        await asyncio.gather(*(one.leave(patience) for one in self._teachers.values()))

    def _go_on(self) -> None:
        """A call is over, or none may begin: who waits gets a place, or is turned away."""
        if self._door.open:
            for teacher in self._teachers.values():
                teacher.staff()
        elif not self._door.inside:  # when nobody has come for a moment: the store may know more
            if self._turning:
                self._turning.cancel()
            self._turning = asyncio.get_running_loop().call_later(_A_MOMENT, self._turn_away)

    def _turn_away(self) -> None:
        why = self._door.why
        for call in list(self.book.values()):
            call.fail(why)
