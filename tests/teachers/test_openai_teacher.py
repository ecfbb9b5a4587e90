import asyncio
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import ValidationError

from rankmill.errors import (
    ConfigError,
    RequestRefused,
    TeacherIncapable,
    TeacherRefused,
    TeacherUnavailable,
)
from rankmill.records import Chat, Continuation, Message
from rankmill.teachers import OpenAI
from scripted_teacher import Fault, Said, ScriptedTeacher

SECRET = "sk-a-secret-key"


def chat(words="hi", **fields):
    fields = {"max_tokens": 5, **fields}
    return Chat(messages=(Message(role="user", content=words),), **fields)


def spec(*teachers, **fields):
    urls = tuple(teacher.url for teacher in teachers)
    return OpenAI(**{"model": "teacher", "endpoints": urls, "api_key_env": "", **fields})


def ask(teacher, where, *requests):
    """Answers in order, all asked at once, and how often one was sent again."""

    async def work():
        async with teacher.open(where) as engine:
            replies = await asyncio.gather(*map(engine.answer, requests))
            return replies, engine.causes.total()

    return asyncio.run(work())


def dead_url():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


@pytest.fixture
def patient(monkeypatch):
    """Seconds that would have been waited; nothing is."""
    waits = []

    async def no_sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr("rankmill.teachers._sender.sleep", no_sleep)
    return waits


def test_a_chat_is_answered_with_its_alternatives(where):
    said = Said(text="Yes", reasoning="sure", top_logprobs=[("Yes", -0.1), ("No", -2.0)])
    with ScriptedTeacher(respond=lambda _: said) as teacher:
        ((reply,), retries) = ask(spec(teacher), where, chat(top_logprobs=2, stop=("\n",)))
    assert (reply.text, reply.reasoning) == ("Yes", "sure")
    assert reply.top_logprobs == (("Yes", -0.1), ("No", -2.0))
    assert retries == 0
    (request,) = teacher.requests
    assert request.path == "/v1/chat/completions"
    assert request.body["model"] == "teacher"
    assert "seed" not in request.body


def test_extra_fields_reach_the_endpoint_and_are_part_of_the_identity(where):
    extra = {"chat_template_kwargs": {"enable_thinking": False}}
    with ScriptedTeacher() as teacher:
        ask(spec(teacher, extra=extra), where, chat())
    assert teacher.requests[0].body["chat_template_kwargs"] == {"enable_thinking": False}
    assert spec(extra=extra).identity()["extra"] == extra


def test_where_a_model_is_served_is_no_part_of_its_identity():
    other = OpenAI(model="m", endpoints=("http://h/v1",), concurrency=3, api_key_env="K", tries=1)
    assert other.identity() == OpenAI(model="m").identity()


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529])
def test_a_failure_that_may_pass_is_tried_again(where, patient, status):
    with ScriptedTeacher(respond=lambda _: "fine") as teacher:
        teacher.faults.extend([Fault(status=status), Fault(status=status)])
        (replies, retries) = ask(spec(teacher), where, chat())
    assert replies[0].text == "fine"
    assert retries == 2
    assert 0.25 <= patient[0] <= 0.5
    assert 0.5 <= patient[1] <= 1.0


@pytest.mark.parametrize(
    "fault",
    [
        Fault(reset=True),
        Fault(body='{"choices": []}'),
        Fault(body='{"choices": [{"mess'),
        Fault(body="<html>Bad gateway</html>", content_type="text/html"),
        Fault(body=""),
        Fault(body="[]"),
        Fault(body='{"error": {"message": "overloaded"}}'),
        Fault(body='{"id": "1", "model": "teacher"}'),
    ],
    ids=["reset", "no choice", "cut", "html", "nothing", "list", "error with 200", "neither"],
)
def test_a_body_that_is_no_answer_never_becomes_a_reply(where, patient, fault):
    with ScriptedTeacher(respond=lambda _: "fine") as teacher:
        teacher.faults.append(fault)
        (replies, retries) = ask(spec(teacher), where, chat())
        assert (replies[0].text, retries) == ("fine", 1)
        teacher.faults.extend([fault] * 2)
        with pytest.raises(TeacherUnavailable, match="no answer after 2 tries"):
            ask(spec(teacher, tries=2), where, chat())


