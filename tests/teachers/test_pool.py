import asyncio

import pytest

from rankmill.errors import TeacherUnavailable
from rankmill.teachers._endpoint import Endpoint
from rankmill.teachers._faults import Fault
from rankmill.teachers._gate import Gate
from rankmill.teachers._pool import Pool, Post
from rankmill.teachers.openai import OpenAI

ONE, TWO = b"one " * 300, b"two " * 300


async def pool(places, *, patience=9.0):
    """Two endpoints, which nobody connects to, with so many places each."""
    spec = OpenAI(model="m")
    posts = [Post(endpoint=Endpoint(spec, f"http://{name}/v1"), gate=Gate(places)) for name in "ab"]
    return Pool(posts=posts, patience=patience, say=lambda _: None)


def run(work):
    return asyncio.run(asyncio.wait_for(work, 10))


def names(posts):
    return "".join(post.endpoint.url[7] for post in posts)


def test_a_prompt_goes_where_its_long_beginning_was_just_read():
    async def work():
        here = await pool(8)
        taken = [await here.take(raw) for raw in (ONE + b"1", TWO + b"1", TWO + b"2", ONE + b"2")]
        return names(taken)

    assert run(work()) == "abba"


def test_short_beginnings_are_shared_by_load():
    async def work():
        here = await pool(8)
        return names([await here.take(b"question %d" % n) for n in range(6)])

    assert run(work()) == "ababab"


def test_load_comes_before_beginnings():
    async def work():
        here = await pool(8)
        return names([await here.take(ONE + b"%d" % n) for n in range(8)])

    assert run(work()).count("b") >= 2


def test_one_that_wants_a_certain_endpoint_waits_for_that_and_is_woken_by_whoever_leaves_it():
    async def work():
        here = await pool(1)
        first = [await here.take(ONE), await here.take(TWO)]
        late = asyncio.create_task(here.take(ONE, here.posts[1]))
        await asyncio.sleep(0)
        here.leave(first[0])
        await asyncio.sleep(0)
        assert not late.done()
        here.leave(first[1])
        return names([await late])

    assert run(work()) == "b"


def test_a_pool_without_endpoints_says_so():
    async def work():
        await Pool(posts=(), patience=1, say=lambda _: None).take(ONE)

    with pytest.raises(TeacherUnavailable, match="no endpoint"):
        run(work())


def test_one_that_stops_waiting_takes_no_place():
    async def work():
        here = await pool(1)
        first = [await here.take(ONE), await here.take(TWO)]
        gone, late = (asyncio.create_task(here.take(ONE)) for _ in range(2))
        await asyncio.sleep(0)
        here.leave(first[0])
        gone.cancel()  # it was just told that there is a place
        return names([await late])

    assert run(work()) == "a"


def test_an_endpoint_that_fails_again_and_again_rests_and_then_one_tries_it():
    async def work():
        here = await pool(4)
        bad, good = here.posts
        for _ in range(5):
            here.failed(bad, Fault("500", "answered 500"))
        while_resting = names([await here.take(b"q") for _ in range(3)])
        bad.resting_until = 1e-9  # its rest is over
        after = names([await here.take(b"q") for _ in range(2)])
        here.answered(bad)
        return while_resting, after, bad.has_room(asyncio.get_running_loop().time()), good.in_flight

    assert run(work()) == ("bbb", "ab", True, 4)


def test_rests_get_longer_and_failures_of_what_was_in_flight_do_not_count_twice():
    async def work():
        here = await pool(64)
        bad, _ = here.posts
        bad.answered = True
        now = asyncio.get_running_loop().time()
        for _ in range(40):
            here.failed(bad, Fault("500", "answered 500"))
        first = bad.resting_until - now
        bad.resting_until = 1e-9
        here.failed(bad, Fault("500", "answered 500"))
        return round(first, 1), round(bad.resting_until - now, 1)

    assert run(work()) == (1.0, 2.0)


def test_it_is_said_once_that_one_of_several_endpoints_rests():
    async def work():
        here = await pool(64)
        said: list[str] = []
        here.say = said.append
        for _ in range(12):
            here.failed(here.posts[0], Fault("500", "answered 500"))
        return said

    assert run(work()) == ["http://a/v1: answered 500; it rests, and others are asked"]
