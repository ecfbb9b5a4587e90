import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from rankmill.errors import (
    ConfigError,
    RequestRefused,
    Stopped,
    StorageError,
    TeacherIncapable,
    TeacherRefused,
)
from rankmill.records import Chat, Continuation, Message, Reply
from rankmill.spec import Spec
from rankmill.teachers import Meter, OpenAI, ReplyStore, Teachers
from scripted_teacher import Fault, Said, ScriptedTeacher


def chat(words="hi", **fields):
    return Chat(messages=(Message(role="user", content=words),), **{"max_tokens": 5, **fields})


class Book(Spec):
    """A teacher in this process, for what no server can show: when it is opened and closed."""

    name: str = "book"

    @asynccontextmanager
    async def open(self, where):
        log = where.say
        if self.name == "broken":
            raise TeacherRefused("no such book")
        log("opened")
        try:
            yield Reader(log, 1 if self.name == "one" else 3)
        finally:
            await asyncio.sleep(0)
            log("closed")


class Reader:
    def __init__(self, log, concurrency):
        self.log, self.concurrency, self.busy = log, concurrency, 0

    async def answer(self, request, *, trial=0):
        words = request.messages[-1].content
        self.log(words)
        if words == "forbidden":
            raise RequestRefused("not in this house")
        if words == "for ever":
            await asyncio.Event().wait()
        self.busy += 1
        assert self.busy <= self.concurrency
        try:
            await asyncio.sleep(0.01)
        finally:
            self.busy -= 1
        return Reply(text=words.upper(), tokens_in=2, tokens_out=1)


@pytest.fixture
def desk(tmp_path, where):
    specs = {"book": Book(), "one": Book(name="one"), "broken": Book(name="broken")}
    return lambda: Teachers(specs, tmp_path / "replies", where)


async def all_of(*asking):
    return await asyncio.gather(*asking)


def test_an_answer_is_asked_once_and_kept(desk, said):
    with desk() as teachers:
        first = teachers.run(teachers.ask("book", chat()))
        again = teachers.run(teachers.ask("book", chat()))
        assert first == again
        assert first.reply.text == "HI"
        assert teachers.meter == Meter(calls=1, reused=1, tokens_in=2, tokens_out=1, characters=2)
    assert said == ["opened", "hi", "closed"]


def test_a_build_whose_answers_are_all_there_opens_no_teacher(desk, said):
    with desk() as teachers:
        teachers.run(teachers.ask("book", chat()))
    said.clear()
    with desk() as teachers:
        assert teachers.run(teachers.ask("book", chat())).reply.text == "HI"
        assert teachers.meters["book"] == Meter(reused=1)
    assert said == []


def test_trials_and_teachers_are_kept_apart(desk, said):
    with desk() as teachers:
        asking = [
            teachers.ask(name, chat(), trial=trial) for name in ("book", "one") for trial in (0, 1)
        ]
        answers = teachers.run(all_of(*asking))
    assert len({answer.key for answer in answers}) == 4
    assert said.count("hi") == 4


def test_an_answer_is_on_disk_before_it_is_handed_out(desk, tmp_path):
    with desk() as teachers:
        answer = teachers.run(teachers.ask("book", chat()))
        with ReplyStore(tmp_path / "replies") as store:
            assert store.get(answer.key) == answer.reply


def test_a_request_that_is_on_its_way_is_not_sent_again(desk, said):
    with desk() as teachers:
        answers = teachers.run(all_of(*(teachers.ask("book", chat()) for _ in range(50))))
        assert teachers.meter == Meter(calls=1, reused=49, tokens_in=2, tokens_out=1, characters=2)
    assert {answer.reply.text for answer in answers} == {"HI"}
    assert said.count("hi") == 1


def test_what_is_in_flight_is_kept_and_handed_out_though_its_asker_has_gone(desk, said):
    async def work(teachers):
        first = asyncio.create_task(teachers.ask("one", chat("slow")))
        await asyncio.sleep(0.005)
        second = asyncio.create_task(teachers.ask("one", chat("slow")))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    with desk() as teachers:
        assert teachers.run(work(teachers)).reply.text == "SLOW"
    assert said.count("slow") == 1


