"""Whole builds with the smallest real model: in this process, and behind llama.cpp's own server.

SmolLM2-135M writes no usable queries and cannot rank; what is tested is that every stage copes
with a real model, and that what it cannot do is counted and never becomes a label.
"""

import asyncio

import polars as pl
import pytest

from knowing_teacher import corpus, knowing
from rankmill.errors import TeacherIncapable
from rankmill.finished import Finished
from rankmill.label.plans import Question
from rankmill.line import build
from rankmill.prompts import find
from rankmill.readings import Malformed
from rankmill.settings import Settings
from rankmill.tables import JUDGMENTS
from rankmill.teachers.engine import Surroundings
from rankmill.teachers.llama_cpp import LlamaCpp
from strategies import PROMPTS

pytestmark = pytest.mark.timeout(300)

RECIPE = """
name = "small"
corpus = {{ kind = "jsonl", path = "corpus.jsonl" }}
passages = {{ min_chars = 20 }}
embed = {{ kind = "openai", model = "bag-of-words", endpoint = "{embedder}" }}
cluster = {{ clusters = 3 }}
splits = {{ train = 1, validation = 0, test = 0 }}
sample = {{ documents = 6, min_chars = 20 }}
generate = {{ teacher = "small", prompt = "queries/search", max_tokens = 100 }}
queries = {{ min_words = 1, max_words = 80, max_copied = 80, max_similarity = 1.0 }}
retrieve = {{ depth = 3 }}
limits = {{ generate = 1, label = 1, settle = 1 }}

[teachers.small]
{teacher}

[[views]]
name = "pointwise"
strategy = {{ kind = "pointwise", min_mass = 0 }}
teacher = "small"
prompt = "labels/relevance"

[[views]]
name = "{second}"
strategy = {{ kind = "{second}" }}
teacher = "small"
prompt = "labels/{second}"

[settle]
weights = {{ {second} = 0 }}
"""


@pytest.fixture
def write(tmp_path):
    """Writes the recipe, with an embedder that is always there."""
    corpus(tmp_path / "corpus.jsonl")
    with knowing() as embedder:

        def recipe(teacher, second):
            path = tmp_path / "small.toml"
            fields = {"embedder": embedder.url, "teacher": teacher, "second": second}
            path.write_text(RECIPE.format(**fields))
            return path

        yield recipe


def test_a_build_with_a_real_model_in_this_process(tmp_path, smollm2, write):
    recipe = write(f'kind = "llama_cpp"\nmodel = "{smollm2}"', "likelihood")
    settings = Settings(data=tmp_path / "data")
    dataset = build(recipe, settings=settings)
    judgments = Finished.find(settings, "small").read("label", JUDGMENTS)
    likelihoods = judgments.filter(pl.col("view") == "likelihood").explode("scores")["scores"]
    assert len(likelihoods) >= 6
    assert likelihoods.max() < 0
    assert likelihoods.n_unique() > 1
    assert (dataset / "listwise" / "train.parquet").is_file()


def test_every_strategy_copes_with_what_a_real_model_says(tmp_path, smollm2):
    """A reading, or the reason why there is none; never a fault, and never an invention."""

    async def ask():
        where = Surroundings(settings=Settings(threads=2), folder=tmp_path, say=lambda _: None)
        async with LlamaCpp(model=smollm2).open(where) as engine:
            for strategy, prompt, words in PROMPTS:
                docids = tuple("xyz"[: len(words.documents)])
                reply = await engine.answer(strategy.request(find(f"labels/{prompt}"), words))
                yield strategy, docids, strategy.read(Question(docids=docids), reply)

    async def collect():
        return [one async for one in ask()]

    outcomes = asyncio.run(collect())
    assert len(outcomes) == len(PROMPTS)
    for strategy, docids, outcome in outcomes:
        if isinstance(outcome, Malformed):
            assert outcome.reason
        elif strategy.asks == "score":
            assert outcome.docid == docids[0]
        else:
            assert outcome.shown == docids
    valid = {s.kind for s, _, outcome in outcomes if not isinstance(outcome, Malformed)}
    assert {"likelihood", "listwise", "sliding_window"} <= valid


@pytest.fixture
def served(smollm2):
    """The fields of a teacher behind llama.cpp's own server."""
    pytest.importorskip("llama_cpp.server.app", reason="llama_cpp.server is not installed")
    return f'kind = "llama_server"\nmodel = "{smollm2}"\ncontext = 2048\n'


def test_a_build_with_a_real_server(tmp_path, served, write):
    settings = Settings(data=tmp_path / "data")
    dataset = build(write(served, "listwise"), settings=settings)
    judgments = Finished.find(settings, "small").read("label", JUDGMENTS)
    read = judgments.filter(view="pointwise", status="valid").explode("scores")["scores"]
    assert len(read) >= 6
    assert read.is_between(0, 1).all()
    ranked = judgments.filter(pl.col("view") == "listwise", pl.col("status") == "valid")
    assert all(sorted(r["ranked"]) == sorted(r["shown"]) for r in ranked.iter_rows(named=True))
    assert (dataset / "listwise" / "train.parquet").is_file()


def test_a_server_whose_prompt_log_probabilities_are_shifted_is_refused(tmp_path, served, write):
    with pytest.raises(TeacherIncapable, match=r"teacher small .*shifted by one.*likelihood"):
        build(write(served, "likelihood"), settings=Settings(data=tmp_path / "data"))
