"""Endpoints that serve one model: who takes a request, who rests, and when to give up."""

from asyncio import CancelledError, Future, get_running_loop
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rankmill.errors import TeacherUnavailable
from rankmill.teachers._endpoint import Endpoint
from rankmill.teachers._faults import Fault, Unreachable
from rankmill.teachers._gate import Gate

_IN_A_ROW = 5
_FIRST_REST, _LONGEST_REST = 1.0, 30.0
_SLACK = 0.25
_BLOCK = 512


@dataclass(eq=False, slots=True, kw_only=True)
class Post:
    """An endpoint at work.

    Attributes:
        gate: How many requests it is sent at once.
        in_flight: Requests that wait for its answer.
        answered: Whether it ever did.
        last: The body that it was sent last.
        faults: Failures since its last answer.
        rejections: How often in a row it said to come back later.
        rests: How often it has rested since its last answer.
        resting_until: Time of the event loop before which it is sent nothing.
    """

    endpoint: Endpoint
    gate: Gate
    in_flight: int = 0
    answered: bool = False
    last: bytes = b""
    faults: int = 0
    rejections: int = 0
    rests: int = 0
    resting_until: float = 0.0

    @property
    def load(self) -> float:
        """Requests in flight, as a share of its places."""
        return self.in_flight / self.gate.places

    def has_room(self, now: float) -> bool:
        """Whether it may be sent a request. After a rest, one goes first and the others wait."""
        places = 1 if self.resting_until else self.gate.places
        return now >= self.resting_until and self.in_flight < places


@dataclass(kw_only=True)
class Pool:
    """Hands out places at endpoints.

    A request goes to the endpoint with the least load, or to one nearly as free that was last
    sent a prompt with the same long beginning, which it then need not compute again. An endpoint
    that fails again and again rests, each time longer; then one request tries it. While all of
    them rest, requests wait, up to `patience` seconds.

    Attributes:
        posts: The endpoints.
        patience: Seconds without an answer of any endpoint after which waiting ends.
        say: Takes a line when endpoints stop answering, and when they answer again.
    """

    posts: Sequence[Post]
    patience: float
    say: Callable[[str], None]
    _waiting: deque[tuple[Post | None, Future[None]]] = field(default_factory=deque)
    _down_since: float | None = None

    @property
    def places(self) -> int:
        """Requests that all endpoints together are sent at once."""
        return sum(post.gate.places for post in self.posts)

    async def take(self, raw: bytes, only: Post | None = None) -> Post:
        """A place for a request, as soon as there is one: at `only`, or at any endpoint.

        Raises:
            TeacherUnavailable: There is no endpoint.
        """
        if not self.posts:
            raise TeacherUnavailable("no endpoint answers what is asked at once")
        while (post := self._choose(raw, only)) is None:
            await self._room(only)
        post.in_flight += 1
        post.last = raw
        self._wake()
        return post

    def leave(self, post: Post) -> None:
        """Give a place back."""
        post.in_flight -= 1
        self._wake()

    def answered(self, post: Post) -> None:
        """Note that an endpoint answers: a reply, or that it rejects a request for good."""
        if self._down_since is not None:
            self._down_since = None
            self.say(f"{post.endpoint.url}: answers again")
        post.answered, post.resting_until = True, 0.0
        post.faults = post.rejections = post.rests = 0

    def failed(self, post: Post, fault: Fault) -> None:
        """Note a failure; the endpoint may have to rest for it."""
        now = _now()
        if fault.wait is not None:
            post.rejections += 1
            if post.rejections >= post.gate.places:  # it rejects everything: ask it nothing
                post.resting_until = now + fault.wait
            return
        post.faults += 1
        dead = isinstance(fault, Unreachable)
        if fault.overload:
            post.gate.overloaded()
        if now < post.resting_until or not (dead or post.faults >= _IN_A_ROW):
            return
        post.resting_until = now + min(_FIRST_REST * 2**post.rests, _LONGEST_REST)
        post.rests += 1
        if post.rests == 1 and len(self.posts) > 1:
            self.say(f"{post.endpoint.url}: {fault}; it rests, and others are asked")
        self._check(post, fault, now)

    def _check(self, post: Post, fault: Fault, now: float) -> None:
        """Say that nobody answers, and give up when that has gone on for too long."""
        if any(other.resting_until <= now for other in self.posts):
            return
        urls = ", ".join(one.endpoint.url for one in self.posts)
        if not any(one.answered for one in self.posts) and isinstance(fault, Unreachable):
            raise TeacherUnavailable(f"no teacher answers at {urls}: {fault}") from fault
        if self._down_since is None:
            self._down_since = now
            self.say(f"{post.endpoint.url}: {fault}; waits for it, up to {self.patience:.0f} s")
        elif now - self._down_since > self.patience:
            raise TeacherUnavailable(
                f"no teacher has answered at {urls} for {now - self._down_since:.0f} s, "
                f"the last failure: {fault}"
            ) from fault

    def _choose(self, raw: bytes, only: Post | None) -> Post | None:
        free = self._free(only)
        if len(free) < 2:
            return free[0] if free else None
        least = min(post.load for post in free)
        slack = 1.0 if self._waiting else _SLACK  # all will be busy anyway
        near = [post for post in free if post.load <= least + slack]
        return min(near, key=lambda post: (-(_shared(post.last, raw) // _BLOCK), post.load))

    def _free(self, only: Post | None) -> list[Post]:
        """Endpoints that may be sent a request, of those that may take it."""
        now = _now()
        return [post for post in self.posts if only in {None, post} and post.has_room(now)]

    async def _room(self, only: Post | None) -> None:
        """Wait until a place may be free: one was left, or the first rest is over."""
        loop = get_running_loop()
        turn = loop.create_future()
        self._waiting.append((only, turn))
        rests = [post.resting_until for post in self.posts if post.resting_until > loop.time()]
        timer = loop.call_at(min(rests), self._wake) if rests else None
        try:
            await turn
        except CancelledError:
            if not turn.cancelled():  # the place that it was woken for is another's
                self._wake()
            raise
        finally:
            if timer:
                timer.cancel()

    def _wake(self) -> None:
        """Let the one that has waited longest for a place that is free look again."""
        free = self._free(None)
        for waiter in list(self._waiting) if free else ():
            only, turn = waiter
            if turn.cancelled():
                self._waiting.remove(waiter)
            elif only is None or only in free:
                self._waiting.remove(waiter)
                turn.set_result(None)
                return


def _now() -> float:
    return get_running_loop().time()


def _shared(left: bytes, right: bytes) -> int:
    """How many first bytes two bodies share."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
