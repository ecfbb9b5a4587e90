"""Lines are what vLLM 0.32 and llama.cpp were seen to write."""

import pytest

from rankmill.teachers.serverlog import Phase, cause, doing, lines
from rankmill.teachers.vllm import _PHASES

SHUT_DOWN = [
    "INFO:     Shutting down",
    "INFO:     Application shutdown complete.",
    "nanobind: leaked 4 instances!",
    ' - leaked function "get_or_insert_function"',
    "nanobind: this is likely caused by a reference counting issue in the binding code.",
]
POINTER = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc"
DEAD = (
    "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace "
    "(above) for the root cause."
)
NO_MEMORY = "ValueError: Available memory on node 0 (14.57/16.34 GiB) on startup is less than"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (["hello", NO_MEMORY, "frame", POINTER, *SHUT_DOWN], NO_MEMORY),
        (["RuntimeError: CPU Generator does not use offset", DEAD, *SHUT_DOWN], None),
        ([DEAD, *SHUT_DOWN], DEAD),
        (["OSError: first", "OSError: [Errno 98] Address already in use"], "OSError: [Errno 98] "),
        (["usage: x", "x.py: error: unrecognized arguments: --y"], "x.py: error: unrecognized"),
        (
            ["load_model: failed to load model, 'x'", "server: exiting due to model loading error"],
            "load_model: failed to load model, 'x'",
        ),
        (["loading", "giving up"], "its last words: giving up"),
        ([], "it said nothing"),
    ],
)
def test_the_cause_is_the_last_exception_that_does_not_point_to_another(said, found):
    assert cause(said).startswith(found or said[0])


def test_of_an_invalid_setting_the_cause_is_what_is_wrong_with_it():
    said = [
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig",
        "  Value error, User-specified max_model_len (40000) is greater than the derived",
        "    For further information visit https://errors.pydantic.dev/2.14/v/value_error",
    ]
    assert cause(said) == said[1].strip()


def test_a_cause_is_one_line_of_at_most_300_characters():
    words = cause(["ValueError: " + "so \t long " * 99])
    assert len(words) == 300
    assert words.endswith("…")
    assert "\t" not in words


def test_lines_have_no_decoration_and_no_marks_and_begin_where_they_are_ours(tmp_path):
    log = tmp_path / "log"
    before = b"OSError: of the run before\n"
    log.write_bytes(
        before
        + b"\x1b[0;36m(EngineCore pid=1)\x1b[0;0m INFO 11-21 11:18:05 [core.py:133] Starting\n\n"
        + b"shards:   0%\rshards: 100%\n\xff\n"
        + b"0.00.006.298 E srv    load_model: failed\n"
        + b"(Worker pid=3406) ERROR 11-21 11:29:07 [multiproc_executor.py:1063]   frame\n"
    )
    expected = [
        "Starting",
        "shards:   0%",
        "shards: 100%",
        "�",
        "srv    load_model: failed",
        "  frame",
    ]
    assert lines(log, len(before)) == expected


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"first\n" + b"x" * 400_000 + b"\nlast\n")
    found = lines(log, 0)
    assert found[-1] == "last"
    assert "first" not in found
    assert sum(map(len, found)) < 300_000


def test_what_is_done_last_is_what_is_being_done():
    phases = (Phase(words="loading", told="Load"), Phase(words="warming up", told="Warm"))
    assert doing(["Loading 1", "Warming", "else"], phases) == "warming up"
    assert doing(["Warming", "Loading 2"], phases) == "loading"
    assert doing(["else"], phases) == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("non-default args: {'host': '127.0.0.1'}", "reading the model's configuration"),
        ("Initializing a V1 LLM engine (v0.32.0) with config: x", "starting the engine"),
        ("Fetching 4 files:  25%|##5       | 1/4", "downloading the weights"),
        ("model-00001-of-00002.safetensors:  31%|###", "downloading the weights"),
        ("Starting to load model /m...", "loading the weights"),
        ("Loading safetensors checkpoint shards:   0% Completed | 0/1", "loading the weights"),
        ("Dynamo bytecode transform time: 3.50 s", "compiling"),
        ("Capturing CUDA graphs (decode, FULL):  10%|#", "capturing CUDA graphs"),
        ("CPU KV cache size: 222,592 tokens", "warming up"),
        ("Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup.", ""),
    ],
)
def test_the_phases_of_vllm_are_known_by_its_lines(line, words):
    assert doing([line], _PHASES) == words
