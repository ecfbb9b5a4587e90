"""A real vLLM on the CPU behind a managed teacher; `make test-vllm` makes its environment.

The model is Qwen2.5-Coder-0.5B-Instruct: it judges nothing well. What is tested is the server:
how it starts, what it answers, and that a build goes on when its engine is killed.
"""

import math
import os
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import psutil
import pytest

from knowing_teacher import corpus, knowing
from rankmill.errors import TeacherUnavailable
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.progress import Silent
from rankmill.records import Chat, Continuation, Message
from rankmill.settings import Settings
from rankmill.tables import JUDGMENTS
from rankmill.teachers import Surroundings, Teachers, Vllm

ROOT = Path(__file__).parents[2]
VENV = Path(os.environ.get("RANKMILL_TEST_VLLM", ROOT / ".venv-vllm"))
PYTHON, WEIGHTS = VENV / "bin" / "python", VENV / "weights"
CORES = sorted(os.sched_getaffinity(0))
FIELDS = {
    "dtype": "bfloat16",
    "context": 2048,
    "python": str(PYTHON),
    "extra_arguments": [
        *("--enforce-eager", "--max-num-seqs=64", "--gpu-memory-utilization=0.3"),
        "--block-size=32",  # on the CPU it would be 128, more than most beginnings here
    ],
    "environment": {
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(len(CORES)),
        "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, CORES)),
    },
}
BOTH = {"text": "text", "yes": "top_logprobs", "likelihood": "prompt_logprobs"}

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (PYTHON.exists() and WEIGHTS.is_dir()),
        reason=f"no vLLM in {VENV}: `make test-vllm` installs it",
    ),
]


@contextmanager
def desk_of(specs, folder, said):
    """A desk with these teachers, each probed for all that a server can give."""
    where = Surroundings(settings=Settings(), folder=folder / "logs", say=said.append)
    views = dict.fromkeys(specs, BOTH)
    with Teachers(specs, folder / "replies", where, views=views) as desk:
        yield desk


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def desk(tmp_path_factory, said):
    """Two teachers that differ in what they add to a request."""
    plain = Vllm(model=str(WEIGHTS), **FIELDS)
    silent = {"chat_template_kwargs": {"enable_thinking": False}}
    specs = {"plain": plain, "silent": plain.model_copy(update={"extra": silent})}
    with desk_of(specs, tmp_path_factory.mktemp("vllm"), said) as desk:
        yield desk


def ask(desk, request, teacher="plain", trial=0):
    return desk.run(desk.ask(teacher, request, trial=trial))


def yes_or_no(words):
    message = Message(role="user", content=f"{words} Answer yes or no.")
    return Chat(messages=(message,), max_tokens=1, top_logprobs=20, labels=("Yes", "No"))


def test_a_chat_gives_the_alternatives_of_its_first_token(desk):
    found = dict(ask(desk, yes_or_no("Is water wet?")).reply.top_logprobs)
    assert {"Yes", "No"} & set(found)
    assert 0.5 < sum(map(math.exp, found.values())) < 1.01


def test_what_it_was_busy_with_while_it_started_was_said(desk, said):
    ask(desk, yes_or_no("Is water wet?"))
    busy = [line.removeprefix(f"vllm {WEIGHTS.name}: ").partition(",")[0] for line in said]
    assert busy[0] == "starting"
    phases = ["reading the model's configuration", "loading the weights", "warming up"]
    assert [words for words in dict.fromkeys(busy) if words in phases] == phases
    assert any(words.startswith("ready after") for words in busy)


def test_a_text_gives_the_log_probability_of_each_of_its_tokens(desk):
    known = ask(desk, Continuation(prefix="one, two, three, four, five,", text=" six, seven"))
    other = ask(desk, Continuation(prefix="one, two, three, four, five,", text=" sun, horse"))
    assert len(known.reply.logprobs) == 3
    assert sum(known.reply.logprobs) > sum(other.reply.logprobs) + 5


def test_teachers_that_differ_in_what_they_add_share_one_server(desk, said):
    one = ask(desk, yes_or_no("Is fire cold?"), "plain").reply
    other = ask(desk, yes_or_no("Is fire cold?"), "silent").reply
    found, again = dict(one.top_logprobs), dict(other.top_logprobs)
    assert found["Yes"] == pytest.approx(again["Yes"], abs=0.2)
    assert sum(": starting, log in" in line for line in said) == 1


