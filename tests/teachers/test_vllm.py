import asyncio
import sys

import psutil
import pytest
from pydantic import TypeAdapter, ValidationError

from rankmill.errors import ModelError, TeacherUnavailable
from rankmill.records import Chat, Message
from rankmill.teachers import OpenAI, Teacher, Vllm, serve
from scripted_teacher import __file__ as scripted
from scripted_teacher import by_hash

READ = TypeAdapter(Teacher).validate_python
HI = Chat(messages=(Message(role="user", content="hi"),), max_tokens=5)


def ask(spec, where):
    async def work():
        async with spec.open(where) as engine:
            return await engine.answer(HI), engine.concurrency

    return asyncio.run(work())


def test_an_interpreter_without_vllm_is_named(where, tmp_path):
    empty = tmp_path / "python"
    empty.write_text("#!/bin/sh\nexit 1\n")
    empty.chmod(0o755)
    with pytest.raises(TeacherUnavailable, match=f"vllm is not installed for {empty}"):
        ask(Vllm(model="m", python=str(empty)), where)


def test_an_interpreter_that_is_not_there_is_named(where):
    with pytest.raises(TeacherUnavailable, match="cannot run the interpreter /no/python"):
        ask(Vllm(model="m", python="/no/python"), where)


@pytest.fixture
def stand_in(tmp_path):
    """An interpreter that notes its arguments, a line each time, and becomes a scripted teacher."""
    script = tmp_path / "python"
    script.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = -c ]; then exit 0; fi\n'
        f'echo "$@" "$DO_NOT_TRACK" "$FLAVOUR" >> {tmp_path}/arguments\n'
        f"exec {sys.executable} {scripted} --port $6 --delay 5\n"
    )
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def folder(tmp_path):
    """A folder with something like weights."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.safetensors").write_bytes(b"weights")
    return tmp_path / "weights"


def starts(tmp_path):
    return (tmp_path / "arguments").read_text().splitlines()


def test_vllm_is_started_with_its_settings_and_asked_through_the_client(
    where, tmp_path, stand_in, folder
):
    spec = Vllm(
        model=str(folder),
        dtype="bfloat16",
        context=2048,
        extra_arguments=("--enforce-eager",),
        python=stand_in,
        environment={"FLAVOUR": "mint"},
        concurrency=7,
        data_parallel=2,
        prefix_caching=False,
    )
    reply, concurrency = ask(spec, where)
    assert reply.text.startswith("words about")
    assert concurrency == 7
    (line,) = starts(tmp_path)
    port = line.split()[5]
    assert (
        line.split()
        == (
            f"-m vllm.entrypoints.openai.api_server --host 127.0.0.1 --port {port} "
            f"--disable-uvicorn-access-log --model {folder} --served-model-name teacher "
            "--dtype bfloat16 --max-model-len 2048 --tensor-parallel-size 1 "
            "--data-parallel-size 2 --no-enable-prefix-caching --enable-prompt-tokens-details "
            "--generation-config vllm --enforce-eager 1 mint"
        ).split()
    )


def test_teachers_that_differ_in_what_they_ask_share_one_server(where, tmp_path, stand_in):
    thinking = Vllm(model="owner/m", python=stand_in, extra={"think": True}, concurrency=3)
    silent = Vllm(model="owner/m", python=stand_in, extra={"think": False})

    async def work():
        async with thinking.open(where) as first, silent.open(where) as second:
            return await first.answer(HI), await second.answer(HI)

    first, second = asyncio.run(work())
    assert first.text == second.text
    assert len(starts(tmp_path)) == 1
    assert thinking.identity() != silent.identity()


def test_a_server_that_is_killed_in_mid_build_costs_no_answer(
    where, tmp_path, stand_in, said, monkeypatch
):
    monkeypatch.setattr(serve, "_FIRST_WAIT", 0.1)
    asked = [
        Chat(messages=(Message(role="user", content=f"number {n}"),), max_tokens=5)
        for n in range(200)
    ]

    async def work():
        async with Vllm(model="owner/m", python=stand_in, concurrency=8).open(where) as engine:
            places = asyncio.Semaphore(8)

            async def one(number):
                async with places:
                    if number == 60:
                        kill_below(psutil.Process())
                    return (await engine.answer(asked[number])).text

            return await asyncio.gather(*(one(number) for number in range(200))), engine.causes

    texts, causes = asyncio.run(work())
    expected = [by_hash([{"role": "user", "content": f"number {n}"}]).text for n in range(200)]
    assert texts == expected
    assert len(starts(tmp_path)) == 2
    assert sum(causes.values()) >= 1
    assert sum("starts again" in line for line in said) == 1


def kill_below(process):
    """Kill the scripted teacher below a process: the last of the line."""
    servers = [p for p in process.children(recursive=True) if scripted in p.cmdline()[:2]]
    assert len(servers) == 1
    servers[0].kill()


def test_a_folder_that_is_not_there_is_named(where):
    with pytest.raises(ModelError, match=r"teacher\.model: no file /no/weights"):
        ask(Vllm(model="/no/weights"), where)


@pytest.mark.parametrize("argument", ["--port", "--served_model_name", "--model=x"])
def test_what_rankmill_decides_is_no_further_argument(argument):
    with pytest.raises(ValidationError, match=r"rankmill itself decides about --[a-z-]+"):
        Vllm(model="m", extra_arguments=("--enforce-eager", argument, "x"))


def test_a_folder_is_known_by_its_contents(tmp_path, folder):
    (tmp_path / "elsewhere").mkdir()
    moved = folder.rename(tmp_path / "elsewhere" / "weights")
    before = Vllm(model=str(moved)).identity()
    assert str(tmp_path) not in str(before)
    moved.rename(folder)
    assert Vllm(model=str(folder)).identity() == before
    (folder / "config.json").write_text("{}")
    assert Vllm(model=str(folder)).identity() != before


def test_how_it_runs_is_no_part_of_its_identity():
    other = Vllm(
        model="m",
        tensor_parallel=4,
        data_parallel=2,
        prefix_caching=False,
        python="/p",
        concurrency=2,
        environment={"A": "b"},
        restarts=0,
    )
    assert other.identity() == Vllm(model="m").identity()
    assert Vllm(model="m", dtype="half").identity() != Vllm(model="m").identity()


def test_a_recipe_names_a_teacher_by_its_kind():
    assert READ({"kind": "vllm", "model": "m"}) == Vllm(model="m")
    assert READ({"kind": "openai", "model": "m"}) == OpenAI(model="m")


@pytest.mark.parametrize("wrong", [{"kind": "openia", "model": "m"}, {"kind": "vllm"}])
def test_a_teacher_that_is_not_one_is_refused(wrong):
    with pytest.raises(ValidationError):
        READ(wrong)
