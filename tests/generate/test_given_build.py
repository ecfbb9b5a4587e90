"""Whole builds of queries that the user gives: alone, beside written ones, and in German."""

import json
import tomllib

import polars as pl
import pytest

from knowing_teacher import words_of
from rankmill import models
from rankmill.build import open_build
from rankmill.errors import ModelError, StageError
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.page import report
from rankmill.page.sources import Sources
from rankmill.plan import estimates
from rankmill.recipe import Recipe
from rankmill.review.shown import Wanted, shown_lists
from rankmill.settings import Settings
from rankmill.stages.writing import writing_of
from rankmill.tables import (
    CANDIDATES,
    CLUSTERS,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    LISTS,
    QUERIES,
    REJECTIONS,
    SEEDS,
)

LOG = [
    {"_id": "known", "text": "opening and endgame of a pawn and a rook", "docids": ["chess-03"]},
    {"_id": "lost", "text": "why does rye dough need a long proof", "docids": ["of-no-corpus"]},
    {"_id": "unknown", "text": "what makes a telescope see a dwarf planet", "lang": "en"},
    {"_id": "again", "text": "What makes a telescope see a dwarf planet?"},
    {"_id": "short", "text": "chess"},
    {"_id": "empty", "text": ""},
]
GIVEN = """
[given]
path = "log.jsonl"
"""


@pytest.fixture
def log(toy):
    (toy.parent / "log.jsonl").write_text("\n".join(map(json.dumps, LOG)))
    return toy


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data")


def without(text, *heads):
    """A recipe's text without some of its tables."""
    parts = text.split("\n[")
    return "\n[".join(p for p in parts if not p.startswith(heads))


@pytest.fixture
def alone(log):
    """The recipe of the log alone, with one view."""
    views = ('[views]]\nname = "like', '[views]]\nname = "list')
    log.write_text(without(log.read_text(), "sample]", "generate]", "[settle", *views) + GIVEN)
    return log


def built(recipe, settings, **options):
    build(recipe, settings=settings, **options)
    return Finished.find(settings, "toy")


def test_a_log_alone_becomes_a_dataset(alone, settings):
    done = built(alone, settings)
    queries = {row["qid"]: row for row in done.read("generate", QUERIES).iter_rows(named=True)}
    assert set(queries) == {"known", "lost", "unknown"}
    assert queries["known"]["source_docid"] == "chess-03"
    assert [queries[qid]["source_docid"] for qid in ("lost", "unknown")] == [None, None]
    assert {row["kind"] for row in queries.values()} == {"given"}
    assert {(row["teacher"], row["prompt"], row["request"]) for row in queries.values()} == {
        ("", "", "")
    }
    assert queries["unknown"]["lang"] == "en"
    card = json.loads((done.folder / "dataset" / "MANIFEST.json").read_text())
    assert '"": {"replies"' not in json.dumps(card)
    assert done.read("sample", SEEDS).is_empty()
    fallen = dict(done.read("generate", REJECTIONS).select("id", "rule").iter_rows())
    assert fallen == {
        "again": "duplicate",
        "short": "not_a_query",
        "empty": "no_text",
        "lost": "unknown_docid",
    }
    lost = done.read("generate", REJECTIONS).filter(rule="unknown_docid")
    assert lost["detail"].to_list() == ["known answer of-no-corpus"]
    report_of = done.output("generate").report
    assert report_of.read == report_of.written + sum(report_of.rejected.values())
    assert "unknown_docid" not in report_of.rejected
    candidates = done.read("retrieve", CANDIDATES)
    assert "chess-03" in set(candidates.filter(qid="known")["docid"])
    origins = set(candidates.filter(qid="lost")["origin"])
    assert "source" not in origins
    lost = {docid.partition("-")[0] for docid in candidates.filter(qid="lost")["docid"]}
    assert "bread" in lost
    assert set(done.read("settle", LABELS)["qid"]) == set(queries)
    ranks = dict(done.read("settle", LISTS).select("qid", "source_rank").iter_rows())
    assert ranks["known"] is not None
    assert (ranks["lost"], ranks["unknown"]) == (None, None)


