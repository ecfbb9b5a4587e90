"""A teacher that is asked in batches, against a server that speaks OpenAI's Batch API."""

import asyncio
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batch_server import BatchServer, refused
from rankmill.errors import (
    StorageError,
    TeacherIncapable,
    TeacherRefused,
    TeacherUnavailable,
)
from rankmill.records import Attention, Chat, Continuation, Message
from rankmill.settings import Settings
from rankmill.teachers import OpenAI, ReplyStore, Teachers
from rankmill.teachers.batch.ledger import Ledger, Line
from rankmill.teachers.batch.lines import read_answers
from rankmill.teachers.engine import Surroundings
from rankmill.teachers.store import key_of
from scripted_teacher import Fault, ScriptedTeacher

FAST = {"quiet_seconds": 0.05, "poll_seconds": 0.02}
SECRET = "sk-a-secret-key"


def chat(words, **fields):
    return Chat(messages=(Message(role="user", content=words),), **{"max_tokens": 5, **fields})


CHATS = [chat(f"question {number}") for number in range(6)]


class Asker:
    """Asks one teacher as a build does: each use is a process of its own, over one data folder."""

    def __init__(self, folder):
        self.folder, self.said = folder, []

    def spec(self, url, batch=FAST, **fields):
        fields = {"tries": 3, "api_key_env": "", **fields}
        return OpenAI(model="teacher", endpoints=(url,), batch=batch, **fields)

    def open(self, spec, views=None):
        where = Surroundings(
            settings=Settings(data=self.folder),
            folder=self.folder / "logs",
            say=self.said.append,
        )
        return Teachers({"t": spec}, self.folder / "replies", where, views={"t": views or {}})

    def ask(self, spec, *requests, **options):
        """Answers in order, an exception in the place of an answer that never came."""

        async def work(teachers):
            asking = (teachers.ask("t", request) for request in requests)
            return await asyncio.gather(*asking, return_exceptions=True)

        with self.open(spec, **options) as teachers:
            answers = teachers.run(work(teachers))
            self.meter = teachers.meter
        return answers

    @property
    def ledgers(self):
        return list((self.folder / "batches").glob("*/*/state.json"))


@pytest.fixture
def asker(tmp_path):
    return Asker(tmp_path)


def texts(answers):
    return [answer.reply.text for answer in answers]


def live(asker, server, *requests):
    """The same questions asked one by one, of a teacher with a store of its own."""
    other = Asker(asker.folder / "live")
    return [a.reply for a in other.ask(other.spec(server.url, batch=None), *requests)]


def test_a_batch_gives_the_replies_that_a_live_teacher_gives(asker):
    requests = [*CHATS, chat("water?", top_logprobs=2), Continuation(prefix="a b", text=" c d")]
    with BatchServer() as server:
        answers = asker.ask(asker.spec(server.url), *requests)
        assert [answer.reply for answer in answers] == live(asker, server, *requests)
        batches = [batch.asked for batch in server.batches.values()]
    assert sorted(batch["endpoint"] for batch in batches) == [
        "/v1/chat/completions",
        "/v1/completions",
    ]
    assert {batch["completion_window"] for batch in batches} == {"24h"}
    assert asker.meter.calls == len(requests)
    assert asker.ledgers == []
    with ReplyStore(asker.folder / "replies") as store:
        assert all(store.get(answer.key) == answer.reply for answer in answers)


def test_a_line_is_named_by_its_key_and_holds_the_body_of_a_live_request(asker):
    with BatchServer() as server:
        spec = asker.spec(server.url, extra={"service": "flex"})
        asker.ask(spec, CHATS[0])
        ((line,),) = [batch.lines for batch in server.batches.values()]
        plain = asker.spec(server.url, batch=None, extra={"service": "flex"})
        Asker(asker.folder / "live").ask(plain, CHATS[0])
        assert line == {
            "custom_id": key_of(spec.identity(), CHATS[0], 0),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": server.requests[-1].body,
        }


def test_being_asked_in_batches_is_no_part_of_a_teachers_identity(asker):
    one, other = asker.spec("http://h/v1"), asker.spec("http://h/v1", batch=None)
    assert one.fingerprint == other.fingerprint


def test_trials_of_one_request_are_lines_of_their_own(asker):
    warm = chat("hi", temperature=0.7)

    async def work(teachers):
        return await asyncio.gather(*(teachers.ask("t", warm, trial=n) for n in range(3)))

    with BatchServer() as server, asker.open(asker.spec(server.url)) as teachers:
        answers = teachers.run(work(teachers))
        assert len({answer.key for answer in answers}) == 3
        (names,) = server.submitted
    assert sorted(names) == sorted(answer.key for answer in answers)


