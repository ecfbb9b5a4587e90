import asyncio
import os
import sys
from pathlib import Path

import pytest

from rankmill.errors import TeacherIncapable
from rankmill.teachers import OpenAI
from rankmill.teachers.probe import conformance, probe
from rankmill.teachers.serve import PORT, Server
from scripted_teacher import Said, ScriptedTeacher

ALL = {"text", "top_logprobs", "prompt_logprobs"}


def findings(url, where, needs):
    async def work():
        async with OpenAI(model="teacher", endpoints=(url,), api_key_env="").open(where) as engine:
            return await conformance(engine, needs)

    return asyncio.run(work())


@pytest.mark.parametrize("way", ["prompt_logprobs", "echo"])
def test_a_teacher_that_tells_the_truth_passes(where, way):
    with ScriptedTeacher(ways=[way]) as teacher:
        assert findings(teacher.url, where, ALL) == {}


@pytest.mark.parametrize("way", ["prompt_logprobs", "echo"])
def test_values_of_one_position_late_are_found_out(where, way):
    with ScriptedTeacher(ways=[way], shifted=True) as teacher:
        found = findings(teacher.url, where, ALL)
    assert found.keys() == {"prompt_logprobs"}
    assert "shifted by one?" in found["prompt_logprobs"]


@pytest.mark.parametrize("value", [-0.01, -9.0])
def test_values_that_do_not_depend_on_the_text_are_found_out(where, value):
    with ScriptedTeacher(logprob=lambda *_: value) as teacher:
        assert findings(teacher.url, where, ALL).keys() == {"prompt_logprobs"}


def test_values_of_the_token_before_are_found_out(where):
    late = {"L": -9.0}

    def before_it(before, token):
        return late.get(before.split()[-1], -0.05) if before.split() else -1.0

    with ScriptedTeacher(logprob=before_it) as teacher:
        assert findings(teacher.url, where, ALL).keys() == {"prompt_logprobs"}


def test_a_text_whose_parts_have_other_values_is_found_out(where):
    with ScriptedTeacher() as teacher:
        plausible = teacher.logprob
        teacher.logprob = lambda before, token: (
            plausible(before, token) if "Friday and" not in before else -2.0 * len(teacher.requests)
        )
        found = findings(teacher.url, where, ALL)
    assert found == {
        "prompt_logprobs": "returns log-probabilities of a text that are not those of its parts"
    }


def test_what_nobody_needs_is_not_asked(where):
    with ScriptedTeacher(ways=()) as teacher:
        assert findings(teacher.url, where, {"text"}) == {}
    assert len(teacher.requests) == 1


@pytest.mark.parametrize(
    ("turn", "ways", "lacking"),
    [
        (Said(text=""), ("echo",), {"text", "top_logprobs"}),
        (Said(text="Yes"), ("echo",), {"top_logprobs"}),
        (Said(text="Yes", top_logprobs=[("Yes", -0.1)]), ("echo",), {"top_logprobs"}),
        (Said(text="Yes", top_logprobs=[("Y", -1), ("N", -1)]), (), {"prompt_logprobs"}),
        (Said(text="", reasoning="hm", top_logprobs=[("Y", -1), ("N", -1)]), ("echo",), set()),
    ],
)
def test_what_does_not_come_back_is_found_out(where, turn, ways, lacking):
    with ScriptedTeacher(respond=lambda _: turn, ways=ways) as teacher:
        assert findings(teacher.url, where, ALL).keys() == lacking


def test_a_lack_is_one_line_with_the_teacher_and_the_views(where):
    views = {"upr": "prompt_logprobs", "again": "prompt_logprobs", "listwise": "text"}

    async def work(teacher):
        spec = OpenAI(model="teacher", endpoints=(teacher.url,), api_key_env="")
        async with spec.open(where) as engine:
            await probe("big", engine, views)

    with ScriptedTeacher(ways=()) as teacher, pytest.raises(TeacherIncapable) as caught:
        asyncio.run(work(teacher))
    assert str(caught.value) == (
        "teacher big cannot answer: teacher returns no log-probabilities of its prompt, neither "
        "as prompt_logprobs nor with echo; for: again, upr"
    )


def test_the_server_of_llama_cpp_is_found_out(where, tmp_path):
    weights = Path(os.environ.get("RANKMILL_TEST_SMOLLM2", ""))
    if not weights.is_file():
        pytest.skip("RANKMILL_TEST_SMOLLM2 does not name the SmolLM2 weights")
    server = Server(
        name="llama.cpp",
        command=(
            *(sys.executable, "-m", "llama_cpp.server", "--port", PORT, "--model", str(weights)),
            *("--model_alias", "teacher", "--n_ctx", "512", "--logits_all", "true"),
        ),
        folder=tmp_path,
        start_seconds=120,
    )

    async def work():
        async with server.running(where.say) as running:
            return await asyncio.to_thread(findings, running.url, where, ALL)

    found = asyncio.run(work())
    assert found.keys() == {"prompt_logprobs"}
    assert "shifted by one?" in found["prompt_logprobs"]
