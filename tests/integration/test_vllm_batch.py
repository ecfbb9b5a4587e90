"""A real `vllm run-batch` on the CPU, and the replies of the same model as a server."""

import asyncio

import pytest
from test_vllm_cpu import FIELDS, WEIGHTS, pytestmark  # noqa: F401 - skips where that one does

from rankmill.errors import TeacherUnavailable
from rankmill.records import Chat, Continuation, Message
from rankmill.settings import Settings
from rankmill.teachers import Surroundings, Teachers, Vllm

NEEDS = {"text": "text", "yes": "top_logprobs", "likelihood": "prompt_logprobs"}


def chat(words, **fields):
    return Chat(messages=(Message(role="user", content=words),), **{"max_tokens": 8, **fields})


REQUESTS = (
    chat("Say hello."),
    chat("Is water wet? Answer yes or no.", max_tokens=1, top_logprobs=5),
    chat("Is fire cold? Answer yes or no.", max_tokens=1, top_logprobs=5),
    Continuation(prefix="Monday, Tuesday,\n Wednesday,", text=" Thursday and so on\n"),
    Continuation(prefix="The sun sets in the", text=" west"),
    chat("word " * 4000),
)


def answers(folder, batch, said):
    spec = Vllm(model=str(WEIGHTS), batch=batch, **FIELDS)
    where = Surroundings(settings=Settings(data=folder), folder=folder / "logs", say=said.append)

    async def work(desk):
        return await asyncio.gather(*(desk.ask("t", request) for request in REQUESTS))

    with Teachers({"t": spec}, folder / "replies", where, views={"t": NEEDS}) as desk:
        return desk.run(work(desk))


def test_a_batch_gives_the_replies_that_a_server_gives(tmp_path):
    said = []
    batch = answers(tmp_path / "batch", {"quiet_seconds": 1}, said)
    served = answers(tmp_path / "served", None, [])
    assert [answer.key for answer in batch] == [answer.key for answer in served]
    assert [answer.refusal for answer in batch] == [answer.refusal for answer in served]
    assert "context length" in batch[-1].refusal
    for one, other in zip(batch[:-1], served[:-1], strict=True):
        assert one.reply.text == other.reply.text
        assert one.reply.tokens_in == other.reply.tokens_in
        assert one.reply.logprobs == pytest.approx(other.reply.logprobs, abs=0.1)
        found, expected = dict(one.reply.top_logprobs), dict(other.reply.top_logprobs)
        assert found == pytest.approx(expected, abs=0.1)
    assert any("6 of 6 done" in line for line in said)
    assert any("5 replies collected, 1 refused" in line for line in said)


def test_a_model_that_is_none_is_said_with_its_cause(tmp_path):
    (tmp_path / "empty").mkdir()
    spec = Vllm(model=str(tmp_path / "empty"), batch={"quiet_seconds": 0.1}, **FIELDS)
    where = Surroundings(
        settings=Settings(data=tmp_path), folder=tmp_path / "logs", say=lambda line: None
    )
    with (
        Teachers({"t": spec}, tmp_path / "replies", where) as desk,
        pytest.raises(TeacherUnavailable, match=r"run-batch ended with exit code 1: .*\(log: "),
    ):
        desk.run(desk.ask("t", REQUESTS[0]))