def test_lines_that_begin_alike_follow_each_other(asker):
    words = ["b one", "a one", "b two", "a two"]
    with BatchServer() as server:
        asker.ask(asker.spec(server.url), *map(chat, words))
        ((*lines,),) = [batch.lines for batch in server.batches.values()]
    assert [line["body"]["messages"][0]["content"] for line in lines] == sorted(words)


@pytest.mark.parametrize("limit", [{"requests": 2}, {"megabytes": 0.0008}])
def test_a_full_round_is_sent_and_the_next_begun(asker, limit):
    with BatchServer() as server:
        answers = asker.ask(asker.spec(server.url, batch={**FAST, **limit}), *CHATS)
        assert len(server.submitted) == 3
        assert {len(names) for names in server.submitted} == {2}
        assert len(set(texts(answers))) == 6


def test_what_is_asked_after_an_answer_is_another_batch(asker):
    async def walk(teachers):
        first = await teachers.ask("t", CHATS[0])
        return await teachers.ask("t", chat(first.reply.text))

    with BatchServer() as server, asker.open(asker.spec(server.url)) as teachers:
        teachers.run(walk(teachers))
        assert [len(names) for names in server.submitted] == [1, 1]


def test_the_probe_does_not_wait_for_batches(asker):
    with (
        BatchServer(seconds=30) as server,
        asker.open(
            asker.spec(server.url), views={"v": "text", "likelihood": "prompt_logprobs"}
        ) as teachers,
    ):
        engine = teachers.run(teachers.engine("t"))
        assert engine.batched
        assert server.submitted == []
        assert len(server.requests) == 16


def test_a_teacher_without_what_a_view_needs_is_refused_before_any_batch(asker):
    with BatchServer(ways=[]) as server:
        (fault,) = asker.ask(
            asker.spec(server.url), CHATS[0], views={"likelihood": "prompt_logprobs"}
        )
        assert isinstance(fault, TeacherIncapable)
        assert "for: likelihood" in str(fault)
        assert server.calls == []


def test_a_continuation_whose_tokens_cannot_be_followed_is_asked_for_its_length(asker):
    def tokens(text):  # as servers that split characters show them
        return [f"{part}\ufffd" for part in text.split(" ")]

    wanted = Continuation(prefix="a b c", text=" d e")
    with BatchServer(tokenize=tokens) as server:
        (answer,) = asker.ask(asker.spec(server.url), wanted)
        assert answer.reply == live(asker, server, wanted)[0]
        key = answer.key
        assert [[name.split(".")[0] for name in names] for names in server.submitted] == [
            [key],
            [key],
        ]


def test_what_is_asked_of_a_model_that_shows_attention_is_refused(asker):
    asked = Attention(prefix="a", spans=((0, 1),), text=" b", blank=" c")
    with BatchServer() as server:
        (fault,) = asker.ask(asker.spec(server.url), asked)
    assert isinstance(fault, TeacherIncapable)


def first_time(*lines):
    """Answer the first batch's lines with these, by place in the file; all others truly."""

    def spoil(number, asked, answer):
        content = asked["body"]["messages"][0]["content"]
        place = int(content.split()[-1])
        return lines[place](asked, answer) if number == 0 and place < len(lines) else [answer]

    return spoil


@pytest.mark.parametrize(
    ("spoilt", "cause"),
    [
        (lambda asked, answer: [], "missing"),
        (lambda asked, answer: [refused(asked, 429, "slow down")], "429"),
        (lambda asked, answer: [refused(asked, 500, "oh")], "500"),
        (lambda asked, answer: [b'{"custom_id": "cut sh'], "missing"),
        (lambda asked, answer: [{**answer, "response": {"status_code": 200}}], "bad line"),
        (
            lambda asked, answer: [
                {**answer, "response": {"status_code": 200, "body": {"choices": []}}}
            ],
            "bad body",
        ),
        (lambda asked, answer: [{**answer, "custom_id": "0" * 32}], "missing"),
    ],
    ids=["missing", "429", "500", "malformed", "no body", "no choice", "foreign"],
)
def test_a_line_without_an_answer_goes_into_another_round(asker, spoilt, cause):
    with BatchServer(spoil=first_time(spoilt)) as server:
        asked = asker.open(asker.spec(server.url))
        with asked as teachers:

            async def work():
                return await asyncio.gather(*(teachers.ask("t", one) for one in CHATS))

            answers = teachers.run(work())
            engine = teachers.run(teachers.engine("t"))
            assert dict(engine.causes) == {cause: 1}
        assert [answer.reply for answer in answers] == live(asker, server, *CHATS)
        assert [len(names) for names in server.submitted] == [6, 1]
    assert any("5 replies collected, 1 without an answer" in line for line in asker.said)