def test_what_nobody_waits_for_any_more_is_never_sent(desk, said):
    async def work(teachers):
        asking = [asyncio.create_task(teachers.ask("one", chat(name))) for name in "abcd"]
        await asyncio.sleep(0.005)
        for task in asking[1:3]:
            task.cancel()
        return await asyncio.gather(asking[0], asking[3])

    with desk() as teachers:
        teachers.run(work(teachers))
    assert said == ["opened", "a", "d", "closed"]


def test_requests_go_out_in_the_order_of_their_prompts(desk, said):
    names = [f"{number:02}" for number in range(40)]
    with desk() as teachers:
        mixed = names[7:] + names[:7]
        teachers.run(all_of(*(teachers.ask("one", chat(name)) for name in reversed(mixed))))
    assert said == ["opened", *names, "closed"]


def test_the_concurrency_of_an_engine_may_change_while_it_runs(tmp_path, where):
    busiest = []

    class Breathing(Reader):
        async def answer(self, request, *, trial=0):
            self.concurrency = 2 if len(busiest) < 20 else 6
            busiest.append(self.busy + 1)
            return await super().answer(request, trial=trial)

    class Lungs(Book):
        @asynccontextmanager
        async def open(self, where):
            yield Breathing(where.say, 1)

    with Teachers({"a": Lungs()}, tmp_path / "replies", where) as teachers:
        teachers.run(all_of(*(teachers.ask("a", chat(f"{n:03}")) for n in range(60))))
    assert max(busiest[:20]) == 2
    assert max(busiest) == 6


def test_no_more_are_in_flight_than_the_engine_wants(where, tmp_path):
    with ScriptedTeacher(delay=0.005) as teacher:
        spec = OpenAI(model="teacher", endpoints=(teacher.url,), api_key_env="", concurrency=4)
        with Teachers({"a": spec}, tmp_path / "replies", where) as teachers:
            teachers.run(all_of(*(teachers.ask("a", chat(str(n))) for n in range(40))))
    assert teacher.busiest == 4
    assert teacher.repeats == 0


def test_a_refused_request_is_an_answer_that_is_not_kept(desk, said):
    with desk() as teachers:
        both = [teachers.ask("book", chat("forbidden")) for _ in range(2)]
        answers = teachers.run(all_of(*both))
        assert [(a.reply, a.refusal) for a in answers] == [(None, "not in this house")] * 2
        teachers.run(teachers.ask("book", chat("forbidden")))
        assert teachers.meter == Meter(refused=3)
    assert said.count("forbidden") == 2


def test_a_teacher_that_cannot_be_opened_stops_whoever_asks(desk):
    with desk() as teachers:
        for _ in range(2):
            with pytest.raises(TeacherRefused, match="no such book"):
                teachers.run(teachers.ask("broken", chat()))


def test_an_unknown_teacher_is_named_with_those_that_are_there(desk):
    with desk() as teachers, pytest.raises(ConfigError, match="no teacher bok; there are book, br"):
        teachers.run(teachers.ask("bok", chat()))


def test_an_answer_that_cannot_be_kept_is_not_handed_out(desk, tmp_path):
    with desk() as teachers:
        (tmp_path / "replies").rmdir()
        (tmp_path / "replies").write_text("in the way")
        with pytest.raises((StorageError, NotADirectoryError)):
            teachers.run(teachers.ask("book", chat()))
        (tmp_path / "replies").unlink()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("rankmill.teachers.desk._PATIENCE", 0.2)
    monkeypatch.setattr("rankmill.teachers.desk._AFTER_A_FAULT", 0.1)


@pytest.mark.usefixtures("impatient")
def test_leaving_waits_for_what_still_runs_only_so_long_and_closes_the_teacher(desk, said):
    with desk() as teachers:
        failed = []

        def wait():
            try:
                teachers.run(teachers.ask("book", chat("for ever")))
            except BaseException as error:  # noqa: BLE001 - whatever it is
                failed.append(type(error).__name__)

        thread = threading.Thread(target=wait)
        thread.start()
        while "for ever" not in said:
            thread.join(0.01)
    thread.join(5)
    assert failed == ["Stopped"]
    assert said[-2:] == [
        "1 calls in flight are let finish, 0 s at most; one more interruption ends them",
        "closed",
    ]


