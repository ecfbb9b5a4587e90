import asyncio
import sys

import psutil
import pytest
from pydantic import TypeAdapter, ValidationError

from rankmill.errors import ModelError, TeacherUnavailable
from rankmill.records import Chat, Message
from rankmill.settings import Settings
from rankmill.teachers import LlamaServer, Surroundings, Teacher, serve
from rankmill.teachers.probe import conformance
from scripted_teacher import __file__ as scripted

HI = Chat(messages=(Message(role="user", content="hi"),), max_tokens=5)


def ask(spec, where, *requests):
    async def work():
        async with spec.open(where) as engine:
            replies = await asyncio.gather(*(engine.answer(one) for one in requests or (HI,)))
            return replies, engine.concurrency

    return asyncio.run(work())


@pytest.fixture
def weights(tmp_path):
    """A file that ends as weights do."""
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def program(tmp_path):
    """A llama-server that notes its arguments and becomes a scripted teacher."""
    script = tmp_path / "llama-server"
    script.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/arguments\n'
        'while [ "$1" != --port ]; do shift; done\n'
        f"exec {sys.executable} {scripted} --port $2\n"
    )
    script.chmod(0o755)
    return str(script)


def test_the_program_is_started_with_its_settings(tmp_path, said, weights, program):
    where = Surroundings(settings=Settings(threads=3), folder=tmp_path, say=said.append)
    spec = LlamaServer(
        model=str(weights),
        context=1024,
        program=program,
        slots=4,
        gpu_layers=-1,
        extra_arguments=("--flash-attn", "on"),
    )
    (reply,), concurrency = ask(spec, where)
    assert reply.text.startswith("words about")
    assert concurrency == 5
    words = (tmp_path / "arguments").read_text().split()
    port = words[words.index("--port") + 1]
    assert (
        words
        == (
            f"--model {weights} --alias teacher --ctx-size 4096 --parallel 4 --threads 3 "
            f"--n-gpu-layers 999 --host 127.0.0.1 --port {port} --flash-attn on"
        ).split()
    )
    assert said[0].startswith("llama.cpp m: starting, log in ")


def test_a_program_that_is_not_there_is_named(where, weights):
    with pytest.raises(TeacherUnavailable, match="cannot start /no/llama-server: No such file"):
        ask(LlamaServer(model=str(weights), program="/no/llama-server"), where)


def test_an_interpreter_without_llama_cpp_is_named(where, weights, tmp_path):
    empty = tmp_path / "python"
    empty.write_text("#!/bin/sh\nexit 1\n")
    empty.chmod(0o755)
    with pytest.raises(TeacherUnavailable, match=f"llama_cpp is not installed for {empty}: pip"):
        ask(LlamaServer(model=str(weights), python=str(empty)), where)


def test_a_file_that_is_not_there_is_named(where):
    with pytest.raises(ModelError, match=r"teacher\.model: no file /no/m\.gguf"):
        ask(LlamaServer(model="/no/m.gguf", program="x"), where)


def test_a_model_that_nobody_knows_is_named(where):
    with pytest.raises(ModelError, match="did you mean smollm2-135m-instruct"):
        ask(LlamaServer(model="smollm2", program="x"), where)


def test_a_folder_is_no_model_of_llama_cpp(where, tmp_path):
    with pytest.raises(ModelError, match="is no GGUF file"):
        ask(LlamaServer(model=str(tmp_path), program="x"), where)


def test_slots_without_the_program_are_refused():
    with pytest.raises(ValidationError, match="more than one slot needs a program"):
        LlamaServer(model="m", slots=2)


def test_a_recipe_names_it_by_its_kind_and_how_it_runs_is_no_part_of_its_identity(weights):
    read = TypeAdapter(Teacher).validate_python
    spec = read({"kind": "llama_server", "model": str(weights), "program": "p", "slots": 8})
    assert spec == LlamaServer(model=str(weights), program="p", slots=8)
    assert spec.identity() == LlamaServer(model=str(weights)).identity()
    assert spec.identity()["model"].startswith("m.gguf:")
    assert spec.identity() != LlamaServer(model=str(weights), context=512).identity()


@pytest.fixture
def real(smollm2):
    pytest.importorskip("llama_cpp.server.app", reason="llama_cpp.server is not installed")
    return LlamaServer(model=smollm2, context=1024)


def test_the_real_server_answers_and_is_started_again_when_it_dies(real, where, said, monkeypatch):
    monkeypatch.setattr(serve, "_FIRST_WAIT", 0.1)
    wet = Message(role="user", content="Is water wet? Answer yes or no.")
    requests = [Chat(messages=(wet,), max_tokens=1, top_logprobs=5)] * 6

    async def work():
        async with real.open(where) as engine:
            first = await engine.answer(requests[0])
            asked = [asyncio.create_task(engine.answer(one)) for one in requests]
            await asyncio.sleep(0.05)
            kill_server()
            return first, await asyncio.gather(*asked)

    first, replies = asyncio.run(work())
    assert len(first.top_logprobs) == 5
    assert all(reply.top_logprobs == first.top_logprobs for reply in replies)
    assert sum("starts again" in line for line in said) == 1
    assert sum("ready after" in line for line in said) == 2


def kill_server():
    below = psutil.Process().children(recursive=True)
    servers = [one for one in below if one.cmdline()[1:3] == ["-m", "llama_cpp.server"]]
    assert len(servers) == 1
    servers[0].kill()


def test_shifted_log_probabilities_of_the_real_server_are_found_out(real, where):
    async def work():
        async with real.open(where) as engine:
            return await conformance(engine, {"text", "top_logprobs", "prompt_logprobs"})

    found = asyncio.run(work())
    assert set(found) == {"prompt_logprobs"}
    assert "shifted by one" in found["prompt_logprobs"]


def test_a_file_that_is_no_model_ends_the_real_server_with_the_cause(where, weights):
    pytest.importorskip("llama_cpp.server.app", reason="llama_cpp.server is not installed")
    with pytest.raises(TeacherUnavailable) as caught:
        ask(LlamaServer(model=str(weights)), where)
    words = str(caught.value)
    assert words.startswith("llama.cpp m ended with exit code 1 before it answered: ")
    assert "Failed to load model" in words
    assert "\n" not in words
