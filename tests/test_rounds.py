"""A second round: candidates of a retriever that was trained, and only what is new judged."""

import json

import polars as pl
import pytest

from rankmill.errors import ConfigError
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.manifest import read_manifest
from rankmill.progress import Silent
from rankmill.settings import Settings
from rankmill.space import SentenceTransformer
from rankmill.tables import CANDIDATES, LABELS, QUERIES
from rankmill.trials import candidate_lists
from small_student import student


class Watcher(Silent):
    """Remembers which stages were made."""

    def __init__(self):
        self.begun, self.said = [], []

    def begin(self, stage, why):
        self.begun.append(stage)

    def say(self, text):
        self.said.append(text)


def second(folder, after="toy"):
    """What makes the toy recipe its own second round."""
    further = f"[{{name='student', embed={{kind='sentence_transformers', model='{folder}'}}}}]"
    bands = (
        "[{retriever='student', ranks=[1, 40], take=5}, {retriever='bm25', ranks=[1, 40], take=3}]"
    )
    return [
        "name='toy-2'",
        "round=2",
        f"after='{after}'",
        f"retrieve.further={further}",
        f"retrieve.bands={bands}",
    ]


def asked_about(teacher, start):
    """How often each view's prompt was sent, after some requests."""
    texts = [json.dumps(seen.body) for seen in teacher.requests[start:]]
    openings = {"pointwise": "You judge search results", "listwise": "You rank search results"}
    return {name: sum(words in text for text in texts) for name, words in openings.items()}


def pairs(made):
    return set(made.read("retrieve", CANDIDATES).select("qid", "docid").rows())


def test_a_second_round_makes_only_what_changed_and_asks_only_about_that(tmp_path, toy, teacher):
    settings = Settings(data=tmp_path / "data")
    build(toy, settings=settings)
    start = len(teacher.requests)
    rounds = second(student(tmp_path / "student", 1))
    watcher = Watcher()
    dataset = build(toy, overrides=rounds, settings=settings, progress=watcher)
    first, then = (Finished.find(settings, name) for name in ("toy", "toy-2"))

    assert set(watcher.begun) == {"retrieve", "label", "settle", "assemble"}
    assert first.read("generate", QUERIES).equals(then.read("generate", QUERIES))
    new = pairs(then) - pairs(first)
    before, after = (candidate_lists(one.read("retrieve", CANDIDATES)) for one in (first, then))
    changed = [qid for qid in after if after[qid] != before[qid]]
    assert 0 < len(new) < len(pairs(then))
    # A judgment of a pair that was seen before is in the reply store, whatever its list.
    assert asked_about(teacher, start) == {"pointwise": len(new), "listwise": 3 * len(changed)}

    assert f"{len(new)} of {len(pairs(then))} candidates new since toy" in watcher.said
    said = json.loads((dataset / "MANIFEST.json").read_text())
    assert said["round"] == {
        "round": 2,
        "after": "toy",
        "candidates": len(pairs(then)),
        "new": len(new),
    }
    assert said["models"]["weights"][str(tmp_path / "student")]["sha256"]
    assert "This is round 2" in (dataset / "README.md").read_text()
    lists = pl.read_parquet(dataset / "lists" / "train.parquet")
    assert set(lists["round"]) == {2}
    assert read_manifest(settings.data / "builds" / "toy-2")["recipe"]["after"] == "toy"


def test_a_list_that_did_not_change_is_not_asked_about_again(tmp_path, toy, teacher):
    settings = Settings(data=tmp_path / "data")
    build(toy, settings=settings)
    start = len(teacher.requests)
    same = ["name='toy-2'", "round=2", "after='toy'", "retrieve.pool=99"]
    build(toy, overrides=same, settings=settings)
    assert asked_about(teacher, start) == {"pointwise": 0, "listwise": 0}
    first, then = (Finished.find(settings, name) for name in ("toy", "toy-2"))
    assert first.read("settle", LABELS).equals(then.read("settle", LABELS))


def test_a_student_trained_anew_in_the_same_folder_is_another_one(tmp_path, toy, teacher):
    settings = Settings(data=tmp_path / "data")
    build(toy, settings=settings)
    rounds = second(student(tmp_path / "student", 1))
    build(toy, overrides=rounds, settings=settings)
    before = pairs(Finished.find(settings, "toy-2"))
    student(tmp_path / "student", 2)
    watcher = Watcher()
    build(toy, overrides=rounds, settings=settings, progress=watcher)
    assert "retrieve" in watcher.begun
    assert pairs(Finished.find(settings, "toy-2")) != before


def test_weights_are_known_by_their_bytes_and_only_in_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "model.bin").write_bytes(b"1")
    one = SentenceTransformer(model=str(tmp_path / "a"))
    before = one.weights
    (tmp_path / "a" / "model.bin").write_bytes(b"2")
    assert before != one.weights != ""
    assert SentenceTransformer(model="all-minilm-l6-v2").weights == ""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (["round=2"], "round 2 needs after: the build that it follows"),
        (["after='first'"], "a recipe after first is round 2 or more, found round 1"),
        (["round=2", "after='toy'"], "toy cannot follow itself; expected another name"),
        (["round=2", "after='tin'", "name='toy-2'"], "no build tin in .*; did you mean tim?"),
    ],
)
def test_a_round_that_follows_nothing_is_refused_before_a_token_is_spent(
    tmp_path, toy, teacher, said, why
):
    settings = Settings(data=tmp_path / "data")
    earlier = settings.data / "builds" / "tim"
    earlier.mkdir(parents=True)
    (earlier / "manifest.json").write_text('{"name": "tim"}')
    with pytest.raises(ConfigError, match=why):
        build(toy, overrides=said, settings=settings)
    assert not teacher.requests
