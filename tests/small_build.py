"""Six documents, three queries. The lists of q1 and q3 were kept, that of q2 was not."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from rankmill.assemble import Assembly, AssemblyInput, CardFacts
from rankmill.report import StageReport
from rankmill.tables import (
    CANDIDATES,
    CLUSTERS,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    LISTS,
    QUERIES,
    REJECTIONS,
    Table,
)


def frame(table: Table, *rows: tuple) -> pl.DataFrame:
    return table.check(table.frame(rows))


def document(docid: str, title: str, text: str) -> tuple:
    return (docid, title, text, f"notes/{docid}.txt", None, "CC-BY-4.0", "en-GB", docid * 8)


def reading(qid: str, view: str, shown: list[str], **outcome: object) -> tuple:
    ranked, scores = outcome.get("ranked"), outcome.get("scores")
    kind = "probability" if scores else None
    status, detail = ("valid", "") if ranked or scores else ("malformed", "empty")
    step = int(outcome.get("step", 0))
    question = "rank" if view == "listwise" else "score"
    how = ("4f2a", "local", f"{qid}{view}{step}")
    return (qid, view, 0, step, question, shown, ranked, scores, kind, None, status, detail, *how)


@pytest.fixture
def documents() -> pl.DataFrame:
    return frame(
        DOCUMENTS,
        document("d1", "Tea", "Steep black tea for four minutes."),
        document("d2", "", "Boiling water burns green tea."),
        document("d3", "Coffee", "Grind beans just before brewing."),
        document("d4", "Milk", "Milk first or tea first? People argue."),
        document("d5", "Sails", "Reef early."),
        document("d6", "Knots", "A bowline does not slip."),
    )


@pytest.fixture
def tables(documents: pl.DataFrame, tmp_path: Path) -> AssemblyInput:
    path = tmp_path / "documents.parquet"
    documents.write_parquet(path)
    return AssemblyInput(
        documents=path,
        clusters=frame(
            CLUSTERS,
            ("d6", 2, 0.8, "validation"),
            ("d1", 0, 0.9, "train"),
            ("d2", 0, 0.8, "train"),
            ("d3", 1, 0.7, "train"),
            ("d4", 0, 0.6, "train"),
            ("d5", 2, 0.9, "validation"),
        ),
        queries=frame(
            QUERIES,
            ("q3", "when to reef", "search", "d5", 2, "validation", "77aa", "local", "r3"),
            ("q2", "grinding coffee", "search", "d3", 1, "train", "77aa", "local", "r2"),
            ("q1", "how long to brew tea", "search", "d1", 0, "train", "77aa", "local", "r1"),
        ),
        candidates=frame(
            CANDIDATES,
            ("q1", "d1", 1, 0.9, "source", 1, 2),
            ("q1", "d4", 2, 0.8, "retrieved", 2, 1),
            ("q1", "d2", 3, 0.7, "retrieved", None, 3),
            ("q1", "d3", 4, 0.6, "retrieved", 3, None),
            ("q2", "d3", 1, 0.9, "source", 1, 1),
            ("q2", "d1", 2, 0.8, "retrieved", 2, 2),
            ("q3", "d5", 1, 0.9, "source", 1, 1),
            ("q3", "d6", 2, 0.8, "retrieved", None, 2),
        ),
        judgments=frame(
            JUDGMENTS,
            reading("q3", "listwise", ["d6", "d5"], ranked=["d5", "d6"]),
            reading("q2", "listwise", ["d3", "d1"]),
            reading("q1", "pointwise", ["d1"], scores=[0.7]),
            reading("q1", "pointwise", ["d2"], scores=[0.9], step=1),
            reading("q1", "listwise", ["d1", "d4", "d2", "d3"], ranked=["d2", "d1", "d4", "d3"]),
        ),
        labels=frame(
            LABELS,
            ("q3", "d5", 1, 1.0, "mrr", 3, None, 1),
            ("q3", "d6", 2, 0.5, "mrr", 1, None, 1),
            ("q1", "d1", 2, 0.5, "mrr", 2, 0.25, 2),
            ("q1", "d2", 1, 1.0, "mrr", 3, 0.0, 2),
            ("q1", "d3", 3, 0.25, "mrr", 0, 0.125, 2),
            ("q1", "d4", 4, 0.125, "mrr", 0, 0.0, 2),
        ),
        lists=frame(
            LISTS,
            ("q1", 2, 0.5, 0.75, 0.8, 1.0, 0.9, 0.25, 0.25, 0.5, "decided", 2, True, ""),
            (
                "q2",
                2,
                0.0,
                0.25,
                0.5,
                0.0,
                0.5,
                None,
                0.5,
                0.0,
                "cap",
                2,
                False,
                "low_agreement: tau 0.0 < 0.3",
            ),
            ("q3", 1, None, None, None, None, None, 0.75, 0.125, 0.75, None, 1, True, ""),
        ),
        rejections=frame(
            REJECTIONS,
            ("ingest", "d9", "too_short", "12 characters, at least 60"),
            ("settle", "q2", "low_agreement", "tau 0.0 < 0.3"),
        ),
    )


@pytest.fixture
def spec() -> Assembly:
    return Assembly(negatives=1)


@pytest.fixture
def facts() -> CardFacts:
    view = {"name": "pointwise", "strategy": {"kind": "pointwise"}, "teacher": "local"}
    counts = {"unanswered": 0, "tokens_cached": 0, "tokens_out": 5, "money": 0.0}
    return CardFacts(
        name="tea-and-sails",
        version="0.1.0",
        recipe={
            "name": "tea-and-sails",
            "teachers": {"local": {"kind": "llama_cpp", "model": "qwen", "revision": None}},
            "views": [
                {**view, "prompt": "labels/relevance", "trials": 1},
                {
                    **view,
                    "name": "listwise",
                    "strategy": {"kind": "listwise", "temperature": 0.0},
                    "prompt": "labels/listwise",
                    "trials": 1,
                },
            ],
            "settle": {
                "rule": {"kind": "mrr"},
                "weights": {"pointwise": 2.0},
                "filters": [{"kind": "self_consistency", "view": "listwise", "tau": 0.3}],
                "grades": {"kind": "bands", "sizes": [1, 2, 3]},
            },
        },
        prompts={"labels/relevance": "4f2a", "queries/search": "77aa", "labels/listwise": "4f2b"},
        reports=(
            StageReport(stage="ingest", read=7, written=6, rejected={"too_short": 1}),
            StageReport(stage="cluster", read=6, written=6, facts={"clusters": 3}),
            StageReport(stage="settle", read=3, written=2, rejected={"low_agreement": 1}),
        ),
        corpus="5f" * 32,
        packages={"polars": "2.1.0", "python": "3.11.9"},
        weights={},
        spent={
            "generate": {"local": {**counts, "replies": 3, "tokens_in": 900, "tokens_out": 40}},
            "label": {"local": {**counts, "replies": 5, "tokens_in": 2500, "money": None}},
        },
    )


@pytest.fixture
def replaced(tables: AssemblyInput, tmp_path: Path):
    """The tables, with a frame changed; `documents` is a frame too."""

    def change(**frames: pl.DataFrame) -> AssemblyInput:
        if "documents" in frames:
            frames.pop("documents").write_parquet(tmp_path / "documents.parquet")
        return replace(tables, **frames)

    return change


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a test reached for the network")

    for module in ("huggingface_hub.constants", "datasets.config"):  # they read it but once
        pytest.importorskip(module)
        monkeypatch.setattr(f"{module}.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("socket.socket.connect", refuse)