def test_leaving_by_a_fault_keeps_what_is_in_flight(desk, tmp_path):
    with desk() as teachers:
        asking = [teachers.ask("book", chat(name)) for name in "abcde"]
        with pytest.raises(TeacherRefused):
            teachers.run(all_of(*asking, teachers.ask("broken", chat())))
    with ReplyStore(tmp_path / "replies") as store:
        assert len(store) == teachers.meter.calls == 3


def test_who_asks_when_the_door_is_closed_is_told_why_and_stored_replies_are_still_given(desk):
    with desk() as teachers:
        known = teachers.run(teachers.ask("book", chat("known")))
        teachers.stop(Stopped("enough"))
        with pytest.raises(Stopped, match="enough"):
            teachers.run(teachers.ask("book", chat("new")))
        assert teachers.run(teachers.ask("book", chat("known"))) == known
        assert teachers.meter.calls == 1


@pytest.mark.usefixtures("impatient")
def test_an_error_in_one_question_ends_the_others_when_the_desk_is_left(desk, said):
    with desk() as teachers:
        asking = [teachers.ask("one", chat("for ever")) for _ in range(3)]
        with pytest.raises(TeacherRefused):
            teachers.run(all_of(*asking, teachers.ask("broken", chat())))
    assert said[-1] == "closed"


def test_several_threads_share_a_desk(desk):
    with desk() as teachers:
        answers = []

        def work(part):
            asking = [teachers.ask("book", chat(f"{part} {n}")) for n in range(10)]
            answers.extend(teachers.run(all_of(*asking)))

        threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert teachers.meter.calls == 40
    assert len(answers) == 40


def test_the_meter_knows_money_and_why_requests_were_sent_again(where, tmp_path):
    with ScriptedTeacher(respond=lambda _: "one two") as teacher:
        teacher.faults.append(Fault(status=503, headers={"Retry-After": "0"}))
        spec = OpenAI(
            model="teacher", endpoints=(teacher.url,), api_key_env="", price_in=3, price_out=10
        )
        with Teachers({"a": spec}, tmp_path / "replies", where) as teachers:
            teachers.run(teachers.ask("a", chat("four words in all")))
            meter = teachers.meter
    assert meter == Meter(
        calls=1, tokens_in=4, tokens_out=2, characters=17, retries={"503": 1}, money=32e-6
    )
    assert meter.seconds > 0


def test_the_price_of_a_model_that_nobody_knows_is_not_nothing(where, tmp_path):
    with ScriptedTeacher() as teacher:
        spec = OpenAI(model="teacher", endpoints=(teacher.url,), api_key_env="")
        with Teachers({"a": spec, "book": Book()}, tmp_path / "replies", where) as teachers:
            teachers.run(teachers.ask("a", chat()))
            assert teachers.meters["book"].money == 0
            assert teachers.meters["a"].money is None
            assert teachers.meter.money is None


def test_a_teacher_is_probed_for_what_its_views_need_before_it_is_asked(where, tmp_path):
    views = {"a": {"upr": "prompt_logprobs", "listwise": "text"}}
    with ScriptedTeacher(shifted=True) as teacher:
        spec = OpenAI(model="teacher", endpoints=(teacher.url,), api_key_env="")
        with Teachers({"a": spec}, tmp_path / "replies", where, views=views) as teachers:
            wanted = Continuation(prefix="a", text=" b")
            with pytest.raises(TeacherIncapable, match=r"teacher a returns prompt .*; for: upr$"):
                teachers.run(teachers.ask("a", wanted))
    assert all(request.body.get("prompt") != "a b" for request in teacher.requests)


def test_a_reply_that_is_no_label_is_kept_as_it_came(where, tmp_path):
    respond = lambda _: Said(text="", finish_reason="content_filter")  # noqa: E731
    with ScriptedTeacher(respond=respond) as teacher:
        spec = OpenAI(model="teacher", endpoints=(teacher.url,), api_key_env="")
        with Teachers({"a": spec}, tmp_path / "replies", where) as teachers:
            reply = teachers.run(teachers.ask("a", chat())).reply
    assert (reply.text, reply.finish_reason) == ("", "content_filter")