def test_a_line_that_is_never_answered_ends_the_build_after_its_tries(asker):
    def never(number, asked, answer):
        return [refused(asked, 500, "oh")] if "3" in str(asked["body"]) else [answer]

    with BatchServer(spoil=never) as server:
        answers = asker.ask(asker.spec(server.url, tries=2), *CHATS)
        assert [len(names) for names in server.submitted] == [6, 1]
    faults = [answer for answer in answers if isinstance(answer, Exception)]
    assert [str(fault) for fault in faults] == [
        "no answer in 2 batches, the last one: answered 500: oh"
    ]
    with ReplyStore(asker.folder / "replies") as store:
        assert len(store) == 5


def test_a_rejected_request_is_refused_alone_and_not_asked_again(asker):
    def spoil(number, asked, answer):
        return [refused(asked, 400, "too long")] if "2" in str(asked["body"]) else [answer]

    with BatchServer(spoil=spoil) as server:
        answers = asker.ask(asker.spec(server.url), *CHATS)
        assert len(server.submitted) == 1
    assert [answer.refusal for answer in answers] == ["", "", "too long", "", "", ""]
    assert asker.meter.refused == 1


def test_duplicated_lines_and_lines_of_others_change_nothing(asker):
    def twice(number, asked, answer):
        stranger = {**answer, "custom_id": "f" * 32}
        return [answer, stranger, answer, refused(asked, 500, "late"), b"", b"<html>"]

    with BatchServer(spoil=twice) as server:
        answers = asker.ask(asker.spec(server.url), *CHATS)
        assert [answer.reply for answer in answers] == live(asker, server, *CHATS)
    assert asker.said[-1] == (
        "batch_0: 6 replies collected, 6 lines that cannot be read, 6 lines about what nobody asked"
    )


def test_what_an_expired_batch_had_answered_is_kept_and_the_rest_asked_again(asker):
    with BatchServer(ends=["expired"], expires_at=4) as server:
        answers = asker.ask(asker.spec(server.url), *CHATS)
        assert [answer.reply for answer in answers] == live(asker, server, *CHATS)
        first, second = server.submitted
    assert second == first[4:]


def test_a_batch_that_somebody_cancelled_is_not_submitted_again_by_itself(asker):
    with BatchServer(ends=["cancelled"], expires_at=4) as server:
        spec = asker.spec(server.url)
        answers = asker.ask(spec, *CHATS)
        faults = [answer for answer in answers if isinstance(answer, TeacherRefused)]
        assert len(faults) == 2
        assert "batch_0 was cancelled at" in str(faults[0])
        assert len(server.submitted) == 1
        again = asker.ask(spec, *CHATS)
        assert [answer.reply for answer in again] == live(asker, server, *CHATS)
        assert [len(names) for names in server.submitted] == [6, 2]


def test_a_batch_that_the_server_rejects_says_why_in_one_line(asker):
    with BatchServer(ends=[("billing_hard_limit_reached", "Billing hard limit")]) as server:
        (fault,) = asker.ask(asker.spec(server.url), CHATS[0])
    assert isinstance(fault, TeacherRefused)
    assert str(fault) == f"batch_0: {server.url} rejects the batch: Billing hard limit"
    assert asker.ledgers == []


def test_an_unknown_model_is_refused_at_once_where_there_is_a_probe(asker):
    with BatchServer(models=["other"]) as server:
        (fault,) = asker.ask(asker.spec(server.url), CHATS[0], views={"v": "text"})
        assert isinstance(fault, TeacherRefused)
        assert "has no model teacher; it has other" in str(fault)
        assert server.calls == []
        (fault,) = asker.ask(asker.spec(server.url), CHATS[0])
        assert "not supported by the Batch API" in str(fault)