def test_an_answer_with_another_content_type_is_still_an_answer(where):
    body = '{"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]}'
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(body=body, content_type="text/plain"))
        (replies, _) = ask(spec(teacher), where, chat())
    assert replies[0].text == "fine"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_for_that_call_and_stops_no_other(where, status):
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(status=status, headers={"Retry-After": "1"}))
        ended = {}

        async def timed(engine, words):
            await engine.answer(chat(words))
            ended[words] = time.monotonic()

        async def work():
            async with spec(teacher).open(where) as engine:
                began = time.monotonic()
                await asyncio.gather(*(timed(engine, f"{n}") for n in range(4)))
                return began

        began = asyncio.run(work())
    took = sorted(at - began for at in ended.values())
    assert took[-1] >= 1.0
    assert took[-2] < 0.9


def test_retry_after_may_be_a_date_and_is_never_longer_than_ten_minutes(where, patient):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    headers = [{"Retry-After": soon}, {"Retry-After": "86400"}, {"Retry-After": "soon"}]
    with ScriptedTeacher() as teacher:
        teacher.faults.extend(Fault(status=503, headers=given) for given in headers)
        ask(spec(teacher), where, chat())
    assert 25 < patient[0] <= 30 * 1.05
    assert 600 <= patient[1] <= 600 * 1.05
    assert 0.25 <= patient[2] <= 0.5


def test_tries_end_and_the_last_failure_is_told(where, patient):
    with ScriptedTeacher() as teacher:
        teacher.faults.extend([Fault(status=503, message="warming up")] * 9)
        with pytest.raises(TeacherUnavailable, match="after 3 tries, the last one: answered 503"):
            ask(spec(teacher, tries=3), where, chat())
    assert len(teacher.requests) == 3


def test_a_silent_endpoint_times_out(where, patient):
    lacking = pytest.raises(TeacherUnavailable, match="after 1 tries")
    with ScriptedTeacher(delay=5) as teacher, lacking:
        ask(spec(teacher, tries=1, timeout_seconds=0.2), where, chat())


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_rejected_request_is_refused_in_the_servers_words(where, status):
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(status=status, message="maximum context length is 8"))
        with pytest.raises(RequestRefused, match=r"^maximum context length is 8$"):
            ask(spec(teacher), where, chat())
    assert len(teacher.requests) == 1


def test_a_wrong_key_names_its_variable_and_never_the_key(where, monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)
    with ScriptedTeacher(key="another") as teacher, pytest.raises(TeacherRefused) as caught:
        ask(spec(teacher, api_key_env="MY_KEY"), where, chat())
    assert str(caught.value) == f"{teacher.url} answered 401: it rejects the key in MY_KEY"
    assert teacher.requests[0].authorization == f"Bearer {SECRET}"


@pytest.mark.parametrize("status", [400, 403, 503])
def test_an_endpoint_that_repeats_the_key_does_not_get_it_printed(where, monkeypatch, status):
    monkeypatch.setenv("MY_KEY", SECRET)
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(status=status, message=f"key {SECRET} is not allowed"))
        with pytest.raises((TeacherRefused, RequestRefused, TeacherUnavailable)) as caught:
            ask(spec(teacher, api_key_env="MY_KEY", tries=1), where, chat())
    assert "key <key> is not allowed" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_missing_key_is_said_to_be_missing(where, monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    with ScriptedTeacher(key=SECRET) as teacher:
        with pytest.raises(TeacherRefused, match="wants a key, and MY_KEY is empty or not set"):
            ask(spec(teacher, api_key_env="MY_KEY"), where, chat())
        with pytest.raises(TeacherRefused, match="wants a key, and api_key_env is empty"):
            ask(spec(teacher), where, chat())


def test_an_unknown_model_is_told_with_those_that_are_there(where):
    lacking = pytest.raises(TeacherRefused, match="has no model teacher; it has small, large")
    with ScriptedTeacher(models=("small", "large")) as teacher, lacking:
        ask(spec(teacher), where, chat())


def test_a_used_up_quota_is_not_waited_for(where):
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(status=429, code="insufficient_quota", message="pay"))
        with pytest.raises(TeacherRefused, match="the quota is used up: pay"):
            ask(spec(teacher), where, chat())
    assert len(teacher.requests) == 1