def test_tokens_that_it_took_from_its_prefix_cache_are_told(desk):
    beginning = "Here is a long story about water. " * 40
    first, second = (yes_or_no(f"{beginning} {end}") for end in ("Is it wet?", "Is it dry?"))
    before, after = ask(desk, first).reply, ask(desk, second).reply
    assert before.tokens_cached < 100
    assert 250 < after.tokens_cached < after.tokens_in
    assert desk.meters["plain"].tokens_cached >= after.tokens_cached


def test_a_prompt_that_is_too_long_is_refused_with_the_reason(desk):
    answer = ask(desk, yes_or_no("water " * 3000))
    assert answer.reply is None
    assert "maximum context length is 2048 tokens" in answer.refusal
    assert ask(desk, yes_or_no("Is it dry?")).reply


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Invalid repository ID or local directory specified"),
        ({"model": str(WEIGHTS), "context": 99_999}, r"max_model_len \(99999\) is greater than"),
    ],
    ids=["folder", "context"],
)
def test_a_server_that_cannot_start_is_one_line_with_the_cause(tmp_path, fields, words):
    (tmp_path / "empty").mkdir()
    spec = Vllm(**({"model": str(tmp_path / "empty")} | FIELDS | fields))
    with (
        desk_of({"plain": spec}, tmp_path, []) as desk,
        pytest.raises(TeacherUnavailable, match=words) as caught,
    ):
        ask(desk, yes_or_no("Is water wet?"))
    assert "\n" not in str(caught.value)


RECIPE = """
name = "killed"
corpus = {{ kind = "jsonl", path = "corpus.jsonl" }}
passages = {{ min_chars = 20 }}
embed = {{ kind = "openai", model = "bag-of-words", endpoint = "{knowing}" }}
cluster = {{ clusters = 3 }}
splits = {{ train = 1, validation = 0, test = 0 }}
sample = {{ documents = 12, min_chars = 20 }}
generate = {{ teacher = "knowing", prompt = "queries/search" }}
retrieve = {{ depth = 5 }}

[teachers.knowing]
kind = "openai"
model = "teacher"
endpoints = ["{knowing}"]
api_key_env = ""

[teachers.small]
kind = "vllm"
model = "{model}"
{fields}

[[views]]
name = "pointwise"
strategy = {{ kind = "pointwise", min_mass = 0 }}
teacher = "small"
prompt = "labels/relevance"

[[views]]
name = "likelihood"
strategy = {{ kind = "likelihood" }}
teacher = "small"
prompt = "labels/likelihood"
"""


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {toml(one)}" for name, one in value.items()) + "}"
    return repr(value).replace("'", '"')


class Assassin(Silent):
    """Kills vLLM's engine once, in the middle of the labelling."""

    def __init__(self):
        self.said, self.killed = [], False

    def advance(self, stage, done, total):
        if stage == "label" and not self.killed and done >= 20:
            below = psutil.Process().children(recursive=True)
            engines = [one for one in below if "VLLM::EngineCore" in " ".join(one.cmdline())]
            engines[0].kill()
            self.killed = True

    def say(self, text):
        self.said.append(text)


def test_a_build_goes_on_when_the_engine_is_killed(tmp_path):
    corpus(tmp_path / "corpus.jsonl")
    fields = "\n".join(f"{name} = {toml(value)}" for name, value in FIELDS.items())
    settings, watcher = Settings(data=tmp_path / "data"), Assassin()
    with knowing() as teacher:
        recipe = tmp_path / "killed.toml"
        recipe.write_text(RECIPE.format(knowing=teacher.url, model=WEIGHTS, fields=fields))
        dataset = build(recipe, settings=settings, progress=watcher)
    assert watcher.killed
    assert sum("starts again" in line for line in watcher.said) == 1
    judgments = Finished.find(settings, "killed").read("label", JUDGMENTS)
    assert judgments.filter(pl.col("status") != "valid").is_empty()
    assert judgments.group_by("view").len().sort("view")["len"].to_list() == [60, 60]
    assert (dataset / "listwise" / "train.parquet").is_file()
