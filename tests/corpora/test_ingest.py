import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.corpora import Beir, Jsonl, Passages, ingest
from rankmill.corpora.writer import TableWriter
from rankmill.errors import CorpusError, StorageError, TableError
from rankmill.records import Document, Rejection
from rankmill.report import StageReport
from rankmill.tables import DOCUMENTS, REJECTIONS
from rankmill.tablestore import Draft, once

CRANFIELD = Path(__file__).parents[3] / "shared" / "collections" / "cranfield"
SHORT = Passages(min_chars=3, max_chars=20)


@dataclass(frozen=True)
class Listed:
    """A corpus that is a list."""

    things: Sequence[Document | Rejection]

    def __str__(self) -> str:
        return "listed"

    def documents(self, base: Path) -> Iterator[Document | Rejection]:
        yield from self.things


def at(place: int, docid: str, text: str, title: str = "") -> Document:
    return Document(docid=docid, text=text, title=title, source=f"list:{place}")


def take_in(folder: Path, *things: Document | Rejection) -> tuple[StageReport, Draft]:
    draft = Draft(stage="ingest", folder=folder)
    report = ingest(Listed(things), SHORT, base=folder, draft=draft, advance=lambda _: None)
    return report, draft


def rows(draft: Draft, table: str) -> list[dict[str, object]]:
    return pl.read_parquet(draft.folder / f"{table}.parquet").to_dicts()


def rejections(draft: Draft) -> list[tuple[object, ...]]:
    return [(row["id"], row["rule"], row["detail"]) for row in rows(draft, "rejections")]


def test_a_document_becomes_a_row_with_its_digest(tmp_path):
    given_one = Document(docid="d", title=" T ", text="t\r\nxt", source="s", licence="l", lang="en")
    report, draft = take_in(tmp_path, given_one)
    assert rows(draft, "documents") == [
        {
            "docid": "d",
            "title": "T",
            "text": "t\nxt",
            "source": "s",
            "parent": None,
            "licence": "l",
            "lang": "en",
            "sha256": hashlib.sha256(b"t\nxt").hexdigest(),
            "headings": None,
        }
    ]
    assert rows(draft, "rejections") == []
    assert report == StageReport(
        stage="ingest", read=1, written=1, facts={"documents": 1, "characters": 4}
    )


def test_both_tables_keep_their_contracts(tmp_path):
    _, draft = take_in(tmp_path, at(1, "a", "text"), at(2, "b", "x"))
    kept = DOCUMENTS.check(pl.read_parquet(draft.folder / "documents.parquet"))
    rejected = REJECTIONS.check(pl.read_parquet(draft.folder / "rejections.parquet"))
    assert (kept["docid"].to_list(), rejected["id"].to_list()) == (["a"], ["b"])


def test_rows_stand_in_the_order_of_the_source_and_long_ones_are_cut(tmp_path):
    _, draft = take_in(tmp_path, at(1, "z", "A first one. A second one."), at(2, "a", "text"))
    found = [(row["docid"], row["parent"], row["text"]) for row in rows(draft, "documents")]
    assert found == [
        ("z#1", "z", "A first one."),
        ("z#2", "z", "A second one."),
        ("a", None, "text"),
    ]


def test_the_same_text_again_is_a_duplicate_of_the_first_docid_whatever_its_title(tmp_path):
    report, draft = take_in(tmp_path, at(1, "a", "text", "A"), at(2, "b", " text\n", "B"))
    assert [row["docid"] for row in rows(draft, "documents")] == ["a"]
    assert rejections(draft) == [("b", "duplicate", "the same text as a")]
    assert report.rejected == {"duplicate": 1}


def test_a_passage_can_be_a_duplicate(tmp_path):
    _, draft = take_in(
        tmp_path, at(1, "a", "A second one."), at(2, "z", "A first one. A second one.")
    )
    assert [row["docid"] for row in rows(draft, "documents")] == ["a", "z#1"]
    assert rejections(draft) == [("z#2", "duplicate", "the same text as a")]


def test_the_same_docid_and_text_again_is_one_duplicate(tmp_path):
    long = "A first one. A second one."
    report, draft = take_in(tmp_path, at(1, "a", long), at(2, "a", long))
    assert (report.read, report.written) == (3, 2)
    assert rejections(draft) == [("a", "duplicate", "the same docid and text again at list:2")]


def test_a_docid_with_two_texts_is_an_error_that_names_both_places(tmp_path):
    with pytest.raises(CorpusError) as error:
        take_in(tmp_path, at(1, "b", "other"), at(2, "a", "text"), at(3, "a", "texts"))
    assert str(error.value) == (
        "listed: docid 'a' has two different texts, at list:2 and at list:3"
    )


def test_a_docid_that_looks_like_a_passage_of_another_is_an_error(tmp_path):
    with pytest.raises(CorpusError) as error:
        take_in(tmp_path, at(1, "a", "A first one. A second one."), at(2, "a#2", "text"))
    assert str(error.value) == (
        "listed: docid 'a#2' has two different texts, at list:1 (a passage of 'a') and at list:2"
    )


def test_a_passage_that_was_there_under_its_docid_is_a_duplicate(tmp_path):
    _, draft = take_in(
        tmp_path, at(1, "a#1", "A first one."), at(2, "a", "A first one. A second one.")
    )
    assert [row["docid"] for row in rows(draft, "documents")] == ["a#1", "a#2"]
    assert rejections(draft) == [("a#1", "duplicate", "the same docid and text again at list:2")]


