"""Files for trainers of retrievers and rerankers: what is in them, and what is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.assemble import Assembly, assemble
from rankmill.errors import ConfigError
from rankmill.export import Labelled, Policy, Scale, asked_for, kinds, write
from rankmill.export.automodel import Automodel
from rankmill.export.by_ids import ByIds
from rankmill.export.colbert import Colbert
from rankmill.export.flagembedding import FlagEmbedding, FlagReranker
from rankmill.export.gpl import Gpl
from rankmill.export.labelled_pairs import LabelledPairs
from rankmill.export.lipo import Lipo
from rankmill.export.listwise import Listwise
from rankmill.export.ntuples import Ntuples
from rankmill.export.pairs import Pairs
from rankmill.export.rerank_eval import RerankEval
from rankmill.export.scored_ntuples import ScoredNtuples
from rankmill.export.tevatron import Tevatron, TevatronIds, TevatronRerank
from rankmill.export.triplets import Triplets
from rankmill.recipe import Recipe

GOLDEN = Path(__file__).parent / "golden"
SHOWN = [
    Pairs(),
    Triplets(),
    Ntuples(negatives=2),
    ScoredNtuples(negatives=2),
    LabelledPairs(),
    LabelledPairs(name="labelled_pairs_binary", label="binary"),
    LabelledPairs(name="labelled_pairs_score", label="score"),
    Listwise(),
    Listwise(name="listwise_scores", labels="scores"),
    ByIds(),
    ByIds(name="by_ids_grades", labels="grades"),
    RerankEval(),
    RerankEval(name="rerank_eval_negative", against="negative"),
    FlagEmbedding(),
    FlagEmbedding(name="flag_scores", scores=True, prompt="Find it: ", type="normal"),
    FlagReranker(scores=True, query_prompt="Q: ", passage_prompt="A: ", prompt="Fit?"),
    Tevatron(),
    TevatronIds(),
    TevatronRerank(),
    Gpl(),
    Colbert(),
    Automodel(corpus_id="tea"),
    Lipo(),
]
POLICY = Policy(positive_grade=2, negative_grade=0, negatives=4)
ORDERED = Scale(score_kind="mrr", best_grade=3)


@pytest.fixture
def assembled(tables, facts, tmp_path):
    """Assemble a dataset that holds some exports, and return its folder."""

    def assembled(*exports, changed=None):
        assembly = Assembly(exports=exports, negatives=4)
        assemble(assembly, changed or tables, tmp_path / "dataset", facts)
        return tmp_path / "dataset"

    return assembled


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def rejected(folder):
    rows = pl.read_parquet(folder / "rejections" / "rejected.parquet").filter(stage="assemble")
    return rows.select("id", "rule", "detail").rows()


@pytest.mark.parametrize("export", SHOWN, ids=lambda export: export.folder)
def test_files_are_as_they_were_looked_at(tables, tmp_path, export):
    write([export], Labelled(tables, POLICY), tmp_path / "dataset")
    folder, golden = tmp_path / "dataset" / export.folder, GOLDEN / export.folder
    written = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    texts = {
        path.with_suffix(".jsonl") if path.suffix == ".parquet" else path: (
            pl.read_parquet(at).write_ndjson() if path.suffix == ".parquet" else at.read_text()
        )
        for path, at in written.items()
    }
    looked_at = {p.relative_to(golden): p.read_text() for p in golden.rglob("*") if p.is_file()}
    assert texts == looked_at


@pytest.mark.parametrize("export", SHOWN, ids=lambda export: export.folder)
def test_the_same_tables_give_the_same_bytes(tables, tmp_path, export):
    found = []
    for name in ("one", "two"):
        write([export], Labelled(tables, POLICY), tmp_path / name)
        files = (path for path in (tmp_path / name).rglob("*") if path.is_file())
        found.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert found[0] == found[1] != {}


@pytest.mark.parametrize(
    "export",
    [one for one in SHOWN if one.kind not in {"by_ids", "automodel"}],
    ids=lambda export: export.folder,
)
def test_trainers_that_read_columns_by_position_get_no_ids(tables, tmp_path, export):
    write([export], Labelled(tables, POLICY), tmp_path)
    for path in (tmp_path / export.folder).rglob("*.parquet"):
        names = pl.read_parquet(path).columns
        assert not [name for name in names if name == "id" or re.search(r"(_ids?|_idx)$", name)]


def test_every_use_has_one_export():
    uses = [use for kind in kinds() for use in kind.losses]
    assert [use for use in uses if uses.count(use) > 1] == []
    assert [use for use in uses if use != use.lower()] == []


@pytest.mark.parametrize(
    ("use", "kind", "settings"),
    [
        ("MNRL", "ntuples", {}),
        ("cachedmnrl", "ntuples", {}),
        ("cachedmnsrl", "pairs", {}),
        ("gist", "triplets", {}),
        ("triplet", "triplets", {}),
        ("marginmse", "scored_ntuples", {}),
        ("distillkldiv", "scored_ntuples", {}),
        ("bce", "labelled_pairs", {"label": "binary"}),
        ("contrastive", "labelled_pairs", {"label": "binary"}),
        ("cosent", "labelled_pairs", {}),
        ("cosinesimilarity", "labelled_pairs", {}),
        ("mse", "labelled_pairs", {"label": "score"}),
        ("lambdaloss", "listwise", {}),
        ("listnet", "listwise", {}),
        ("listmle", "listwise", {}),
        ("plistmle", "listwise", {}),
        ("ranknet", "listwise", {"labels": "scores"}),
        ("adrmse", "listwise", {"labels": "scores"}),
        ("resolve_ids", "by_ids", {}),
        ("flagembedding", "flagembedding", {}),
        ("bge-distillation", "flagembedding", {"scores": True}),
        ("bge-reranker", "flag_reranker", {}),
        ("bge-reranker-distillation", "flag_reranker", {"scores": True}),
        ("tevatron", "tevatron", {}),
        ("tevatron-2", "tevatron_ids", {}),
        ("tevatron-rerank", "tevatron_rerank", {}),
        ("colbert", "colbert", {}),
        ("gpl", "gpl", {}),
        ("automodel", "automodel", {}),
        ("lipo", "lipo", {}),
    ],
)
def test_an_export_is_found_by_what_it_is_for(use, kind, settings):
    found = asked_for({"for": use, "name": "mine"})
    assert found == {"kind": kind, "name": "mine", **settings}
    assert Assembly(exports=[{"for": use}]).exports[0].kind == kind


@pytest.mark.parametrize(
    ("export", "instead"),
    [
        (ScoredNtuples(), "ranknet"),
        (LabelledPairs(label="score"), 'label = "grade"'),
        (FlagEmbedding(scores=True), "scores = false"),
        (FlagReranker(scores=True), "scores = false"),
        (Gpl(), "colbert"),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_what_needs_distances_refuses_an_order_and_says_what_would_do(export, instead):
    reason = export.refusal(ORDERED)
    assert "scores of mrr order documents" in reason
    assert "settle.rule be mean_score, bradley_terry or plackett_luce" in reason
    assert instead in reason
    assert "\n" not in reason
    assert export.refusal(Scale(score_kind="mean_score", best_grade=3)) is None
    for kind in ("bradley_terry", "plackett_luce"):
        reason = export.refusal(Scale(score_kind=kind, best_grade=3))
        assert (reason is None) == (export.kind != "labelled_pairs")


def test_what_reads_an_order_or_grades_takes_any_scores():
    needy = {"scored_ntuples", "gpl"}
    for export in SHOWN:
        asks = getattr(export, "scores", False) or getattr(export, "label", "") == "score"
        if export.kind not in needy and not asks:
            assert export.refusal(ORDERED) is None, export


def test_grades_that_would_drown_each_other_are_refused():
    reason = Listwise().refusal(Scale(score_kind="mrr", best_grade=10))
    assert "grades up to 10 have gains up to 1,023" in reason
    assert "`highest` be 10" in reason
    assert Listwise(highest=10).refusal(Scale(score_kind="mrr", best_grade=10)) is None
    assert Listwise(labels="scores").refusal(Scale(score_kind="mrr", best_grade=10)) is None
    assert Listwise().refusal(Scale(score_kind="mrr", best_grade=None)) is None


def test_a_recipe_is_refused_before_a_token_is_spent(tmp_path):
    recipe = Path(__file__).parents[2] / "recipes" / "quickstart.toml"
    text = recipe.read_text() + '\n[[assemble.exports]]\nfor = "marginmse"\n'
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"scored_ntuples: scores of .* order documents"):
        Recipe.load(tmp_path / "mine.toml")


def test_a_grade_that_is_too_high_leaves_its_list_out_and_is_named(assembled, tables):
    high = tables.labels.with_columns(
        grade=pl.when(pl.col("docid") == "d5").then(9).otherwise("grade").cast(pl.Int32)
    )
    folder = assembled(Listwise(), changed=replace(tables, labels=high))
    assert pl.read_parquet(folder / "listwise" / "train.parquet").height == 1
    assert not (folder / "listwise" / "validation.parquet").exists()
    detail = "listwise: grade 9, at most 4; see settle.grades"
    assert rejected(folder) == [("q3", "grade_too_high", detail)]


def test_lists_with_too_few_negatives_are_left_out_and_named(assembled):
    folder = assembled(Ntuples(negatives=3))
    assert not (folder / "ntuples").exists()
    few = "ntuples: {} of 3 negatives of at most grade 0"
    assert rejected(folder) == [
        ("q1", "too_few_negatives", few.format(2)),
        ("q3", "no_negative", few.format(0)),
    ]


def test_an_empty_neg_is_never_written(assembled):
    folder = assembled(FlagEmbedding(), FlagReranker(), Tevatron(), TevatronIds(), Automodel())
    assert [row["pos"] != [] != row["neg"] for row in lines(folder / "flagembedding/train.jsonl")]
    for name in ("flagembedding", "flag_reranker", "tevatron", "tevatron_ids", "automodel"):
        assert not list((folder / name).glob("validation.*"))
    assert [(qid, rule) for qid, rule, _ in rejected(folder)] == [("q3", "no_negative")] * 5


def test_a_binary_label_leaves_out_what_lies_between(assembled):
    folder = assembled(LabelledPairs(label="binary"))
    train = pl.read_parquet(folder / "labelled_pairs" / "train.parquet")
    assert train["label"].to_list() == [1, 1, 0, 0]
    assert train.schema["label"] == pl.Int64
    validation = pl.read_parquet(folder / "labelled_pairs" / "validation.parquet")
    assert validation["document"].to_list() == ["Sails\nReef early."]


def test_tabs_and_ends_of_lines_in_texts_break_no_triple(assembled, tables, documents, replaced):
    nasty = {"d1": "a\tb\r\nc\u2028d\te", "d4": ' "x"\n', "d2": "\t\tq\t"}
    changed = documents.with_columns(text=pl.col("docid").replace_strict(nasty, default="text"))
    asked = pl.when(qid="q1").then(pl.lit("how\tlong\n?")).otherwise("text")
    queries = tables.queries.with_columns(text=asked)
    folder = assembled(Colbert(), changed=replaced(documents=changed, queries=queries)) / "colbert"
    collection = (folder / "collection.tsv").read_bytes().decode().split("\n")
    assert [line.split("\t")[0] for line in collection] == [*"012345", ""]
    assert {line.count("\t") for line in collection[:-1]} == {1}
    assert "\r" not in "".join(collection)
    triples = (folder / "triples.train.tsv").read_bytes().decode().split("\n")[:-1]
    assert len(triples) == len(lines(folder / "triples.train.jsonl")) == 4
    assert {line.count("\t") for line in triples} == {2}
    assert (folder / "queries.train.tsv").read_text() == "0\thow long ?\n"


def test_ids_that_would_break_a_line_of_gpl_leave_their_list_out(assembled, tables):
    bad = {"q1": "q 1"}
    frames = {
        name: getattr(tables, name).with_columns(pl.col("qid").replace(bad))
        for name in ("queries", "candidates", "judgments", "labels", "lists")
    }
    folder = assembled(Gpl(), changed=replace(tables, **frames))
    assert not list((folder / "gpl").glob("*/gpl-training-data.tsv"))
    assert ("q 1", "unfit_id", "gpl: the id 'q 1' holds white space or a quote") in rejected(folder)


@settings(max_examples=60, deadline=None)
@given(
    lists=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=9), min_size=1, max_size=6),
    most=st.integers(1, 4),
)
def test_every_pair_keeps_to_the_policy(lists, most):
    part = made_up(lists)
    rows = Ntuples(negatives=most).files()[0].rows(part)
    enough = [grades for grades in lists if grades.count(0) >= most]
    assert len(rows) == sum(grade >= 2 for grades in enough for grade in grades)
    grade = dict(part.documents.select("words", "grade").iter_rows())
    for anchor, positive, *negatives in rows.iter_rows():
        assert grade[positive] >= 2
        assert [grade[words] for words in negatives] == [0] * most
        assert {words.partition(" ")[0] for words in (positive, *negatives)} == {anchor}
        ranks = [int(words.partition(" ")[2]) for words in negatives]
        assert ranks == sorted(ranks, reverse=True)  # made up so that the last had ranked highest
    triplets = Triplets().files()[0].rows(part)
    pairs = sum(sum(g >= 2 for g in grades) * min(grades.count(0), 4) for grades in lists)
    assert len(triplets) == pairs
    scored = ScoredNtuples(negatives=most).files()[0].rows(part)
    assert scored.drop("scores").equals(rows)
    assert set(scored["scores"].list.len()) <= {most + 1}


def made_up(lists):
    """A part of lists with these grades; the retriever had ranked each the other way round."""
    from rankmill.export.parts import Part, Span

    rows = [
        (f"q{n}", f"d{n}-{place}", grade, 1.0 / (place + 1), len(grades) - place, f"q{n} {place}")
        for n, grades in enumerate(lists)
        for place, grade in enumerate(sorted(grades, reverse=True))
    ]
    names = ("qid", "docid", "grade", "score", "candidate_rank", "words")
    queries = [f"q{n}" for n in range(len(lists))]
    return Part(
        split="train",
        policy=POLICY,
        span=Span(best_grade=3, lowest=0.0, highest=1.0),
        lists=pl.DataFrame({"qid": queries, "query": queries}),
        documents=POLICY.marked(
            pl.DataFrame(rows, schema=names, orient="row").with_columns(origin=pl.lit("bm25"))
        ),
        judgments=pl.DataFrame(),
        prompt_folders=(),
    )
