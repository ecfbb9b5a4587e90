"""Whole builds with curation, against a teacher that knows."""

import json
import re
from dataclasses import replace
from functools import partial

import polars as pl
import pytest

from knowing_teacher import words_of
from rankmill.build import open_build
from rankmill.errors import ConfigError, PromptError, StageError
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.page import REPORT
from rankmill.plan import estimates
from rankmill.progress import Silent
from rankmill.recipe import Recipe
from rankmill.settings import Settings
from rankmill.tables import CANDIDATES, CLUSTERS, DOCUMENTS, KEPT, QUALITY, QUERIES, REJECTIONS
from scripted_teacher import Said
from small_student import student

pytestmark = pytest.mark.timeout(120)


class Heard(Silent):
    """A watcher that remembers what is said."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


@pytest.fixture
def made(toy, tmp_path):
    """Build the toy recipe with more TOML at its end, to the last stage or to another."""

    def made(*overrides, more="", until=""):
        recipe = toy.with_name("curated.toml")
        recipe.write_text(toy.read_text().replace('name = "toy"', "", 1) + more)
        heard = Heard()
        settings = Settings(data=tmp_path / "data")
        build(recipe, overrides=overrides, settings=settings, progress=heard, until=until)
        return Finished.find(settings, "curated"), heard.lines

    return made


@pytest.fixture
def sampled(made):
    """Build it as far as the seeds."""
    return partial(made, until="sample")


@pytest.fixture
def more_documents(toy):
    """Put documents behind those of the toy corpus."""

    def more_documents(*rows):
        path = toy.parent / "corpus.jsonl"
        written = path.read_text()
        path.write_text(written + "".join(json.dumps(row) + "\n" for row in rows))
        return [json.loads(line) for line in written.splitlines()]

    return more_documents


@pytest.fixture
def collection(toy):
    """Write an evaluation collection beside the recipe."""

    def collection(documents, queries):
        folder = toy.parent / "eval"
        folder.mkdir()
        for name, rows in (("corpus", documents), ("queries", queries)):
            lines = [json.dumps({"_id": id_, "title": "", "text": text}) for id_, text in rows]
            (folder / f"{name}.jsonl").write_text("\n".join(lines))
        return 'assemble.evaluation=["eval"]'

    return collection


def rejected(done, stage):
    return [row[1:3] for row in done.read(stage, REJECTIONS).iter_rows()]


def assert_gone(done, docids):
    """They are in the corpus as it was read, and nowhere after."""
    assert set(docids) <= set(done.read("ingest", DOCUMENTS)["docid"])
    assert not set(docids) & set(done.read("cluster", CLUSTERS)["docid"])
    assert not set(docids) & set(done.read("retrieve", CANDIDATES)["docid"])
    assert not set(docids) & set(done.read("generate", QUERIES)["source_docid"])
    corpus = pl.read_parquet(list((done.folder / "dataset" / "corpus").glob("*.parquet")))
    assert len(corpus) > 0
    assert not set(docids) & set(corpus["docid"])
    left_out = pl.read_parquet(list((done.folder / "dataset/rejections").glob("*.parquet")))
    assert set(docids) <= set(left_out["id"])


def judging(messages):
    """The better document is the one with more known words on bread."""
    if "You compare two documents" not in messages[0]["content"]:
        return None
    shown = dict(re.findall(r"^\[([AB])\] (.*)$", messages[-1]["content"], re.MULTILINE))
    better = [letter for letter, text in shown.items() if "about bread" in text]
    share = 0.9 if better == ["A"] else 0.1 if better == ["B"] else 0.5
    return Said(text="A", top_logprobs=[("A", share), ("B", 1 - share)])


def logs(said):
    from math import log

    return replace(said, top_logprobs=[(token, log(p)) for token, p in said.top_logprobs])


@pytest.fixture
def judge(teacher):
    """Have the teacher judge quality too."""
    known = teacher.respond

    def respond(messages):
        said = judging(messages)
        return logs(said) if said else known(messages)

    teacher.respond = respond
    return teacher


QUALITY_TOML = """
[curate.quality]
teacher = "knowing"
documents = 48
partners = 6
"""


@pytest.fixture
def repeated(more_documents):
    """Put a document behind the corpus that has the known words of the first, and no other."""
    first, *_ = more_documents()
    again = "Once more, in other words and an order of its own: "
    again += " ".join(sorted(words_of(first["title"] + first["text"])))
    more_documents({"docid": "again", "title": "", "text": again})
    return first["docid"]


def test_what_curation_leaves_out_is_in_the_corpus_as_read_and_nowhere_after(
    made, judge, repeated, more_documents, collection
):
    leak = "A text of theirs on how a keel and a rudder are joined to the hull of a ship at last."
    more_documents({"docid": "leak", "title": "", "text": leak})
    evaluation = collection([("e1", leak), ("e2", "another"), ("e3", "one more")], [("7", "x")])
    done, _ = made(evaluation, "curate.semantic={}", "curate.quality.select=66", more=QUALITY_TOML)
    curated = done.read("curate", REJECTIONS).rows()
    assert curated == [
        ("curate", "again", "semantic_duplicate", f"cosine 1.000 to {repeated} >= 0.95"),
        ("curate", "leak", "contaminated", "eval: same_text, the words of document e1"),
    ]
    not_drawn = [docid for docid, _ in rejected(done, "quality")]
    assert len(not_drawn) == 6
    assert_gone(done, ["again", "leak", *not_drawn])
    assert done.read("quality", KEPT).height == done.read("cluster", CLUSTERS).height == 66
    said = json.loads((done.folder / "dataset/MANIFEST.json").read_text())
    assert "curate/educational_value" in said["prompts"]
    assert (done.folder / REPORT).is_file()


def test_a_recipe_that_asks_for_nothing_has_no_such_stages(sampled):
    done, _ = sampled()
    assert list(done.manifest["stages"]) == ["ingest", "embed", "cluster", "sample"]


def test_semantic_duplicates_need_no_evaluation_collection(sampled, repeated):
    done, _ = sampled("curate.semantic={}")
    assert rejected(done, "curate") == [("again", "semantic_duplicate")]
    assert done.read("curate", KEPT).height == done.read("cluster", CLUSTERS).height == 72


def test_a_document_that_is_near_one_of_a_foreign_collection_goes(
    sampled, more_documents, collection
):
    rows = more_documents()
    theirs = " ".join(sorted(words_of(rows[5]["title"] + rows[5]["text"])))
    evaluation = collection([("e1", theirs), ("e2", "other"), ("e3", "others")], [])
    done, _ = sampled(evaluation)
    (row,) = done.read("curate", REJECTIONS).iter_rows()
    assert row[1:] == (
        rows[5]["docid"],
        "contaminated",
        "eval: cosine 1.000 to document e1 >= 0.95",
    )
    without, _ = sampled(evaluation, "curate.decontaminate.near=false")
    assert rejected(without, "curate") == []


def test_a_collection_with_the_same_corpus_keeps_its_documents_and_says_so(
    sampled, more_documents, collection
):
    rows = more_documents()
    evaluation = collection([(row["docid"], f"{row['title']} {row['text']}") for row in rows], [])
    done, said = sampled(evaluation)
    assert done.read("curate", KEPT)["docid"].to_list() == [row["docid"] for row in rows]
    assert rejected(done, "curate") == []
    (line,) = [line for line in said if line.startswith("curate")]
    assert line.startswith("curate: 72 of the 72 documents of eval stand in the corpus")
    assert done.output("curate").report.facts == {"eval": "its documents stay"}


def test_removing_the_whole_corpus_is_refused_with_a_document_and_its_collection(
    sampled, more_documents, collection
):
    rows = more_documents()
    evaluation = collection([(row["docid"], f"{row['title']} {row['text']}") for row in rows], [])
    with pytest.raises(StageError, match=r"curate: no document is left of 72 .*eval: same_"):
        sampled(evaluation, "curate.decontaminate.documents=remove", "limits.curate=1")


def test_a_collection_without_documents_is_no_fault(sampled, collection):
    done, _ = sampled(collection([], [("7", "x")]))
    assert rejected(done, "curate") == []


def test_a_model_trained_anew_in_its_folder_embeds_a_collection_anew(sampled, collection, tmp_path):
    evaluation = collection([("e1", "yeast"), ("e2", "comet")], [])
    own = f"embed={{kind='sentence_transformers', model='{tmp_path / 'model'}'}}"
    for seed in (1, 2, 1):
        student(tmp_path / "model", seed)
        sampled(evaluation, own)
    made = [path for path in (tmp_path / "data/tables/evaluation").iterdir() if path.is_dir()]
    assert len(made) == 2


def test_a_recipe_that_keeps_contaminated_documents_has_no_stage_for_them(sampled, collection):
    evaluation = collection([("e1", "x")], [("7", "y")])
    done, _ = sampled(evaluation, "curate.decontaminate.documents=keep")
    assert "curate" not in done.manifest["stages"]


def test_another_collection_embeds_the_corpus_no_second_time(sampled, collection):
    before, _ = sampled()
    keys = {stage: before.output(stage).key for stage in ("ingest", "embed")}
    done, _ = sampled(collection([("e1", "x")], [("7", "y")]))
    assert {stage: done.output(stage).key for stage in keys} == keys
    assert done.output("curate").key


def test_quality_is_judged_in_pairs_and_carried_to_every_document(sampled, judge):
    done, _ = sampled(more=QUALITY_TOML)
    scores = done.read("quality", QUALITY)
    bread = pl.col("docid").str.starts_with("bread")
    assert len(scores) == 72
    assert scores["judged"].sum() == 48
    assert scores.filter(bread)["score"].min() > scores.filter(~bread)["score"].max()
    facts = done.output("quality").report.facts
    assert (facts["judged"], facts["pairs"]) == (48, 48 * 6)
    assert facts["held_out_correlation"] > 0.8
    asked = [r for r in judge.requests if "You compare two documents" in json.dumps(r.body)]
    assert len(asked) == 48 * 6 * 2


def test_a_selection_by_quality_asks_nothing_again(sampled, judge):
    first, _ = sampled(more=QUALITY_TOML)
    scores, asked = first.read("quality", QUALITY), len(judge.requests)
    again, _ = sampled("curate.quality.select=40", more=QUALITY_TOML)
    comparisons = [r for r in judge.requests[asked:] if "compare two doc" in json.dumps(r.body)]
    assert comparisons == []
    assert again.read("quality", QUALITY).equals(scores)
    assert again.read("quality", KEPT).height == 40
    assert [rule for _, rule in rejected(again, "quality")] == ["not_drawn"] * 32


def test_seeds_can_be_sampled_by_that_quality(sampled, judge):
    done, _ = sampled("sample.kind=quality", more=QUALITY_TOML)
    assert done.output("sample").depends["quality"] == done.output("quality").key


def test_a_teacher_that_gives_no_valid_vote_ends_the_stage_with_counts(sampled, teacher):
    known = teacher.respond

    def respond(messages):
        if "You compare two documents" in messages[0]["content"]:
            return Said(text="?", top_logprobs=[("?", -0.01)])
        return known(messages)

    teacher.respond = respond
    with pytest.raises(StageError, match=r"0 documents were judged .* 0 of 576 votes were valid"):
        sampled(more=QUALITY_TOML)


def test_a_teacher_that_is_not_there_is_refused_when_the_recipe_is_loaded(toy):
    with pytest.raises(ConfigError, match=r"curate\.quality: no teacher nobody"):
        Recipe.load(toy, ["curate.quality.teacher=nobody"])


def test_a_plan_counts_the_calls_that_judge_quality(toy, tmp_path):
    asked = ["curate.quality.teacher=knowing", "curate.quality.partners=3"]
    settings = Settings(data=tmp_path / "data")
    with open_build(toy, overrides=asked, settings=settings, record=False) as opened:
        calls = {estimate.stage: estimate.calls for estimate in estimates(opened)}
    assert calls["quality"] == 200 * 3 * 2


def test_a_prompt_that_shows_no_two_documents_is_refused_before_a_token_is_spent(made, teacher):
    with pytest.raises(PromptError, match=r"labels/relevance: expected variables \['documents'"):
        made("curate.quality.teacher=knowing", "curate.quality.prompt=labels/relevance")
    assert teacher.requests == []


def test_sampling_by_quality_needs_somebody_who_judges(toy):
    with pytest.raises(ConfigError, match=r"kind quality needs curate\.quality"):
        Recipe.load(toy, ["sample.kind=quality"])


def test_texts_are_left_out_before_a_vector_is_computed(sampled, more_documents):
    first, *_ = more_documents()
    fall = [
        ("near", f"{first['text']} Again."),
        ("french", "Le gouvernail est la partie du navire qui le fait tourner vers la gauche."),
        ("noise", "4711 0815 ---- 1234 5678 ==== 9876"),
    ]
    more_documents(*({"docid": docid, "title": "", "text": text} for docid, text in fall))
    done, _ = sampled(
        'curate.language={keep=["en"]}', "curate.rules={}", "curate.near={similarity=0.7}"
    )
    assert rejected(done, "ingest") == [
        ("french", "language"),
        ("noise", "few_letters"),
        ("near", "near_duplicate"),
    ]
    documents = done.read("ingest", DOCUMENTS)
    assert (documents.height, done.output("embed").report.written) == (72, 72)
    assert set(documents["lang"]) <= {"en", None}
    assert "curate" not in done.manifest["stages"]