def test_nothing_that_listens_is_said_at_once_with_its_url(where):
    url = dead_url()
    with pytest.raises(TeacherUnavailable, match=f"no teacher answers at {url}"):
        ask(spec(endpoints=(url,)), where, chat())


def test_a_dead_endpoint_is_passed_over(where, patient):
    url = dead_url()
    with ScriptedTeacher() as teacher:
        (replies, retries) = ask(
            spec(endpoints=(url, teacher.url)), where, *(chat(str(n)) for n in range(20))
        )
    assert len(replies) == 20
    assert len(teacher.requests) == 20
    assert retries >= 1
    assert patient == []


def test_work_is_shared_between_endpoints_by_load(where):
    with ScriptedTeacher(delay=0.01) as one, ScriptedTeacher(delay=0.01) as other:
        ask(spec(one, other), where, *(chat(str(n)) for n in range(40)))
    assert len(one.requests) + len(other.requests) == 40
    assert 15 <= len(one.requests) <= 25


def test_concurrency_is_that_of_all_endpoints_together(where):
    async def concurrency(teacher):
        async with teacher.open(where) as engine:
            return engine.concurrency

    urls = ("http://a/v1", "http://b/v1")
    assert asyncio.run(concurrency(spec(endpoints=urls[:1], concurrency=3))) == 3
    assert asyncio.run(concurrency(spec(endpoints=urls, concurrency=3))) >= 6


def test_alternatives_that_do_not_come_are_a_lack_of_the_teacher(where):
    lacking = pytest.raises(TeacherIncapable, match="teacher returns no top_logprobs")
    with ScriptedTeacher(respond=lambda _: "Yes") as teacher, lacking:
        ask(spec(teacher), where, chat(top_logprobs=5))


def test_a_model_that_knows_the_limit_by_another_name_is_asked_in_its_words(where):
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(status=400, message="Use 'max_completion_tokens' instead."))

        async def work():
            async with spec(teacher).open(where) as engine:
                return [await engine.answer(chat()), await engine.answer(chat("again"))]

        assert len(asyncio.run(work())) == 2
    limits = [[key for key in r.body if key.startswith("max_")] for r in teacher.requests]
    assert limits == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]


def by_length(before, token):
    return -float(len(token))


@pytest.mark.parametrize("way", ["prompt_logprobs", "echo"])
def test_a_continuation_reads_exactly_the_tokens_of_its_text(where, way):
    wanted = Continuation(prefix="Is it", text=" cold or warm?")
    with ScriptedTeacher(logprob=by_length, ways=[way]) as teacher:
        (replies, _) = ask(spec(teacher), where, wanted)
    assert replies[0].logprobs == (-5.0, -3.0, -6.0)
    assert teacher.requests[-1].body["prompt"] == "Is it cold or warm?"


def test_the_way_that_worked_is_remembered(where):
    texts = [Continuation(prefix="a", text=f" {n}") for n in range(5)]

    async def work(teacher):
        async with spec(teacher).open(where) as engine:
            return [await engine.answer(text) for text in texts]

    with ScriptedTeacher(ways=["echo"]) as teacher:
        asyncio.run(work(teacher))
    assert len(teacher.requests) == 6
    assert [("echo" in request.body) for request in teacher.requests] == [False] + [True] * 5


def test_a_server_that_rejects_the_first_way_is_asked_in_the_second(where):
    with ScriptedTeacher(logprob=by_length, ways=["echo"]) as teacher:
        teacher.faults.append(Fault(status=400, message="unknown field prompt_logprobs"))
        (replies, _) = ask(spec(teacher), where, Continuation(prefix="a", text=" bc"))
    assert replies[0].logprobs == (-3.0,)