def test_a_wrong_key_is_refused_at_once_and_never_shown(asker, monkeypatch):
    monkeypatch.setenv("BATCH_KEY", SECRET)
    with BatchServer(key="another") as server:
        spec = asker.spec(server.url, api_key_env="BATCH_KEY")
        (fault,) = asker.ask(spec, CHATS[0])
        assert isinstance(fault, TeacherRefused)
        assert "it rejects the key in BATCH_KEY" in str(fault)
        assert SECRET not in str(fault) + "".join(asker.said)
        server.key = SECRET
        assert asker.ask(spec, CHATS[0])[0].reply  # the ledger's entry is gone on with
        assert len(server.submitted) == 1


def test_a_server_without_a_batch_api_is_said_to_have_none(asker):
    with ScriptedTeacher() as server:
        (fault,) = asker.ask(asker.spec(server.url), CHATS[0])
    assert isinstance(fault, TeacherRefused)
    assert "takes no batches: set batch = false" in str(fault)


def test_a_batch_too_large_for_the_servers_queue_is_refused_with_what_to_change(asker):
    limit = ("token_limit_exceeded", "Enqueued token limit reached")
    with BatchServer(ends=[limit]) as server:
        (fault,) = asker.ask(asker.spec(server.url), CHATS[0])
    assert isinstance(fault, TeacherRefused)
    assert "Enqueued token limit reached; batch.requests sets" in str(fault)


def test_a_batch_waits_for_room_while_another_of_ours_is_in_progress(asker):
    limit = ("token_limit_exceeded", "Enqueued token limit reached")
    with BatchServer(ends=["completed", limit], seconds=0.4) as server:
        spec = asker.spec(server.url, batch={**FAST, "requests": 3})
        answers = asker.ask(spec, *CHATS)
        assert len({answer.key for answer in answers}) == 6
        assert [len(names) for names in server.submitted] == [3, 3, 3]
    assert sum("no room for it" in line for line in asker.said) == 1


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches", "/v1/batches/batch_0", "content"])
@pytest.mark.parametrize("fault", [Fault(status=503), Fault(reset=True), Fault(body="<html>")])
def test_a_failure_of_the_api_that_passes_costs_nothing(asker, path, fault):
    failed = []

    def trip(method, called):
        if called.endswith(path) and method + called not in failed:
            failed.append(method + called)
            return fault if path != "content" or fault.body is None else Fault(status=500)
        return None

    with BatchServer(trip=trip) as server:
        answers = asker.ask(asker.spec(server.url), *CHATS)
        assert len(server.submitted) == 1
        assert [answer.reply for answer in answers] == live(asker, server, *CHATS)
    assert failed


def test_a_server_that_stays_away_is_given_up_and_the_batch_collected_by_the_next_command(asker):
    away = True

    def trip(method, called):
        return Fault(status=503) if away and called.endswith("batch_0") else None

    with BatchServer(trip=trip) as server:
        answers = asker.ask(asker.spec(server.url), *CHATS)
        assert {type(answer) for answer in answers} == {TeacherUnavailable}
        assert str(answers[0]).endswith("batch_0 goes on there")
        away = False
        again = asker.ask(asker.spec(server.url), *CHATS)
        assert [answer.reply for answer in again] == live(asker, server, *CHATS)
        assert len(server.submitted) == 1


def test_asking_again_in_the_same_build_goes_on_with_the_batch_that_was_given_up(asker):
    away = True

    def trip(method, called):
        return Fault(status=503) if away and called.endswith("batch_0") else None

    with BatchServer(trip=trip) as server, asker.open(asker.spec(server.url)) as teachers:
        with pytest.raises(TeacherUnavailable):
            teachers.run(teachers.ask("t", CHATS[0]))
        away = False
        assert teachers.run(teachers.ask("t", CHATS[0])).reply.text
        assert len(server.submitted) == 1


def test_a_submission_that_was_cut_is_found_again_by_its_token(asker):
    with BatchServer() as server:
        server.lost = 1
        answers = asker.ask(asker.spec(server.url), *CHATS)
        assert len(server.submitted) == 1
        assert [answer.reply for answer in answers] == live(asker, server, *CHATS)
        token = server.batches["batch_0"].asked["metadata"]["rankmill"]
    assert next(name for name, _ in server.files.values()) == f"{token}.jsonl"


def test_a_submission_that_was_cut_is_found_behind_a_hundred_others(asker):
    with BatchServer() as server:
        spec = asker.spec(server.url, batch={**FAST, "requests": 1})
        asker.ask(spec, *(chat(f"other {n}") for n in range(3)))
        one = server.batches["batch_0"]
        for number in range(150):
            server.batches[f"batch_x{number}"] = one
        server.lost = 1
        (answer,) = asker.ask(spec, CHATS[0])
        for number in range(150):
            del server.batches[f"batch_x{number}"]
        assert answer.reply
        assert len(server.submitted) == 4