def test_what_a_reader_rejects_is_passed_on(tmp_path):
    missing = Rejection(id="m", rule="no_text", detail="null at list:1")
    report, draft = take_in(tmp_path, missing, at(2, "a", "text"), at(3, "b", "x"))
    assert rejections(draft) == [
        ("m", "no_text", "null at list:1"),
        ("b", "too_short", "1 characters < 3"),
    ]
    assert report.rejected == {"no_text": 1, "too_short": 1}
    assert str(report) == "ingest: 1 of 3 kept (no_text 1, too_short 1)"


def test_an_empty_corpus_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match=r"listed: no passage is left of 0 documents$"):
        take_in(tmp_path)


def test_a_corpus_that_is_empty_after_cleaning_is_an_error_with_the_counts(tmp_path):
    gone = Rejection(id="m", rule="no_text", detail="null")
    with pytest.raises(CorpusError) as error:
        take_in(tmp_path, at(1, "a", "\0"), gone, at(2, "b", "b"))
    assert str(error.value) == (
        "listed: no passage is left of 3 documents (no_text 1, too_short 2), such as "
        "a: too_short, 0 characters < 3; m: no_text, null; b: too_short, 1 characters < 3"
    )


def test_progress_is_the_number_of_documents_read(tmp_path):
    told: list[int] = []
    things = [at(n, f"d{n}", f"text {n}") for n in range(2500)]
    draft = Draft(stage="ingest", folder=tmp_path)
    ingest(Listed(things), SHORT, base=tmp_path, draft=draft, advance=told.append)
    assert told == [1000, 2000, 2500]


def test_two_runs_write_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    things = [at(n, f"d{n}", f"text {n % 70}") for n in range(100)]
    _, first = take_in(tmp_path / "a", *things)
    _, second = take_in(tmp_path / "b", *things)
    names = ("documents.parquet", "rejections.parquet")
    assert [(first.folder / n).read_bytes() for n in names] == [
        (second.folder / n).read_bytes() for n in names
    ]


@given(st.lists(st.text("ab \n", max_size=60), min_size=1, max_size=12))
def test_every_character_is_kept_or_rejected_and_the_counts_add_up(tmp_path_factory, texts):
    things = [at(n, f"d{n}", text) for n, text in enumerate([*texts, "abc"])]
    report, draft = take_in(tmp_path_factory.mktemp("draft"), *things)
    kept, gone = rows(draft, "documents"), rows(draft, "rejections")
    assert (report.written, report.read) == (len(kept), len(kept) + len(gone))
    assert len({row["docid"] for row in kept}) == len({row["text"] for row in kept}) == len(kept)
    named = {str(row.get("docid", row.get("id"))).partition("#")[0] for row in [*kept, *gone]}
    assert named == {thing.docid for thing in things}


def test_a_broken_source_leaves_no_finished_table(tmp_path):
    (tmp_path / "c.jsonl").write_text('{"text": "a text that is long enough to be kept, it is"}\n{')
    with pytest.raises(CorpusError, match=r"c\.jsonl:2: not JSON"):
        once(
            tmp_path / "tables",
            "ingest",
            {},
            lambda draft: ingest(
                Jsonl(path=Path("c.jsonl")),
                Passages(),
                base=tmp_path,
                draft=draft,
                advance=lambda _: None,
            ),
        )
    left = {path.suffix for path in (tmp_path / "tables" / "ingest").iterdir()}
    assert left == {".partial", ".lock"}


def test_a_full_disk_is_a_storage_error(tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")

    def make(draft: Draft) -> StageReport:
        (draft.folder / "documents.parquet").symlink_to(full)
        things = Listed([at(1, "a", "text")])
        return ingest(things, SHORT, base=tmp_path, draft=draft, advance=lambda _: None)

    with pytest.raises(StorageError, match="the disk is full"):
        once(tmp_path / "tables", "ingest", {}, make)


def test_a_row_group_that_breaks_the_contract_is_refused(tmp_path):
    with pytest.raises(TableError, match="null"), TableWriter(REJECTIONS, tmp_path) as writer:
        writer.write("ingest", None, "rule", "detail")


def test_a_long_table_is_written_in_row_groups_without_loss(tmp_path):
    with TableWriter(REJECTIONS, tmp_path) as writer:
        for number in range(45_000):
            writer.write("ingest", str(number), "rule", "detail")
    written = pq.ParquetFile(tmp_path / "rejections.parquet")
    assert (writer.rows, written.metadata.num_row_groups) == (45_000, 3)
    assert written.schema_arrow.field("id").type == pa.large_string()
    assert written.read().column("id").to_pylist() == [str(n) for n in range(45_000)]


@pytest.mark.skipif(not CRANFIELD.is_dir(), reason="../shared/collections/cranfield is not here")
def test_cranfield_is_taken_in_whole(tmp_path):
    draft = Draft(stage="ingest", folder=tmp_path)
    passages = Passages(min_chars=1, max_chars=10_000)
    report = ingest(
        Beir(path=CRANFIELD), passages, base=tmp_path, draft=draft, advance=lambda _: None
    )
    assert (report.read, report.facts["documents"]) == (1398, 1398)
    assert report.written == 1398