def test_a_prompt_that_is_too_long_in_every_way_is_a_refused_request(where):
    with ScriptedTeacher() as teacher:
        teacher.faults.extend([Fault(status=400, message="too long")] * 2)
        with pytest.raises(RequestRefused, match="too long"):
            ask(spec(teacher), where, Continuation(prefix="a", text=" bc"))


def test_a_server_without_prompt_log_probabilities_lacks_them(where):
    lacking = pytest.raises(TeacherIncapable, match="no log-probabilities of its prompt")
    with ScriptedTeacher(ways=()) as teacher, lacking:
        ask(spec(teacher), where, Continuation(prefix="a", text=" bc"))


def test_a_server_without_that_path_lacks_it_and_has_the_model(where):
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(status=404))
        with pytest.raises(TeacherIncapable, match="has the model teacher, but no /completions"):
            ask(spec(teacher), where, Continuation(prefix="a", text=" bc"))


def in_bytes(text):
    """Words; those with a letter beyond ASCII become two tokens of unreadable bytes."""
    return [
        piece
        for word in text.replace(" ", "\n ").split("\n")
        for piece in ([word] if word.isascii() else ["�", "�"])
    ]


@pytest.mark.parametrize("way", ["prompt_logprobs", "echo"])
def test_tokens_of_half_characters_are_counted(where, way):
    wanted = Continuation(prefix="où est", text=" le café noir")
    with ScriptedTeacher(logprob=by_length, tokenize=in_bytes, ways=[way]) as teacher:
        (replies, _) = ask(spec(teacher), where, wanted)
    assert replies[0].logprobs == (-3.0, -1.0, -1.0, -5.0)
    assert teacher.requests[-1].body["prompt"] == "où est"


@pytest.mark.parametrize(
    "url", ["http://me:hunter2@host/v1", "https://hunter2@host/v1", "http://:hunter2@host"]
)
def test_a_url_with_credentials_is_refused_without_repeating_them(url, where, monkeypatch):
    with pytest.raises(ValidationError, match="has credentials in its URL") as caught:
        OpenAI(model="m", endpoints=(url,))
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL: the endpoint at host") as refused:
        ask(OpenAI(model="m"), where, chat())
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["host:8000", "ftp://host/v1", "", "http://", "http://[::1"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ValidationError, match="endpoint"):
        OpenAI(model="m", endpoints=(url,))


@pytest.mark.parametrize("field", ["seed", "messages", "max_tokens", "stream"])
def test_an_extra_field_that_a_request_decides_is_refused(field):
    with pytest.raises(ValidationError, match=f"rankmill itself decides about {field}"):
        OpenAI(model="m", extra={field: 1})


def test_the_environment_names_the_endpoint_when_the_recipe_does_not(where, monkeypatch):
    with ScriptedTeacher() as teacher:
        monkeypatch.setenv("OPENAI_BASE_URL", teacher.url + "/")
        ask(OpenAI(model="teacher", api_key_env=""), where, chat())
        assert len(teacher.requests) == 1


def test_a_proxy_of_the_environment_does_not_stand_before_this_machine(where, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", dead_url().removesuffix("/v1"))
    with ScriptedTeacher() as teacher:
        (replies, _) = ask(spec(teacher), where, chat())
    assert len(replies) == 1


@pytest.mark.filterwarnings("error")
def test_a_client_leaves_nothing_open(where, capfd):
    with ScriptedTeacher() as teacher:
        ask(spec(teacher), where, chat())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"message": "Incorrect API key provided: KEY"}}',
        "<html>who sent KEY?</html>",
        '{"error": {"message": "' + "x" * 290 + 'KEY"}}',
    ],
    ids=["error with 200", "html", "at the cut"],
)
def test_a_key_is_never_printed_whatever_repeats_it(where, monkeypatch, patient, body):
    monkeypatch.setenv("MY_KEY", SECRET)
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(body=body.replace("KEY", SECRET)))
        with pytest.raises(TeacherUnavailable) as caught:
            ask(spec(teacher, api_key_env="MY_KEY", tries=1), where, chat())
    assert "sk-a" not in str(caught.value)


