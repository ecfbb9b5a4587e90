"""A teacher that answers by the file on this machine, its program a stand-in for vLLM's."""

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

from rankmill.errors import TeacherUnavailable
from rankmill.records import Chat, Continuation, Message
from rankmill.settings import Settings
from rankmill.teachers import Teachers, Vllm
from rankmill.teachers.batch.offline import as_chat
from rankmill.teachers.engine import Surroundings
from scripted_teacher import __file__ as scripted
from scripted_teacher import by_hash

PROGRAM = """
import json, os, sys, time
sys.path.insert(0, {tests!r})
from scripted_teacher import ScriptedTeacher
teacher = ScriptedTeacher()
given = dict(zip(sys.argv[1:], sys.argv[2:]))
with open(os.environ["ARGUMENTS"], "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
lines = [json.loads(line) for line in open(given["-i"])]
print("Starting to load model x", flush=True)
time.sleep(0.3)
print("Running batch:  50% Completed | 1/2 [00:01<00:01, 1.00req/s]", flush=True)
time.sleep(float(os.environ.get("SLOW", "0")))
if os.environ.get("BROKEN"):
    sys.exit("ValueError: " + os.environ["BROKEN"])
with open(given["-o"], "w") as out:
    for line in lines:
        body = line["body"]
        if "chat_template" in body:
            prompt = body["messages"][0]["content"]
            whole = teacher._continue({{**body, "prompt": prompt}})
            whole["prompt_logprobs"] = whole["choices"][0].pop("prompt_logprobs")
        else:
            whole = teacher._turn(body)
        response = {{"status_code": 200, "request_id": "vllm-batch-1", "body": whole}}
        error = None
        if "too long" in str(body):
            response = {{"status_code": 400, "request_id": "vllm-batch-1", "body": None}}
            error = {{"error": {{"message": "maximum context length", "code": 400}}}}
        head = {{"id": "vllm-1", "custom_id": line["custom_id"]}}
        out.write(json.dumps({{**head, "response": response, "error": error}}) + "\\n")
"""


def chat(words):
    return Chat(messages=(Message(role="user", content=words),), max_tokens=5, top_logprobs=2)


@pytest.fixture
def vllm(tmp_path):
    """A teacher whose interpreter runs the stand-in, whatever module it is told to run."""
    program = tmp_path / "run_batch.py"
    program.write_text(PROGRAM.format(tests=str(Path(scripted).parent)))
    stand_in = tmp_path / "python"
    stand_in.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = -c ]; then exit 0; fi\n'
        f'shift; exec {sys.executable} {program} "$@"\n'
    )
    stand_in.chmod(0o755)

    def spec(**environment):
        noted = {"ARGUMENTS": str(tmp_path / "arguments"), **environment}
        return Vllm(
            model="owner/name",
            python=str(stand_in),
            batch={"quiet_seconds": 0.05},
            environment=noted,
            start_seconds=float(environment.get("PATIENCE", 60)),
        )

    return spec


@pytest.fixture
def ask(tmp_path):
    said = []

    def ask(spec, *requests, views=None):
        where = Surroundings(
            settings=Settings(data=tmp_path), folder=tmp_path / "logs", say=said.append
        )

        async def work(teachers):
            asking = (teachers.ask("t", request) for request in requests)
            return await asyncio.gather(*asking, return_exceptions=True)

        with Teachers({"t": spec}, tmp_path / "replies", where, views={"t": views or {}}) as open_:
            return open_.run(work(open_))

    ask.said = said
    return ask


def arguments(tmp_path):
    return [json.loads(line) for line in (tmp_path / "arguments").read_text().splitlines()]


def test_a_file_of_requests_becomes_replies_without_a_server(tmp_path, vllm, ask):
    wanted = Continuation(prefix="a b", text=" c d")
    first, second, third = ask(
        vllm(), chat("one"), chat("two"), wanted, views={"v": "prompt_logprobs"}
    )
    assert first.reply.text == by_hash([{"role": "user", "content": "one"}]).text
    assert len(second.reply.top_logprobs) == 2
    assert len(third.reply.logprobs) == 2
    (given,) = arguments(tmp_path)
    assert given[:2] == ["vllm.entrypoints.openai.run_batch", "--trust-request-chat-template"]
    assert given[given.index("--model") + 1] == "owner/name"
    assert "--port" not in given
    name = "vllm name run-batch"
    assert any(line == f"{name}: 1 of 2 done" for line in ask.said)
    assert any(line.endswith("3 replies collected") for line in ask.said)
    assert list((tmp_path / "batches").glob("*/*/state.json")) == []


def test_a_request_that_vllm_rejects_is_refused_alone(vllm, ask):
    good, bad = ask(vllm(), chat("one"), chat("too long"))
    assert good.reply
    assert bad.refusal == "maximum context length"


def test_a_program_that_fails_says_why_and_where_its_log_is(tmp_path, vllm, ask):
    (fault,) = ask(vllm(BROKEN="no room for the model"), chat("one"))
    assert isinstance(fault, TeacherUnavailable)
    assert str(fault).startswith(
        "vllm name run-batch ended with exit code 1: ValueError: no room for the model (log: "
    )
    assert list((tmp_path / "batches").glob("*/*/state.json")) == []
    assert ask(vllm(), chat("one"))[0].reply


def test_a_program_that_falls_silent_is_given_up(vllm, ask):
    (fault,) = ask(vllm(SLOW="60", PATIENCE="1"), chat("one"))
    assert "vllm name run-batch has said nothing for 1 s" in str(fault)


def test_an_interrupted_batch_ends_its_program_and_is_answered_by_the_next_command(
    tmp_path, vllm, ask
):
    where = Surroundings(
        settings=Settings(data=tmp_path), folder=tmp_path / "logs", say=ask.said.append
    )

    class Interrupted(BaseException):
        """What Ctrl-C is to a build."""

    async def work(teachers):
        asking = asyncio.create_task(teachers.ask("t", chat("one")))
        while not any("1 of 2 done" in line for line in ask.said):
            await asyncio.sleep(0.05)
        assert not asking.done()
        raise Interrupted

    began = time.monotonic()
    desk = Teachers({"t": vllm(SLOW="60")}, tmp_path / "replies", where)
    with pytest.raises(Interrupted), desk as teachers:
        teachers.run(work(teachers))
    assert time.monotonic() - began < 20
    assert "vllm name run-batch: ended; the same command asks its 1 requests anew" in ask.said
    assert len(list((tmp_path / "batches").glob("*/*/state.json"))) == 1
    (answer,) = ask(vllm(), chat("one"))
    assert answer.reply
    assert len(arguments(tmp_path)) == 2


def test_only_a_plain_prompt_changes_its_form():
    body = {"prompt": "a b", "max_tokens": 1, "prompt_logprobs": 0}
    path, asked = as_chat("/completions", body)
    assert path == "/chat/completions"
    assert asked["messages"] == [{"role": "user", "content": "a b"}]
    assert asked["prompt_logprobs"] == 0
    assert "prompt" not in asked
    assert as_chat("/chat/completions", {"messages": []}) == ("/chat/completions", {"messages": []})
