"""A server that fails in every way: each call ends with its own answer, or with a reason."""

import asyncio
import random
import threading
import time
from collections import Counter

import pytest

from rankmill.errors import RequestRefused, TeacherUnavailable
from rankmill.records import Chat, Message
from rankmill.teachers import OpenAI
from rankmill.teachers.desk import Teachers
from scripted_teacher import Fault, ScriptedTeacher

LATER = {"Retry-After": "0.05"}
STORM = {
    "429": Fault(status=429, headers=LATER),
    "429 without a time": Fault(status=429),
    "500": Fault(status=500),
    "502": Fault(status=502, body="<html>Bad gateway</html>", content_type="text/html"),
    "503": Fault(status=503, headers=LATER),
    "reset": Fault(reset=True),
    "cut": Fault(cut=True),
    "stall": Fault(stall=5.0),
    "truncated": Fault(body='{"choices": [{"mess'),
    "content type": Fault(body="<html>Welcome</html>", content_type="text/html"),
    "no choice": Fault(body='{"choices": []}'),
    "another model": Fault(model="a-cheaper-one"),
    "another request": Fault(other=True),
    "slow first byte": Fault(delay=0.2),
}


def repeat(messages):
    return f"you said {messages[-1]['content']}"


def chat(words):
    return Chat(messages=(Message(role="user", content=words),), max_tokens=9)


def spec(*teachers, **fields):
    urls = tuple(teacher.url for teacher in teachers)
    return OpenAI(**{"model": "teacher", "endpoints": urls, "api_key_env": "", **fields})


@pytest.fixture
def quick(monkeypatch):
    """Back-off and rests a tenth as long."""
    monkeypatch.setattr("rankmill.teachers._sender._FIRST_WAIT", 0.02)
    monkeypatch.setattr("rankmill.teachers._pool._FIRST_REST", 0.1)


class Stormy(ScriptedTeacher):
    """A server where a share of the requests fails, each in a way that is drawn."""

    def __init__(self, faults, share, **fields):
        super().__init__(repeat, **fields)
        self.draw, self.kinds, self.share = random.Random(1), list(faults), share
        self.passes = 1  # the first answer says which model is the right one

    def fault(self):
        if self.passes:
            self.passes -= 1
            return None
        return self.draw.choice(self.kinds) if self.draw.random() < self.share else None


def ask_all(teacher, where, requests):
    """Answers in order, all asked at once after one that went alone; and the engine's causes."""

    async def work():
        async with teacher.open(where) as engine:
            first = await engine.answer(chat("first"))
            assert first.text == "you said first"
            replies = await asyncio.gather(*map(engine.answer, requests))
            return [reply.text for reply in replies], Counter(engine.causes)

    return asyncio.run(work())


@pytest.mark.parametrize("kind", STORM)
def test_every_call_gets_its_own_answer_whatever_goes_wrong(kind, where, quick):
    patience = 1.0 if STORM[kind].stall else 30.0  # a busy machine is no fault of the server's
    with Stormy([STORM[kind]], 0.3) as server:
        wanted = spec(server, timeout_seconds=patience, tries=20, concurrency=32)
        texts, causes = ask_all(wanted, where, [chat(f"{n}") for n in range(120)])
    assert texts == [f"you said {n}" for n in range(120)]
    assert bool(causes) == (kind != "slow first byte")
    assert len(server.requests) == 121 + causes.total()


def test_a_storm_of_everything_loses_nothing_and_is_counted_by_cause(where, quick):
    with Stormy(STORM.values(), 0.4) as server:
        wanted = spec(server, timeout_seconds=1.0, tries=30, concurrency=64)
        texts, causes = ask_all(wanted, where, [chat(f"{n}") for n in range(400)])
    assert texts == [f"you said {n}" for n in range(400)]
    assert set(causes) == {"429", "500", "502", "503", "reset", "timeout", "bad body"}


def test_one_that_is_only_told_to_wait_is_never_given_up_before_its_patience_ends(where):
    with ScriptedTeacher(repeat) as server:
        server.faults.extend([Fault(status=429, headers={"Retry-After": "0.01"})] * 50)
        texts, causes = ask_all(spec(server, tries=1), where, [])
    assert (texts, causes) == ([], {"429": 50})


def test_one_that_is_told_to_wait_for_longer_than_its_patience_is_given_up(where):
    with ScriptedTeacher(repeat) as server:
        server.faults.append(Fault(status=429, message="come back", headers={"Retry-After": "60"}))
        with pytest.raises(TeacherUnavailable, match="told to come back later for 60 s: answered"):
            ask_all(spec(server, patience_seconds=30), where, [])


def test_a_server_that_rejects_everything_is_not_asked_everything(where):
    later = Fault(status=429, headers={"Retry-After": "0.5"})
    with ScriptedTeacher(repeat) as server:
        server.faults.extend([None, *[later] * 8])
        texts, _ = ask_all(spec(server, concurrency=8), where, [chat(f"{n}") for n in range(100)])
    assert len(texts) == 100
    assert len(server.requests) == 1 + 8 + 100