def test_a_time_to_come_back_that_is_over_is_none(where, patient):
    with ScriptedTeacher() as teacher:
        teacher.faults.extend([Fault(status=503, headers={"Retry-After": "0"})] * 9)
        with pytest.raises(TeacherUnavailable, match="after 3 tries"):
            ask(spec(teacher, tries=3), where, chat())


@pytest.mark.parametrize(
    "logprobs",
    [
        '{"content": [{"top_logprobs": [{"token": "a"}]}]}',
        '{"content": [{"top_logprobs": [{"token": "a", "logprob": null}]}]}',
        '{"content": [{"top_logprobs": ["a", "b"]}]}',
    ],
)
def test_log_probabilities_of_an_unexpected_form_are_no_answer(where, patient, logprobs):
    body = (
        '{"choices": [{"message": {"content": "a"}, "finish_reason": "stop", "logprobs": '
        + logprobs
        + "}]}"
    )
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(body=body))
        (replies, retries) = ask(spec(teacher), where, chat(top_logprobs=2))
    assert (len(replies), retries) == (1, 1)


def test_a_wrong_path_is_told_in_the_servers_words(where):
    with ScriptedTeacher() as teacher:
        wanted = spec(endpoints=(teacher.url.removesuffix("/v1"),))
        with pytest.raises(TeacherRefused, match=r"answered 404 .*base URL, which often ends in"):
            ask(wanted, where, chat())


def test_a_proxy_s_password_is_not_printed(where, monkeypatch, patient):
    proxy = dead_url().removesuffix("/v1").replace("http://", "http://me:hunter2@")
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(TeacherUnavailable) as caught:
        ask(spec(endpoints=("http://teacher.invalid/v1",)), where, chat())
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("HTTP_PROXY", "me:hunter2@host")
    with pytest.raises(ConfigError, match="proxy for http is not a URL") as refused:
        ask(spec(endpoints=("http://teacher.invalid/v1",)), where, chat())
    assert "hunter2" not in str(refused.value)


def test_a_url_of_a_web_site_is_called_that_within_seconds(where, patient):
    with ScriptedTeacher() as teacher:
        teacher.faults.extend([Fault(body="<html>Welcome</html>", content_type="text/html")] * 9)
        with pytest.raises(TeacherRefused, match="is a web page: this is no base URL"):
            ask(spec(teacher), where, chat())
    assert len(teacher.requests) == 3


def test_what_an_endpoint_does_not_do_at_all_is_not_tried_again(where):
    with ScriptedTeacher() as teacher:
        teacher.faults.append(Fault(status=501))
        with pytest.raises(TeacherRefused, match="answered 501"):
            ask(spec(teacher), where, chat())


@pytest.mark.parametrize("key", ["sk-proj-MYREALKEY", "skMyRealKey", "A B", "1A"])
def test_a_key_in_the_place_of_its_variable_is_refused_and_not_shown(key):
    with pytest.raises(ValueError, match="name of an environment variable"):
        OpenAI(model="m", api_key_env=key)


def test_a_key_of_two_lines_is_none(where, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-one\nsk-two")
    with ScriptedTeacher() as teacher, pytest.raises(ConfigError, match="MY_KEY is no key") as told:
        ask(spec(teacher, api_key_env="MY_KEY"), where, chat())
    assert "sk-" not in str(told.value)


@pytest.mark.parametrize("url", ["http://h:99999/v1", "http://h/v1?x=1", "http://h/v1#a", "h/v1"])
def test_what_is_no_base_url_is_refused(url):
    with pytest.raises(ValueError, match="endpoint"):
        OpenAI(model="m", endpoints=(url,))


@pytest.mark.parametrize("weight", [0, -1, float("inf"), float("nan")])
def test_a_weight_is_a_number_above_0(weight):
    with pytest.raises(ValueError, match=r"endpoints\.0\.weight"):
        OpenAI(model="m", endpoints=({"url": "http://h/v1", "weight": weight},))