def test_all_that_is_known_to_answer_is_carried_also_by_the_name_of_a_copy(alone, settings):
    corpus = alone.parent / "corpus.jsonl"
    lines = corpus.read_text().splitlines()
    first = next(json.loads(line) for line in lines if '"bread-00"' in line)
    corpus.write_text("\n".join([*lines, json.dumps(first | {"docid": "zz-dup"})]) + "\n")
    docids = ["zz-dup", "nowhere", "bread-06", "bread-00", "chess-03", "stars-01"]
    row = {"_id": "baker", "text": "which flour lets a loaf rise in the oven", "docids": docids}
    (alone.parent / "log.jsonl").write_text("\n".join(map(json.dumps, [*LOG, row])))
    done = built(alone, settings)
    (query,) = done.read("generate", QUERIES).filter(qid="baker").to_dicts()
    known = [query["source_docid"], *query["answer_docids"]]
    split = dict(done.read("cluster", CLUSTERS).select("docid", "split").iter_rows())
    asked = ["bread-00", "bread-06", "chess-03", "stars-01"]
    here = [docid for docid in asked if split[docid] == split["bread-00"]]
    assert known == here
    facts = done.output("generate").report.facts
    assert facts["known answers"] == 1 + len(here)  # the other is that of the query "known"
    assert facts["known answers in another split"] == len(asked) - len(here)
    assert facts["known answers not in the corpus"] == 2  # of "lost", and "nowhere"
    candidates = done.read("retrieve", CANDIDATES).filter(qid="baker")
    assert set(candidates.filter(origin="source")["docid"]) == set(here)
    pairs = Sources.of(done).pairs.filter(pl.col("docid").is_in(here), qid="baker")
    assert len(pairs) == len(here)
    assert not pairs["false_negative"].any()
    assert not pairs["negative"].any()


@pytest.fixture
def asking(alone):
    """Put documents behind the corpus, and ask one query that they answer."""

    def asking(text, *documents):
        with (alone.parent / "corpus.jsonl").open("a") as file:
            file.writelines(json.dumps(one) + "\n" for one in documents)
        row = {"_id": "baker", "text": text, "docids": [one["docid"] for one in documents[-1:]]}
        (alone.parent / "log.jsonl").write_text("\n".join(map(json.dumps, [*LOG, row])))

    return asking


def known(done):
    """Everything that is known to answer the query, and how many answers are nowhere."""
    (query,) = done.read("generate", QUERIES).filter(qid="baker").to_dicts()
    lost = done.output("generate").report.facts["known answers not in the corpus"]
    return [query["source_docid"], *(query["answer_docids"] or [])], lost - 1  # that of "lost"


def test_the_copy_of_a_document_that_was_cut_is_its_passage_nearest_to_the_query(
    alone, asking, settings
):
    about = "oven loaf crust", "keel rudder hull", "nebula comet orbit"
    long = " ".join(f"A text that says all of {words} and says it well." for words in about)
    asking("keel and rudder of a hull", *({"docid": d, "text": long} for d in ("long", "long-2")))
    cut = ["passages.min_chars=20", "passages.max_chars=70"]
    done = built(alone, settings, overrides=cut, until="generate")
    documents = done.read("ingest", DOCUMENTS).filter(parent="long")
    assert len(documents) == len(about)
    assert "long-2" not in done.read("ingest", DOCUMENTS)["parent"]
    (middle,) = documents.filter(pl.col("text").str.contains("rudder"))["docid"]
    assert known(done) == ([middle], 0)


