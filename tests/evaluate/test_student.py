"""A student's scores on the lists of a finished build, and the sampler that reads them."""

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from rankmill.cli import app
from rankmill.corpora.read import documents_of
from rankmill.evaluate.student import scores
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.progress import Silent
from rankmill.sampling.refine import read_scores
from rankmill.settings import Settings
from rankmill.space import sentences_of
from rankmill.tables import DOCUMENTS, LABELS, QUERIES
from small_student import student


@pytest.fixture
def made(tmp_path, toy):
    settings = Settings(data=tmp_path / "data")
    build(toy, settings=settings, progress=Silent())
    return Finished.find(settings, "toy")


class Oracle:
    """Has a dimension for every query, in which a document is worth its grade, times a factor."""

    def __init__(self, made, factor):
        queries, labels = made.read("generate", QUERIES), made.read("settle", LABELS)
        documents = documents_of(made.output("ingest").path(DOCUMENTS), labels["docid"].unique())
        texts = {one.docid: sentences_of(one.title, one.text) for one in documents}
        self.rows = {text: number for number, text in enumerate(queries["text"])}
        self.worth = {text: np.zeros(len(queries), np.float32) for text in texts.values()}
        numbers = dict(zip(queries["qid"], range(len(queries)), strict=True))
        for qid, docid, grade in labels.select("qid", "docid", "grade").iter_rows():
            self.worth[texts[docid]][numbers[qid]] = factor * grade

    def encode(self, texts, kind):
        if kind == "query":
            return np.eye(len(self.rows), dtype=np.float32)[[self.rows[text] for text in texts]]
        return np.array([self.worth[text] for text in texts])


def test_the_labels_own_order_scores_1_and_the_opposite_less(made):
    best, worst = scores(made, Oracle(made, 1)), scores(made, Oracle(made, -1))
    kept = made.lists.filter("kept")["qid"].to_list()
    assert best["qid"].to_list() == sorted(kept)
    assert best["student"].to_list() == pytest.approx([1.0] * len(kept))
    assert worst["student"].max() < 0.9
    assert set(best["gold"]) == {1.0}


def test_the_command_leaves_what_the_sampler_refine_reads(made, tmp_path):
    folder, into = student(tmp_path / "student", 1), tmp_path / "scores.csv"
    command = ["score", str(made.folder), "--student", str(folder), "--into", str(into)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert f"{len(made.lists.filter('kept'))} lists, mean nDCG@10 0." in done.output
    assert {*read_scores(into).columns} == {"qid", "student", "gold"}
    assert pl.read_csv(into)["student"].is_between(0, 1).all()
    done = CliRunner().invoke(app, [*command[:-1], str(tmp_path / "nowhere" / "scores.csv")])
    assert (done.exit_code, done.exception.__class__) == (8, SystemExit)