def died_and_came_back(first, seconds):
    """A server on the port of one that has ended, `seconds` later, for three seconds."""

    def live():
        time.sleep(seconds)
        with ScriptedTeacher(repeat, port=first.port) as second:
            again.append(second)
            time.sleep(3)

    again = []
    thread = threading.Thread(target=live)
    thread.start()
    return again, thread


def test_a_server_that_dies_and_returns_is_waited_for_and_nothing_is_lost(where, said, quick):
    async def work(first):
        async with spec(first, concurrency=16).open(where) as engine:
            await engine.answer(chat("first"))
            first.__exit__()
            again, thread = died_and_came_back(first, 1.0)
            replies = await asyncio.gather(*(engine.answer(chat(f"{n}")) for n in range(60)))
            await asyncio.to_thread(thread.join)
            return again[0], [reply.text for reply in replies], Counter(engine.causes)

    first = ScriptedTeacher(repeat).__enter__()
    second, texts, causes = asyncio.run(work(first))
    assert texts == [f"you said {n}" for n in range(60)]
    assert len(second.requests) == 60
    assert set(causes) <= {"unreachable", "reset"}
    assert any("waits for it" in line for line in said)
    assert said[-1] == f"{second.url}: answers again"


def test_a_server_that_never_returns_is_given_up_in_one_line(where, quick):
    async def work(first):
        async with spec(first, patience_seconds=0.5).open(where) as engine:
            await engine.answer(chat("first"))
            first.__exit__()
            await asyncio.gather(*(engine.answer(chat(f"{n}")) for n in range(20)))

    first = ScriptedTeacher(repeat).__enter__()
    with pytest.raises(
        TeacherUnavailable, match=r"no teacher has answered at http://\S+ for [01] s"
    ):
        asyncio.run(asyncio.wait_for(work(first), 10))


def test_one_of_two_servers_may_die_and_the_other_takes_over(where, quick):
    async def work(one, other):
        async with spec(one, other, concurrency=8).open(where) as engine:
            calls = [asyncio.create_task(engine.answer(chat(f"{n}"))) for n in range(200)]
            while len(other.requests) < 20:
                await asyncio.sleep(0.005)
            one.__exit__()
            return [(await call).text for call in calls]

    one = ScriptedTeacher(repeat, delay=0.01).__enter__()
    with ScriptedTeacher(repeat, delay=0.01) as other:
        texts = asyncio.run(work(one, other))
    assert texts == [f"you said {n}" for n in range(200)]
    assert len(other.requests) > len(one.requests)


def test_a_weight_sends_more_to_one_server(where):
    with ScriptedTeacher(repeat, delay=0.02) as one, ScriptedTeacher(repeat, delay=0.02) as other:
        ends = ({"url": one.url, "weight": 3}, other.url)
        wanted = spec(endpoints=ends, concurrency=4)
        ask_all(wanted, where, [chat(f"{n}") for n in range(160)])
    assert (one.busiest, other.busiest) == (12, 4)
    assert 2 < len(one.requests) / len(other.requests) < 4


def test_a_cancelled_call_leaves_no_place_taken(where):
    async def work(server):
        async with spec(server, concurrency=2).open(where) as engine:
            calls = [asyncio.create_task(engine.answer(chat(f"{n}"))) for n in range(10)]
            await asyncio.sleep(0.05)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            server.delay = 0
            replies = [engine.answer(chat(f"later {n}")) for n in range(10)]
            return [r.text for r in await asyncio.wait_for(asyncio.gather(*replies), 5)]

    with ScriptedTeacher(repeat, delay=0.5) as server:
        assert asyncio.run(work(server)) == [f"you said later {n}" for n in range(10)]


def test_a_storm_changes_no_reply_in_the_store(where, tmp_path, quick):
    requests = [chat(f"{n}") for n in range(150)]

    def kept(server, folder):
        wanted = spec(server, timeout_seconds=1.0, tries=30, concurrency=32)
        with Teachers({"t": wanted}, folder, where) as teachers:

            async def work():
                return await asyncio.gather(*(teachers.ask("t", one) for one in requests))

            return [(one.key, one.reply.text) for one in teachers.run(work())]

    with Stormy(STORM.values(), 0.4) as stormy, ScriptedTeacher(repeat) as calm:
        assert kept(stormy, tmp_path / "storm") == kept(calm, tmp_path / "calm")


def test_a_request_refused_in_a_storm_is_refused_alone(where, quick):
    async def work(server):
        async with spec(server, tries=20).open(where) as engine:
            await engine.answer(chat("first"))
            server.faults.append(Fault(status=400, message="too long"))
            calls = (engine.answer(chat(f"{n}")) for n in range(20))
            return await asyncio.gather(*calls, return_exceptions=True)

    with ScriptedTeacher(repeat) as server:
        found = asyncio.run(work(server))
    assert sum(isinstance(one, RequestRefused) for one in found) == 1
    assert sum(hasattr(one, "text") for one in found) == 19