def test_a_cut_submission_that_cannot_be_looked_for_is_made_anew_and_its_cost_stated(asker):
    with BatchServer(lists=False) as server:
        server.lost = 1
        asker.ask(asker.spec(server.url), *CHATS)
        assert [len(names) for names in server.submitted] == [6, 6]
    assert any("should it turn up, 6 requests are paid twice" in line for line in asker.said)


def test_a_batch_that_the_server_has_forgotten_says_what_to_do(asker):
    away = True

    def trip(method, called):
        return Fault(status=503) if away and called.endswith("batch_0") else None

    with BatchServer(trip=trip) as server:
        asker.ask(asker.spec(server.url), *CHATS)
        away = False
        server.batches.clear()
        fault, *_ = asker.ask(asker.spec(server.url), *CHATS)
    (state,) = asker.ledgers
    assert isinstance(fault, TeacherRefused)
    assert f"its requests wait in {state.parent}, remove that folder" in str(fault)


class Interrupted(BaseException):
    """What Ctrl-C is to a build."""


def interrupt_when(asker, server, spec, ready, requests=CHATS):
    """Begin to ask, and leave as an interrupted build does once `ready()` holds."""

    async def work(teachers):
        asking = [asyncio.create_task(teachers.ask("t", one)) for one in requests]
        for _ in range(500):
            if ready():
                raise Interrupted
            await asyncio.sleep(0.01)
        await asyncio.gather(*asking)

    with pytest.raises(Interrupted), asker.open(spec) as teachers:
        teachers.run(work(teachers))


def test_an_interrupted_build_says_that_its_batch_goes_on_and_the_next_collects_it(asker):
    with BatchServer(seconds=1.0) as server:
        spec = asker.spec(server.url)
        interrupt_when(asker, server, spec, lambda: server.batches)
        assert asker.said[-1] == (f"batch_0 goes on at {server.url}; the same command collects it")
        answers = asker.ask(spec, *CHATS)
        assert "batch_0: going on with 6 requests of before" in asker.said
        assert len(server.submitted) == 1
        assert [answer.reply for answer in answers] == live(asker, server, *CHATS)
    assert asker.ledgers == []


def test_new_requests_beside_a_batch_of_before_are_a_batch_of_their_own(asker):
    with BatchServer(seconds=0.5) as server:
        spec = asker.spec(server.url)
        interrupt_when(asker, server, spec, lambda: server.batches, CHATS[:4])
        asker.ask(spec, *CHATS)
        first, second = server.submitted
    assert len(first) == 4
    assert len(second) == 2
    assert not set(first) & set(second)


def collect(asker, spec, and_for=0.0):
    """Open a teacher that nobody asks, until the batches of before are in; and for some seconds."""

    async def until_collected():
        while asker.ledgers:
            await asyncio.sleep(0.02)
        await asyncio.sleep(and_for)

    with asker.open(spec) as teachers:
        teachers.run(teachers.engine("t"))
        teachers.run(until_collected())


def test_replies_that_nobody_waits_for_any_more_are_kept(asker):
    with BatchServer(seconds=0.3) as server:
        spec = asker.spec(server.url)
        interrupt_when(asker, server, spec, lambda: server.batches)
        collect(asker, spec)
        assert len(server.submitted) == 1
    with ReplyStore(asker.folder / "replies") as store:
        assert all(key_of(spec.identity(), one, 0) in store for one in CHATS)


def test_failed_lines_that_nobody_waits_for_any_more_are_not_asked_again(asker):
    with BatchServer(seconds=0.3, ends=["expired"], expires_at=4) as server:
        spec = asker.spec(server.url)
        interrupt_when(asker, server, spec, lambda: server.batches)
        collect(asker, spec, and_for=0.2)
        assert len(server.submitted) == 1


def test_a_batch_at_another_endpoint_is_left_there_and_named(asker):
    with BatchServer(seconds=30) as old, BatchServer() as new:
        interrupt_when(asker, old, asker.spec(old.url), lambda: old.batches)
        answers = asker.ask(asker.spec(new.url), *CHATS)
        assert len(texts(answers)) == 6
    assert f"batch_0: 6 requests wait at {old.url}" in asker.said
    assert len(asker.ledgers) == 1


