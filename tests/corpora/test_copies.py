"""Which document stands for a copy of it, by the rejections that ingest itself writes."""

import polars as pl
import pytest

from rankmill.corpora import Jsonl, Passages
from rankmill.corpora.copies import originals
from rankmill.corpora.ingest import ingest
from rankmill.curate.near import NearDuplicates
from rankmill.records import Rejection
from rankmill.tablestore import Draft

RYE = "rye dough rises slowly because its flour holds little gluten and a lot of water in the crumb"
TEXTS = {
    "to be >= 1": RYE,
    "chess": "a pawn that reaches the last rank of the board becomes a piece that its player wants",
    "same": RYE,
    "near": RYE + " today",
    "same as near": RYE + " today",
    "short": "rye",
}


@pytest.fixture
def taken_in(tmp_path):
    """Ingest texts by docid: what was rejected by which rule, and the table of it."""

    def taken_in(texts, **cut):
        rows = pl.DataFrame({"_id": list(texts), "text": list(texts.values())})
        rows.write_ndjson(tmp_path / "corpus.jsonl")
        draft = Draft(stage="ingest", folder=tmp_path / "ingest")
        draft.folder.mkdir()
        report = ingest(
            Jsonl(path="corpus.jsonl"),
            Passages(**cut),
            base=tmp_path,
            draft=draft,
            advance=lambda _: None,
            pick=NearDuplicates().pick,
        )
        return report.rejected, draft.folder / "rejections.parquet"

    return taken_in


@pytest.fixture
def curated(tmp_path):
    """The rejections of a curation that finds semantic duplicates: docids and who stays."""
    draft = Draft(stage="curate", folder=tmp_path / "curate")
    draft.folder.mkdir()

    def curated(**near):
        draft.reject(
            Rejection(id=docid, rule="semantic_duplicate", detail=f"cosine 0.971 to {to} >= 1e-05")
            for docid, to in near.items()
        )
        return draft.folder / "rejections.parquet"

    return curated


def test_copies_of_both_sorts_are_followed_to_the_document_that_was_kept(taken_in):
    rejected, table = taken_in(TEXTS)
    assert rejected == {"duplicate": 2, "near_duplicate": 1, "too_short": 1}
    found = originals([table], [*TEXTS, "nowhere"])
    assert found == dict.fromkeys(("same", "near", "same as near"), ("to be >= 1",))


def test_a_copy_of_a_document_that_was_cut_is_what_its_passages_are_copies_of(taken_in):
    long = "A pawn moves ahead. A rook keeps to its file. Rye dough rises slowly."
    texts = {"a": long, "b": long, "c": "An oven is hot. Rye dough rises slowly."}
    rejected, table = taken_in(texts, min_chars=3, max_chars=30)
    assert rejected == {"duplicate": 4}
    found = originals([table], ["a", "b", "c", "b#2"])
    assert found == {"b": ("a#1", "a#2", "a#3"), "c": ("a#3",), "b#2": ("a#2",)}


def test_a_copy_of_what_curation_leaves_out_is_followed_through_both_tables(taken_in, curated):
    _, table = taken_in(TEXTS)
    later = curated(**{"to be >= 1": "chess", "other": "a to b >= 1"})
    found = originals([table, later], [*TEXTS, "other"])
    assert found == {
        **dict.fromkeys(("to be >= 1", "same", "near", "same as near"), ("chess",)),
        "other": ("a to b >= 1",),
    }
