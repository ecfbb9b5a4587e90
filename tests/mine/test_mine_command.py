import gzip
import json
import subprocess
import sys

import polars as pl
import pytest
from typer.testing import CliRunner

from rankmill import tables
from rankmill.cli import app
from rankmill.generate import Given
from rankmill.mine import NEGATIVES
from rankmill.mine.collection import Collection, prepare
from rankmill.settings import Settings
from rankmill.space import OpenAIEmbeddings

DOCUMENTS = {
    "d1": "flour yeast dough oven",
    "d2": "Flour  yeast dough OVEN.",
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
        (["rank_min=9", "rank_max=10"], 2, "rank_min=9 and rank_max=10 leave 1 documents"),
        (["negative=3"], 2, "unknown key negative; did you mean negatives?"),
        (["embed.kind=fasttext"], 2, "expected one of sentence_transformers, openai"),
        (["--export", "triplet"], 2, "no export triplet; expected one of"),
        (["embed.endpoint=nowhere"], 2, "embed.endpoint"),
        (["--queries", "missing.jsonl"], 3, "missing.jsonl: cannot be read"),
        (["--qrels", "qrels/tset.tsv"], 3, "tset.tsv: cannot be read"),
        (["--split", "tset"], 3, "qrels/tset.tsv: no such file; there are train.tsv"),
        (["max_score=-2", "--export", "triplets"], 6, "no list has a negative to export: 8"),
        (["percentage=95"], 2, "percentage: expected at most 1; did you mean 0.95?"),
        (["--min-grade", "3"], 3, "no query has an answer with a grade of at least 3"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, words, code, why):
    output = run(*words, code=code)
    assert why in " ".join(output.split())
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("return a + b", "return a - b", False),
        ("x == y", "x != y", False),
        ("कि", "की", False),
        ("x² = 4", "x2 = 4", False),
        ("...", "?", False),
        ("Wie  tief?", "wie tief", True),
        ("Stra\u00dfe\n", "STRASSE.", True),
        ("e\u0301t\u00e9", "\u00e9te\u0301", True),
    ],
)
def test_a_document_is_a_copy_only_of_one_that_says_the_same(run, tmp_path, one, other, same):
    texts = {"d1": one, "d2": other, "d3": "mast keel"}
    place = tmp_path / "corpus.jsonl"
    rows = [{"_id": docid, "text": text} for docid, text in texts.items()]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "queries.jsonl").write_text('{"qid": "q1", "text": "keel", "docids": ["d3"]}\n')
    folder = run("--queries", str(tmp_path / "queries.jsonl"), place=place)
    copies = table(folder, "rejections").filter(rule="same_text")
    assert copies.select("id", "detail").rows() == ([("d2", "d1")] if same else [])


def test_answers_that_the_corpus_lacks_are_told_before_anything_is_embedded(run, tmp_path):
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"qid": "q1", "text": "keel", "docids": ["x9"]}\n')
    nowhere = "embed.endpoint=http://127.0.0.1:9/v1"
    place = beir(tmp_path / "tea") / "corpus.jsonl"
    output = run("--queries", str(queries), nowhere, place=place, code=3)
    assert "expected the docid of an answer, such as 'x9', found" in " ".join(output.split())


def test_what_was_prepared_for_some_queries_is_not_taken_for_all(tmp_path, teacher):
    place = beir(tmp_path / "tea")
    embedder = OpenAIEmbeddings(model="bag-of-words", endpoint=teacher.url)

    def asked(**options):
        queries = Given(path=place, qrels=place / "qrels" / "train.tsv", **options)
        collection = Collection(corpus=place, queries=queries, embed=embedder)
        settings = Settings(data=tmp_path / "data")
        done = prepare(collection, settings, say=lambda _: None, advance=lambda *_: None)
        return done.made.read(tables.QUERIES).select("qid", "lang", "kind").rows()

    assert asked(queries=2) == asked()[1:]  # the other one of the two has no answer
    assert asked() == [("q1", None, "given"), ("q2", None, "given")]
    assert asked(lang="en", kind_of_query="log")[0] == ("q1", "en", "log")


def test_a_corpus_that_is_none_or_repeats_an_id_is_refused(run, tmp_path):
    (tmp_path / "corpus.txt").write_text("text")
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"qid": "q1", "text": "yeast", "docids": ["d1"]}\n')
    words = ["--queries", str(queries)]
    assert "expected a folder in BEIR's layout" in " ".join(
        run(*words, place=tmp_path / "corpus.txt", code=3).split()
    )
    (tmp_path / "twice.tsv").write_text("d1\tone\nd1\ttwo\n")
    assert "the docid d1 repeats" in run(*words, place=tmp_path / "twice.tsv", code=3)