def test_a_live_teacher_says_that_batches_wait(asker):
    with BatchServer(seconds=30) as server:
        interrupt_when(asker, server, asker.spec(server.url), lambda: server.batches)
        asker.ask(asker.spec(server.url, batch=None), CHATS[0])
    assert asker.said[-1] == (
        f"batch_0: 6 requests wait at {server.url}; with batch = true they would be collected"
    )


def test_two_builds_do_not_wait_for_the_same_batches(asker):
    with BatchServer() as server, asker.open(asker.spec(server.url)) as teachers:
        teachers.run(teachers.engine("t"))
        (fault,) = Asker(asker.folder).ask(asker.spec(server.url), CHATS[0])
    assert isinstance(fault, TeacherUnavailable)
    assert "another build waits for batches of the same teacher" in str(fault)


def test_a_ledger_that_cannot_be_written_is_said_in_one_line(asker, monkeypatch):
    def full(self, place, lines):
        raise StorageError(f"{self.folder}: the disk is full")

    monkeypatch.setattr(Ledger, "enter", full)
    with BatchServer() as server:
        (fault,) = asker.ask(asker.spec(server.url), CHATS[0])
        assert isinstance(fault, StorageError)
        assert server.calls == []


@pytest.mark.parametrize(("name", "words"), [("state.json", "{"), ("requests.jsonl", "{}\n")])
def test_a_spoilt_ledger_is_named(asker, name, words):
    with BatchServer(seconds=30) as server:
        spec = asker.spec(server.url)
        interrupt_when(asker, server, spec, lambda: server.batches)
        (asker.ledgers[0].parent / name).write_text(words)
        (fault,) = asker.ask(spec, CHATS[0])
    assert isinstance(fault, StorageError)
    assert name in str(fault)


@given(
    words=st.text(),
    temperature=st.sampled_from([0.0, 0.7]),
    trial=st.integers(0, 3),
    stop=st.lists(st.text(), max_size=2),
)
def test_a_request_comes_out_of_the_ledger_as_it_went_in(
    tmp_path_factory, words, temperature, trial, stop
):
    folder = tmp_path_factory.mktemp("ledger")
    one = chat(words, temperature=temperature, stop=tuple(stop), labels=("Yes", "No"), permutes=3)
    other = Continuation(prefix=words, text=words)
    lines = [
        Line(custom_id=f"{n}", request=request, trial=trial, path="/x", raw=b"{}")
        for n, request in enumerate([one, other])
    ]
    Ledger(folder, "t").enter("place", lines)
    (entry,) = Ledger(folder, "t").entries()
    found = list(entry.lines())
    assert [line.request for line in found] == [one, other]
    assert [key_of({}, line.request, line.trial) for line in found] == [
        key_of({}, one, trial),
        key_of({}, other, trial),
    ]
    sent = [json.loads(line) for line in entry.input.read_bytes().splitlines()]
    assert [line["custom_id"] for line in sent] == ["0", "1"]


def test_what_is_half_written_or_half_dropped_is_no_batch(tmp_path):
    ledger = Ledger(tmp_path, "t")
    line = Line(custom_id="a", request=CHATS[0], trial=0, path="/x", raw=b"{}")
    whole = ledger.enter("place", [line])
    for end in ("partial", "gone"):
        ledger.enter("place", [line]).folder.rename(ledger.folder / f"half.{end}")
    assert [entry.token for entry in ledger.entries()] == [whole.token]
    with ledger.alone():
        assert {path.name for path in ledger.folder.iterdir()} == {whole.token, ".lock"}


@given(st.lists(st.binary(max_size=40)))
def test_no_line_of_a_server_can_break_the_reader(lines):
    asked = {"a"}
    answer = {"custom_id": "a", "response": {"status_code": 200, "body": {"x": 1}}, "error": None}
    found = read_answers([*lines, orjson.dumps(answer), *lines], asked)
    assert found.outcomes == {"a": {"x": 1}}


@pytest.mark.parametrize(
    "fields",
    [
        {"batch": {"requests": 0}},
        {"batch": {"request": 5}},
        {"batch": 3},
        {"batch": True, "endpoints": ("http://a/v1", "http://b/v1")},
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValidationError, match="batch"):
        OpenAI(model="m", **fields)


def test_batches_are_switched_on_by_a_word_or_a_table():
    assert OpenAI(model="m", batch=True).batch.requests == 50_000
    assert OpenAI(model="m", batch={"requests": 7}).batch.requests == 7
    assert OpenAI(model="m", batch=False).batch is None
    assert OpenAI.model_validate(OpenAI(model="m", batch=True).model_dump(mode="json")).batch
