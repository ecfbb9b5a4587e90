import asyncio
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from rankmill.errors import TeacherUnavailable
from rankmill.records import Chat, Message
from rankmill.teachers import OpenAI, Teacher, Vllm
from scripted_teacher import __file__ as scripted

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


def test_vllm_is_started_with_its_settings_and_asked_through_the_client(where, tmp_path):
    """The interpreter here is a script that notes its arguments and becomes a scripted teacher."""
    stand_in = tmp_path / "python"
    stand_in.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = -c ]; then exit 0; fi\n'
        f'echo "$@" "$DO_NOT_TRACK" "$FLAVOUR" > {tmp_path}/arguments\n'
        f"exec {sys.executable} {scripted} --port $6\n"
    )
    stand_in.chmod(0o755)
    (tmp_path / "weights").mkdir()
    spec = Vllm(
        model=str(tmp_path / "weights"),
        dtype="bfloat16",
        context=2048,
        extra_arguments=("--enforce-eager",),
        python=str(stand_in),
        environment={"FLAVOUR": "mint"},
        concurrency=7,
    )
    reply, concurrency = ask(spec, where)
    assert reply.text.startswith("words about")
    assert concurrency == 7
    words = (tmp_path / "arguments").read_text().split()
    port = words[5]
    assert (
        words
        == (
            f"-m vllm.entrypoints.openai.api_server --host 127.0.0.1 --port {port} "
            f"--model {tmp_path}/weights --served-model-name teacher --dtype bfloat16 "
            "--max-model-len 2048 --tensor-parallel-size 1 --enforce-eager 1 mint"
        ).split()
    )


def test_how_it_runs_is_no_part_of_its_identity():
    other = Vllm(model="m", tensor_parallel=4, python="/p", concurrency=2, environment={"A": "b"})
    assert other.identity() == Vllm(model="m").identity()
    assert Vllm(model="m", dtype="half").identity() != Vllm(model="m").identity()


def test_a_recipe_names_a_teacher_by_its_kind():
    assert READ({"kind": "vllm", "model": "m"}) == Vllm(model="m")
    assert READ({"kind": "openai", "model": "m"}) == OpenAI(model="m")


@pytest.mark.parametrize("wrong", [{"kind": "openia", "model": "m"}, {"kind": "vllm"}])
def test_a_teacher_that_is_not_one_is_refused(wrong):
    with pytest.raises(ValidationError):
        READ(wrong)