NOWHERE = "embed.endpoint=http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("grades", "why"),
    [
        ([], "no line in it, expected known answers"),
        ([("x1", "d1", 1), ("x2", "d1", 1)], "queries.jsonl in it; found x1, expected such as q1"),
        ([("q1", "d1", 0), ("x1", "d1", 9)], "at least 1, the highest grade is 0"),
        ([("q1", "x1", 1)], "expected the docid of an answer, such as 'x1', found none"),
    ],
)
def test_qrels_without_any_answer_are_refused_before_anything_is_embedded(
    run, tmp_path, grades, why
):
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in grades)]
    (tmp_path / "odd.tsv").write_text("\n".join(lines) + "\n")
    output = run("--qrels", str(tmp_path / "odd.tsv"), NOWHERE, code=3)
    assert why in " ".join(output.split())


def test_a_collection_without_the_usual_split_says_which_it_has(run, tmp_path):
    qrels = beir(tmp_path / "other") / "qrels"
    (qrels / "train.tsv").rename(qrels / "test.tsv")
    output = run(NOWHERE, place=tmp_path / "other", code=3)
    assert "qrels/train.tsv: no such file; there are test.tsv" in " ".join(output.split())
    (qrels / "test.tsv").unlink()
    output = run(NOWHERE, place=tmp_path / "other", code=3)
    assert "qrels/train.tsv: no such file; there are no qrels" in " ".join(output.split())


def test_queries_that_are_graded_and_not_there_are_counted(run, tmp_path):
    qrels = beir(tmp_path / "other") / "qrels" / "train.tsv"
    with qrels.open("a") as file:
        file.write("x1\td1\t1\nx1\td3\t0\n")
    folder = run(place=tmp_path / "other")
    odd = table(folder, "rejections").filter(rule="no_such_query").select("id", "detail").rows()
    assert odd == [("x1", "2 grades, no text")]
    assert json.loads((folder / "report.json").read_text())["rejected"]["no_such_query"] == 1


def test_the_summary_counts_queries_and_says_how_deep_it_looked(tmp_path, teacher, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    settings = ("embed.kind=openai", "embed.model=bag-of-words", f"embed.endpoint={teacher.url}")
    said = [part for setting in settings for part in ("--set", setting)]
    where = [str(beir(tmp_path / "tea")), str(tmp_path / "out"), "--data", str(tmp_path / "data")]
    done = CliRunner().invoke(app, ["mine", *where, *said, "--set", "rank_max=5"])
    rows = [line.rsplit(maxsplit=1) for line in done.output.splitlines() if " " in line.strip()]
    summary = {what.strip(): number for what, number in rows}
    assert summary["queries left out"] == "1"  # q3; that a positive of q2 is gone is no query
    assert summary["rejected: positive_not_in_corpus"] == "1"
    assert summary["nearest documents looked at in each"] == "5"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["depth"] == 5


def test_what_an_earlier_run_wrote_goes_and_what_somebody_else_wrote_stays(run, tmp_path):
    folder = run("--export", "triplets", "--export", "listwise")
    (folder / "listwise" / "mine.txt").write_text("notes")
    partial = folder / ".partial" / "triplets"
    partial.mkdir(parents=True)  # of a killed run
    (partial / "train.parquet").write_text("half")
    run("negatives=1", "--export", "ntuples")
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    report = json.loads((folder / "report.json").read_text())
    assert report["files"] == ["negatives.parquet", "ntuples/train.parquet", "rejections.parquet"]
    assert files == sorted([*report["files"], "report.json", "listwise/mine.txt"])
    assert not (folder / "triplets").exists()


def test_a_corpus_is_not_taken_for_its_own_queries(run, tmp_path):
    (tmp_path / "tea.jsonl").write_text('{"docid": "d1", "text": "black tea"}\n')
    said = run(place=tmp_path / "tea.jsonl", code=2)
    assert "tea.jsonl: expected queries, found the corpus; name --queries" in " ".join(said.split())


def test_an_export_that_cannot_be_written_leaves_the_earlier_run_as_it_was(run):
    folder = run("negatives=2", "--export", "triplets")
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    run("max_score=-2", "--export", "triplets", code=6)
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


@pytest.mark.parametrize("below", ["", "/below"])
def test_a_file_in_place_of_the_folder_is_refused(tmp_path, below):
    (tmp_path / "file").write_text("text")
    into = str(tmp_path / "file") + below
    done = CliRunner().invoke(app, ["mine", str(beir(tmp_path / "tea")), into])
    assert (done.exit_code, done.exception.__class__) == (2, SystemExit)
    assert "file: expected a folder, found a file" in " ".join(done.output.split())


def test_the_help_says_where_the_settings_of_the_embedder_are():
    done = CliRunner().invoke(app, ["mine", "--help"])
    words = " ".join(done.output.replace("\u2502", " ").split())
    assert "whatever else the table embed of a recipe knows" in words


def test_what_the_command_needs_can_be_imported_first():
    command = [sys.executable, "-c", "import rankmill.mine.run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
