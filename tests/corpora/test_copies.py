"""Which document stands for a copy of it, by the rejections that ingest itself writes."""

import polars as pl

from rankmill.corpora import Jsonl, Passages
from rankmill.corpora.copies import originals
from rankmill.corpora.ingest import ingest
from rankmill.curate.near import NearDuplicates
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


def test_copies_of_both_sorts_are_followed_to_the_document_that_was_kept(tmp_path):
    rows = pl.DataFrame({"_id": list(TEXTS), "text": list(TEXTS.values())})
    rows.write_ndjson(tmp_path / "corpus.jsonl")
    draft = Draft(stage="ingest", folder=tmp_path / "draft")
    draft.folder.mkdir()
    report = ingest(
        Jsonl(path="corpus.jsonl"),
        Passages(),
        base=tmp_path,
        draft=draft,
        advance=lambda _: None,
        pick=NearDuplicates().pick,
    )
    assert report.rejected == {"duplicate": 2, "near_duplicate": 1, "too_short": 1}
    found = originals(draft.folder / "rejections.parquet", [*TEXTS, "nowhere"])
    assert found == dict.fromkeys(("same", "near", "same as near"), "to be >= 1")
