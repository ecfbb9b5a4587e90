"""Labelled lists with what small_build has not: reasoning, long lists and ties."""

import polars as pl

from rankmill.assemble import Assembly
from rankmill.export import Labelled, write
from rankmill.tables import (
    CANDIDATES,
    CLUSTERS,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    LISTS,
    QUERIES,
)
from small_build import document, frame, reading


def thought(row, words, *, trial=0):
    """A reading's row, in another trial, with reasoning."""
    names = list(JUDGMENTS.columns)
    changed = dict(zip(names, row, strict=True)) | {"reasoning": words, "trial": trial}
    return tuple(changed[name] for name in names)


def thoughtful(tables):
    """JUDGMENTS of small_build's q1 as three trials thought about it; q3 has none."""
    shown = ["d4", "d3", "d2", "d1"]
    return frame(
        JUDGMENTS,
        thought(
            reading("q1", "listwise", shown, ranked=["d4", "d3", "d1", "d2"]), "Milk!", trial=0
        ),
        thought(
            reading("q1", "listwise", shown, ranked=["d2", "d1", "d4", "d3"]),
            "<think>[3] says what burns.</think>",
            trial=1,
        ),
        thought(
            reading("q1", "listwise", shown, ranked=["d2", "d1", "d4", "d3"]), "Too late.", trial=2
        ),
        reading("q3", "listwise", ["d6", "d5"], ranked=["d5", "d6"]),
    )


def one_list(replaced, scores, *, grades=None, judgments=()):
    """The tables of one query, q, with a document for each score, retrieved in that order."""
    docids = [f"d{place:02}" for place in range(len(scores))]
    best_first = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    graded = grades or [3 if place == best_first[0] else 0 for place in range(len(scores))]
    lists = ("q", 1, *[None] * 7, 0.5, None, None, True, "")
    return replaced(
        documents=frame(DOCUMENTS, *(document(d, "", f"text of {d}") for d in docids)),
        clusters=frame(CLUSTERS, *((d, 0, 0.5, "train") for d in docids)),
        queries=frame(QUERIES, ("q", "what?", "search", "d00", 0, "train", "77aa", "local", "r")),
        candidates=frame(
            CANDIDATES,
            *(
                ("q", docid, place + 1, 1.0 - place / 100, "retrieved", None, None)
                for place, docid in enumerate(docids)
            ),
        ),
        judgments=frame(JUDGMENTS, *judgments),
        labels=frame(
            LABELS,
            *(
                ("q", docids[place], rank, float(scores[place]), "mrr", graded[place], None, 1)
                for rank, place in enumerate(best_first, start=1)
            ),
        ),
        lists=frame(LISTS, lists),
    )


def made(tables, folder, *exports):
    """Write some exports, and return the lists that each could not use: id, rule and detail."""
    spec = Assembly.model_validate({"negatives": 1, "exports": [dict(one) for one in exports]})
    labelled = Labelled(tables, spec.policy)
    write(spec.exports, labelled, folder / "dataset")
    return {one.folder: one.unusable(labelled).rows() for one in spec.exports}


def rows_of(folder, path):
    """The rows of one file of the dataset."""
    file = folder / "dataset" / path
    if file.suffix == ".parquet":
        return pl.read_parquet(file).to_dicts()
    read = pl.read_ndjson if file.suffix == ".jsonl" else pl.read_json
    return read(file).to_dicts()