def test_a_semantic_duplicate_is_the_document_that_stays(alone, asking, settings):
    lines = (alone.parent / "corpus.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    again = " ".join(sorted(words_of(first["title"] + first["text"])))
    twin, copy = ({"docid": docid, "text": f"Again: {again}"} for docid in ("twin", "copy"))
    asking("which flour lets a loaf rise in the oven", twin, copy)
    done = built(alone, settings, overrides=["curate.semantic={}"], until="generate")
    assert done.read("ingest", REJECTIONS)["id"].to_list() == ["copy"]
    assert done.read("curate", REJECTIONS)["id"].to_list() == ["twin"]
    assert known(done) == ([first["docid"]], 0)


def test_what_comes_after_copes_with_queries_of_no_known_source(alone, settings):
    filters = """
[[settle.filters]]
kind = "cross_view"
order = "consensus"
relevant = "source"
[[settle.filters]]
kind = "source_rank"
most = 8
"""
    alone.write_text(alone.read_text() + filters)
    done = built(alone, settings)
    assert set(done.read("settle", LABELS)["qid"]) >= {"lost", "unknown"}
    shown = shown_lists(done, Wanted(qids=("unknown", "known")))
    assert not any(one.source for one in shown["unknown"].documents)
    assert sum(one.source for one in shown["known"].documents) == 1
    report(done)
    assert (done.folder / "report.html").is_file()
    labelled = Sources.of(done).labelled
    assert (labelled["lost"].known, labelled["known"].known) == ((), ("chess-03",))


def test_given_queries_stand_beside_written_ones_and_come_first(log, settings):
    log.write_text(log.read_text() + GIVEN)
    done = built(log, settings)
    queries = done.read("generate", QUERIES)
    assert queries["qid"].to_list()[:3] == ["known", "lost", "unknown"]
    assert len(queries) > 3
    counts = done.reports
    (generate,) = [one for one in counts if one.stage == "generate"]
    assert generate.read == 18 + len(LOG)
    assert generate.read == generate.written + sum(generate.rejected.values())


def test_a_view_that_shows_the_answer_is_not_asked_where_there_is_none(alone, settings):
    view = """
[[views]]
name = "positives"
strategy = { kind = "selection", shows_answer = true }
teacher = "knowing"
prompt = "labels/answer_aware"

[settle]
weights = { positives = 0 }

[[settle.filters]]
kind = "cross_view"
order = "pointwise"
relevant = "positives"
cut = 0.5

[limits]
settle = 1.0
"""
    alone.write_text(alone.read_text() + view)
    with pytest.raises(StageError, match="expected a kept list"):  # the teacher selects nothing
        build(alone, settings=settings)
    done = Finished.find(settings, "toy")
    fallen = {row[1]: row[2] for row in done.read("settle", REJECTIONS).iter_rows()}
    assert fallen["lost"] == fallen["unknown"] == "view_missing"
    judged = done.read("label", JUDGMENTS)
    assert set(judged.filter(view="positives")["qid"]) == {"known"}


def test_a_changed_log_is_read_anew_and_an_equal_one_is_not(alone, settings):
    first = built(alone, settings).output("generate").key
    assert built(alone, settings).output("generate").key == first
    (alone.parent / "log.jsonl").write_text(json.dumps(LOG[0]))
    assert built(alone, settings).output("generate").key != first


@pytest.mark.parametrize("setting", ["lang=de", "kind_of_query=log", "queries=2", "min_grade=2"])
def test_changed_settings_of_the_log_make_the_queries_anew(alone, settings, setting):
    keys = []
    for overrides in ([], [f"given.{setting}"]):
        with open_build(alone, overrides=overrides, settings=settings, record=False) as opened:
            keys.append(writing_of(opened))
    assert keys[0] != keys[1]


def test_given_queries_are_priced_like_written_ones(log, settings):
    log.write_text(log.read_text() + GIVEN)
    with open_build(log, settings=settings, record=False) as opened:
        rows = {row.stage: row for row in estimates(opened)}
        assert opened.recipe.queries_at_most(opened.base) == 18 + len(LOG) - 1  # one is empty
    assert rows["generate"].calls == 18
    assert rows["label pointwise"].calls == 8 * (18 + len(LOG) - 1)


GERMAN = """
name = "german"
corpus = {{ kind = "beir", path = "{folder}" }}
passages = {{ min_chars = 20 }}
embed = {{ kind = "sentence_transformers", model = "all-minilm-l6-v2" }}
cluster = {{ clusters = 8 }}
given = {{ path = "{folder}", qrels = "{folder}/qrels/test.tsv", lang = "de" }}
retrieve = {{ depth = 6 }}
limits = {{ settle = 1.0 }}

[teachers.knowing]
kind = "openai"
model = "teacher"
endpoints = ["{url}"]
api_key_env = ""

[[views]]
name = "pointwise"
strategy = {{ kind = "pointwise" }}
teacher = "knowing"
prompt = "labels/relevance"
"""


@pytest.fixture
def minilm():
    try:
        models.fetch("all-minilm-l6-v2", Settings().cache)
    except ModelError:
        pytest.skip("the weights of all-MiniLM-L6-v2 cannot be had here")


def few(whole, folder, *, documents=200, queries=40):
    """The beginning of a BEIR collection; its qrels name documents that are not there too."""
    folder.mkdir()
    for name, most in (("corpus.jsonl", documents), ("queries.jsonl", queries)):
        lines = (whole / name).read_text(encoding="utf-8").splitlines()[:most]
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_bytes((whole / "qrels" / "test.tsv").read_bytes())


@pytest.mark.usefixtures("minilm")
def test_german_queries_work_from_end_to_end(collections, tmp_path, teacher, settings):
    recipe = tmp_path / "german.toml"
    few(collections / "xquad_r_de", tmp_path / "de")
    recipe.write_text(GERMAN.format(folder="de", url=teacher.url))
    build(recipe, settings=settings)
    done = Finished.find(settings, "german")
    queries = done.read("generate", QUERIES)
    assert len(queries) > 30
    assert set(queries["lang"]) == {"de"}
    documents = set(done.read("ingest", DOCUMENTS)["docid"])
    assert set(queries["source_docid"].drop_nulls()) <= documents
    assert queries["source_docid"].null_count() < 5
    found = done.read("retrieve", CANDIDATES)
    sources = queries.drop_nulls("source_docid").select("qid", docid="source_docid")
    assert sources.join(found, on=["qid", "docid"], how="anti").is_empty()
    assert set(done.read("settle", LABELS)["qid"]) <= set(queries["qid"])


def test_a_recipe_without_queries_is_refused(toy):
    values = tomllib.loads(without(toy.read_text(), "generate]"))
    with pytest.raises(ValueError, match="no queries; expected generate, given or both"):
        Recipe.model_validate(values)
