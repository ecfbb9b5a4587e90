"""What MANIFEST.json says of a dataset beyond its files, and that a rebuild says the same."""

import json
import shutil

import polars as pl
import pytest

from kept_replies import TEACHER, numbered
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.provenance import packages, spent, weights
from rankmill.records import Reply
from rankmill.settings import Settings
from rankmill.tables import QUERIES, REQUESTS
from rankmill.teachers.prices import FREE, Price
from rankmill.teachers.store import ReplyStore, key_of


@pytest.fixture
def asked(tmp_path):
    """A store with three replies, and a table that asks for two, one of them twice, and another."""
    keys = [key_of(TEACHER, numbered(number), 0) for number in range(4)]
    with ReplyStore(tmp_path / "replies") as store:
        for number, key in enumerate(keys[:3]):
            reply = Reply(text="yes", tokens_in=1000, tokens_cached=400, tokens_out=10 * number)
            store.put(key, TEACHER, numbered(number), 0, reply)
    requests = [keys[1], keys[1], keys[2], keys[3]]
    return {"label": pl.DataFrame({"teacher": ["big"] * 4, "request": requests})}


def test_a_reply_counts_once_and_one_that_never_came_is_said_to_lack(tmp_path, asked):
    price = Price(price_in=2.0, price_cached=0.5, price_out=10.0)
    assert spent(tmp_path / "replies", asked, {"big": price}) == {
        "label": {
            "big": {
                "replies": 2,
                "unanswered": 1,
                "tokens_in": 2000,
                "tokens_cached": 800,
                "tokens_out": 30,
                "money": 0.0031,  # (1,200 x 2 + 800 x 0.5 + 30 x 10) / 1,000,000
            }
        }
    }


@pytest.mark.parametrize(("price", "money"), [(FREE, 0.0), (None, None)])
def test_what_nobody_bills_costs_nothing_and_an_unknown_price_is_not_guessed(
    tmp_path, asked, price, money
):
    found = spent(tmp_path / "replies", asked, {"big": price})
    assert found["label"]["big"]["money"] == money


def test_versions_are_those_of_packages_that_are_here():
    found = packages()
    assert found["polars"] == pl.__version__
    assert {"python", "rankmill", "pyarrow", "numpy"} <= set(found)
    assert "no-such-package" not in found


def test_known_models_are_named_with_the_digests_of_their_files():
    recipe = {
        "embed": {"kind": "sentence_transformers", "model": "all-minilm-l6-v2"},
        "teachers": {"local": {"kind": "openai", "model": "gpt-unknown"}},
    }
    assert list(weights(recipe)) == ["all-minilm-l6-v2"]
    sha256 = weights(recipe)["all-minilm-l6-v2"]["sha256"]["model.safetensors"]
    assert sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_a_build_says_what_it_stands_on_and_a_rebuild_from_its_replies_the_same(
    tmp_path, toy, teacher
):
    first = build(toy, settings=Settings(data=tmp_path / "data"))
    said = json.loads((first / "MANIFEST.json").read_text())
    known = teacher.requests[:]
    assert said["name"] == "toy"
    assert len(said["corpus"]) >= 16
    assert [stage["stage"] for stage in said["funnel"]][-2:] == ["settle", "assemble"]
    assert said["spent"]["generate"]
    assert all(
        counts["replies"] > 0 and counts["unanswered"] == 0
        for teachers in said["spent"].values()
        for counts in teachers.values()
    )
    assert set(said["exports"]) == {"listwise", "triplets", "beir", "mteb"}
    assert said["models"]["sampling"]
    (tmp_path / "again").mkdir()
    shutil.copytree(tmp_path / "data/replies", tmp_path / "again/replies")
    second = build(toy, settings=Settings(data=tmp_path / "again"))
    assert [
        one.digest for one in teacher.requests[len(known) :] if "ocument" in str(one.body)
    ] == []
    for path in sorted(first.rglob("*")):
        if path.is_file():
            assert (second / path.relative_to(first)).read_bytes() == path.read_bytes(), path


def test_all_requests_of_the_queries_are_counted_also_of_those_that_fell(tmp_path, toy, teacher):
    settings = Settings(data=tmp_path / "data")
    rules = "queries.max_similarity=0.8"
    dataset = build(toy, settings=settings, overrides=[rules, "limits.generate=1.0"])
    done = Finished.find(settings, "toy")
    generate = done.output("generate").report
    assert generate.rejected
    said = json.loads((dataset / "MANIFEST.json").read_text())["spent"]["generate"]
    assert sum(one["replies"] for one in said.values()) == generate.read
    requests = done.read("generate", REQUESTS)
    assert set(done.read("generate", QUERIES)["request"]) < set(requests["request"])


def test_a_collection_that_changes_makes_the_dataset_anew(tmp_path, toy, teacher):
    folder = toy.parent / "scitea"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "e1", "title": "", "text": "nothing of ours"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "nor this"}\n')
    settings = Settings(data=tmp_path / "data")
    named = ['assemble.evaluation=["scitea"]']
    dataset = build(toy, settings=settings, overrides=named)
    (before,) = json.loads((dataset / "MANIFEST.json").read_text())["evaluation"]
    assert (before["name"], before["documents"], before["found"]) == ("scitea", 1, {})
    asked = len(teacher.requests)
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "nor that"}\n')
    build(toy, settings=settings, overrides=named)
    (after,) = json.loads((dataset / "MANIFEST.json").read_text())["evaluation"]
    assert after["digest"] != before["digest"]
    assert len(teacher.requests) == asked
