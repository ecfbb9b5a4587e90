"""Endpoints that serve one model: who takes a request, who rests, and when to give up."""

from asyncio import CancelledError, Future, get_running_loop
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rankmill.errors import TeacherUnavailable
from rankmill.teachers._endpoint import Endpoint, Fault, Unreachable
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
        resting_until: Time of the event loop before which it is sent nothing.
    """

    endpoint: Endpoint
    gate: Gate
    in_flight: int = 0
    answered: bool = False
    last: bytes = b""
    faults: int = 0
    rejections: int = 0
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
    _waiting: deque[Future[None]] = field(default_factory=deque)
    _down_since: float | None = None

    @property
    def places(self) -> int:
        """Requests that all endpoints together are sent at once."""
        return sum(post.gate.places for post in self.posts)

    async def take(self, raw: bytes) -> Post:
        """A place for a request, as soon as there is one.

        Raises:
            TeacherUnavailable: No endpoint has answered for longer than `patience`.
        """
        while (post := self._choose(raw)) is None:
            await self._room()
        post.in_flight += 1
        post.last = raw
        if self._waiting and self._choose(raw):
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
        post.answered, post.faults, post.rejections, post.resting_until = True, 0, 0, 0.0

    def failed(self, post: Post, fault: Fault) -> None:
        """Note a failure; the endpoint may have to rest for it."""
        now = get_running_loop().time()
        if fault.wait is not None:
            post.rejections += 1
            if post.rejections >= post.gate.places:  # it rejects everything: ask it nothing
                post.resting_until = now + fault.wait
            return
        post.faults += 1
        if not isinstance(fault, Unreachable):
            post.gate.overloaded()
        if isinstance(fault, Unreachable) or post.faults >= _IN_A_ROW:
            times = max(0, post.faults - _IN_A_ROW) if post.answered else post.faults
            post.resting_until = now + min(_FIRST_REST * 2 ** min(times, 9), _LONGEST_REST)
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

    def _choose(self, raw: bytes) -> Post | None:
        now = get_running_loop().time()
        free = [post for post in self.posts if post.has_room(now)]
        if len(free) < 2:
            return free[0] if free else None
        least = min(post.load for post in free)
        near = [post for post in free if post.load <= least + _SLACK]
        return min(near, key=lambda post: (-(_shared(post.last, raw) // _BLOCK), post.load))

    async def _room(self) -> None:
        """Wait until a place may be free: one was left, or the first rest is over."""
        loop = get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        rests = [post.resting_until for post in self.posts if post.resting_until > loop.time()]
        timer = loop.call_at(min(rests), self._wake) if rests else None
        try:
            await turn
        except CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:
                self._wake()  # the place that it was woken for is another's
            raise
        finally:
            if timer:
                timer.cancel()

    def _wake(self) -> None:
        """Let the one that has waited longest look again."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


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
