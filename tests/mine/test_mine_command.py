import gzip
import json

import polars as pl
import pytest
from typer.testing import CliRunner

from rankmill.cli import app
from rankmill.mine import NEGATIVES

DOCUMENTS = {
    "d1": "flour yeast dough oven",
    "d2": "Flour, yeast, dough, oven!",
    "d3": "flour yeast dough crust",
    "d4": "flour yeast rye",
    "d5": "mast keel sail",
    "d6": "yeast dough",
    "d7": "galaxy comet",
}
QUERIES = {"q1": "yeast dough", "q2": "mast keel", "q3": "who knows"}
QRELS = [("q1", "d2", 2), ("q1", "d4", 1), ("q2", "d5", 2), ("q2", "gone", 2)]


def beir(folder):
    """A collection in BEIR's layout."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    rows = [{"_id": docid, "text": text} for docid, text in DOCUMENTS.items()]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rows = [{"_id": qid, "text": text} for qid, text in QUERIES.items()]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in QRELS)]
    (folder / "qrels" / "train.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def run(tmp_path, teacher):
    """Run the command with an embedder that counts words, and return what it wrote."""

    def mine(*words, place=None, code=0):
        where = [str(place or beir(tmp_path / "tea")), str(tmp_path / "out")]
        embedder = (
            "embed.kind=openai",
            "embed.model=bag-of-words",
            f"embed.endpoint={teacher.url}",
        )
        settings = [*embedder, *(word for word in words if "=" in word)]
        options = [word for word in words if "=" not in word]
        said = [part for setting in settings for part in ("--set", setting)]
        command = ["mine", *where, *said, "--data", str(tmp_path / "data"), *options]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == code, done.output
        return done.output if code else tmp_path / "out"

    return mine


def table(folder, name="negatives"):
    return pl.read_parquet(folder / f"{name}.parquet")


def test_negatives_of_a_collection_are_written_by_ids(run):
    found = NEGATIVES.check(table(run("negatives=2", "--min-grade", "2")))
    # Of q1: d2 says what d1 says, d4 is graded but no positive, d6 is the query itself.
    assert found.select("qid", "positive", "docid").rows()[:2] == [
        ("q1", "d1", "d3"),
        ("q1", "d1", "d7"),
    ]
    assert found.filter(qid="q2")["positive"].unique().to_list() == ["d5"]


def test_all_that_is_left_out_is_named(run):
    rejected = table(run("--min-grade", "2"), "rejections").select("id", "rule", "detail").rows()
    assert rejected == [
        ("q3", "no_positive", "no answer is known, expected one"),
        ("d2", "same_text", "d1"),
        ("q2/gone", "positive_not_in_corpus", "the document gone is not there"),
    ]


def test_the_report_says_the_settings_and_what_became_of_everything(run):
    folder = run("--min-grade", "2", "percentage=0.95", "sampling.kind=stride", "sampling.step=2")
    report = json.loads((folder / "report.json").read_text())
    assert report["mining"]["percentage"] == 0.95
    assert report["mining"]["sampling"] == {"kind": "stride", "step": 2}
    assert report["embed"]["model"] == "bag-of-words"
    counts = report["counts"]
    assert counts["considered"] == counts["kept"] + sum(counts["removed"].values())
    assert counts["lists"] == 2


def test_vectors_are_made_once_and_again_only_for_another_model(run, tmp_path):
    def made():
        return {path.parent.name for path in tmp_path.glob("data/tables/mine/*/report.json")}

    first = table(run("negatives=2"))
    (one,) = made()
    run("negatives=3", "max_score=0.9")
    assert table(run("negatives=2")).equals(first)
    assert made() == {one}
    run("embed.query_prefix=query: ")
    assert len(made()) == 2


def test_trainers_get_their_shapes(run):
    kinds = ("triplets", "ntuples", "scored_ntuples", "labelled_pairs", "listwise")
    words = [word for kind in kinds for word in ("--export", kind)]
    folder = run("negatives=2", "--min-grade", "2", *words)
    rows = {kind: table(folder / kind, "train") for kind in kinds}
    first, second = "flour yeast dough crust", "galaxy comet"
    anchor, positive = "yeast dough", DOCUMENTS["d1"]
    assert rows["triplets"].rows()[:2] == [(anchor, positive, first), (anchor, positive, second)]
    assert rows["ntuples"].row(0) == (anchor, positive, first, second)
    scores = table(folder).filter(qid="q1")
    expected = [scores["positive_score"][0], *scores["score"]]
    assert rows["scored_ntuples"]["scores"][0].to_list() == pytest.approx(expected)
    assert rows["labelled_pairs"].filter(query=anchor)["label"].to_list() == [1, 0, 0]
    assert rows["listwise"].row(0) == (anchor, [positive, first, second], [1.0, 0.0, 0.0])


def test_positives_with_negatives_of_their_own_are_lists_of_their_own(run):
    words = ["positive=own", "absolute_margin=0", "negatives=1"]
    folder = run(*words, "--export", "triplets")
    found = table(folder).select("qid", "positive", "docid")
    assert found.filter(qid="q1")["positive"].to_list() == ["d1", "d4"]
    triplets = table(folder / "triplets", "train")
    assert len(triplets) == len(found)


def test_files_between_tabs_and_compressed_ones_are_read_too(run, tmp_path):
    place = tmp_path / "files"
    place.mkdir()
    lines = [f"{docid}\t{text}" for docid, text in DOCUMENTS.items()]
    (place / "corpus.tsv").write_text("\n".join(lines) + "\n")
    with gzip.open(place / "queries.jsonl.gz", "wt") as file:
        file.write(json.dumps({"qid": "q1", "text": "yeast dough", "docids": ["d1"]}) + "\n")
    queries = ["--queries", str(place / "queries.jsonl.gz")]
    found = table(run(*queries, "negatives=1", place=place / "corpus.tsv"))
    assert found.select("qid", "positive", "docid").rows() == [("q1", "d1", "d3")]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["percentage=0.9", "relative_margin=0.1"], 2, "are one rule"),
        (["rank_min=9", "rank_max=10"], 2, "ranks 10 to 10 hold fewer documents"),
        (["negative=3"], 2, "unknown key negative; did you mean negatives?"),
        (["embed.kind=fasttext"], 2, "expected one of sentence_transformers, openai"),
        (["--export", "triplet"], 2, "no export triplet; expected one of"),
        (["embed.endpoint=nowhere"], 2, "embed.endpoint"),
        (["--queries", "missing.jsonl"], 3, "missing.jsonl: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, words, code, why):
    output = run(*words, code=code)
    assert why in " ".join(output.split())
    assert "Traceback" not in output


def test_a_corpus_that_is_none_or_repeats_an_id_is_refused(run, tmp_path):
    (tmp_path / "corpus.txt").write_text("text")
    queries = tmp_path / "queries.tsv"
    queries.write_text("q1\tyeast\n")
    words = ["--queries", str(queries)]
    assert "expected a folder in BEIR's layout" in " ".join(
        run(*words, place=tmp_path / "corpus.txt", code=3).split()
    )
    (tmp_path / "twice.tsv").write_text("d1\tone\nd1\ttwo\n")
    assert "the docid d1 repeats" in run(*words, place=tmp_path / "twice.tsv", code=3)
