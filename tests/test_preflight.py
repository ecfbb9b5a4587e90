"""What can be known to fail before a teacher is asked is refused before."""

import pytest

from rankmill.check import check
from rankmill.errors import (
    ConfigError,
    CorpusError,
    ModelError,
    RankmillError,
    StageError,
    TeacherUnavailable,
)
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.settings import Settings
from scripted_teacher import ScriptedTeacher

pytestmark = pytest.mark.timeout(120)
MISSING = '{kind="sentence_transformers", model="no-such-model"}'
DOWN = '{kind="openai", model="m", endpoint="http://127.0.0.1:9/v1", api_key_env="", tries=1}'
FAULTS = {
    "the model of a further retriever": (
        f'retrieve.further=[{{name="other", embed={MISSING}}}]',
        ModelError,
        "no-such-model",
    ),
    "a further retriever whose endpoint is down": (
        f'retrieve.further=[{{name="other", embed={DOWN}}}]',
        TeacherUnavailable,
        "127.0.0.1:9",
    ),
    "a line of a given run": (
        'retrieve.given={path="lists.run"}',
        CorpusError,
        "lists.run, line 1: expected qid Q0 docid",
    ),
    "the model of a screen": (
        f'queries.screens=[{{kind="near_source", embedder={MISSING}}}]',
        ModelError,
        "no-such-model",
    ),
    "the model of a screen's scorer": (
        f'queries.screens=[{{kind="only_there", scorers=[{{kind="cosine", embedder={MISSING}}}]}}]',
        ModelError,
        "no-such-model",
    ),
    "a line of a given query": ('given={path="log.jsonl"}', CorpusError, "log.jsonl"),
    "an earlier build": ('queries.earlier=["lost"]', ConfigError, "no build lost"),
    "the examples of a sampler": (
        'sample={kind="target", documents=18, examples="lost.tsv"}',
        CorpusError,
        "lost.tsv",
    ),
    "the scores of a sampler": (
        'sample={kind="refine", documents=18, scores="lost.csv", after=["earlier"]}',
        StageError,
        "lost.csv: cannot be read",
    ),
    "an evaluation collection": ('assemble.evaluation=["no-folder"]', CorpusError, "no-folder"),
    "fewer seeds than clusters": (
        "sample.documents=5",
        ConfigError,
        "5 seeds cannot cover 6 clusters",
    ),
}


@pytest.fixture
def judged(toy):
    """The toy recipe, whose teacher is asked about quality before there is a seed."""
    more = '\n[curate.quality]\nteacher = "knowing"\ndocuments = 48\npartners = 6\n'
    toy.write_text(toy.read_text() + more)
    (toy.parent / "lists.run").write_text("q1 Q0 d1\n")
    (toy.parent / "log.jsonl").write_text('{"text": \n')
    return toy


def chats(teacher: ScriptedTeacher) -> list[str]:
    return [seen.path for seen in teacher.requests if "embeddings" not in seen.path]


@pytest.mark.parametrize("fault", FAULTS)
def test_it_costs_no_token_and_check_says_so_too(judged, tmp_path, teacher, fault):
    override, error, words = FAULTS[fault]
    settings = Settings(data=tmp_path / "data", cache=tmp_path / "cache")
    with pytest.raises(error, match=words):
        build(judged, overrides=[override], settings=settings)
    assert chats(teacher) == []
    with pytest.raises(RankmillError, match=words):
        list(check(judged, overrides=[override], settings=settings))
    assert chats(teacher) == []


def test_a_build_that_is_whole_opens_no_model_again(toy, tmp_path, teacher):
    settings = Settings(data=tmp_path / "data")
    further = f'{{kind="openai", model="bag-of-words", endpoint="{teacher.url}", batch=64}}'
    overrides = [f'retrieve.further=[{{name="other", embed={further}}}]']
    folder = build(toy, overrides=overrides, settings=settings)
    asked = len(teacher.requests)
    assert build(toy, overrides=overrides, settings=settings) == folder
    assert len(teacher.requests) == asked
    assert Finished.find(settings, "toy").manifest["status"] == "complete"
