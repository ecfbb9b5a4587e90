"""Which evaluation collections a corpus and its queries touch.

Paper: Brown et al., "Language Models are Few-Shot Learners", 2020, appendix C (runs of 13 words).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.corpora import Beir, Jsonl
from rankmill.corpora.columns import Columns
from rankmill.records import Document
from rankmill.spec import digest
from rankmill.tables import CONTAMINATION

_RUN = 13
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_OURS = 20_000
_THEIRS = 100_000
_UNITS = {"what": pl.String, "id": pl.String, "text": pl.String}
_HITS = pl.DataFrame(
    schema={"what": pl.String, "id": pl.String, "rule": pl.String, "detail": pl.String}
)
_WORDS = (
    pl.col("text").str.normalize("NFKC").str.to_lowercase().str.extract_all(r"\w+").alias("words")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """An evaluation collection that was looked at.

    Attributes:
        name: Of its folder.
        digest: Of its corpus and its queries.
        documents: How many it has.
        queries: How many it has.
        found: Documents and queries of ours that touch it, by rule.
    """

    name: str
    digest: str
    documents: int
    queries: int
    found: Mapping[str, int]


@dataclass(frozen=True)
class Evaluation:
    """A collection in BEIR's layout: `corpus.jsonl` and `queries.jsonl`, or both with `.gz`."""

    folder: Path

    @property
    def digest(self) -> str:
        """Changes with any document or query.

        Raises:
            CorpusError: There is no such collection.
        """
        return digest(f"{self._corpus.origin(self.folder)} {self._queries.origin(self.folder)}")

    def units(self) -> Iterator[pl.DataFrame]:
        """Its queries and documents, some at a time: what, id, text.

        Raises:
            CorpusError: A line is wrong.
        """
        rows: list[tuple[str, str, str]] = []
        for what, source in (("query", self._queries), ("document", self._corpus)):
            for one in source.documents(self.folder):
                if isinstance(one, Document):
                    rows.append((what, one.docid, f"{one.title} {one.text}"))
                if len(rows) == _THEIRS:
                    yield pl.DataFrame(rows, schema=_UNITS, orient="row")
                    rows = []
        if rows:
            yield pl.DataFrame(rows, schema=_UNITS, orient="row")

    @property
    def _corpus(self) -> Beir:
        return Beir(path=self.folder)

    @property
    def _queries(self) -> Jsonl:
        packed = self.folder / "queries.jsonl.gz"
        path = packed if packed.is_file() else self.folder / "queries.jsonl"
        return Jsonl(path=path, columns=Columns(docid="_id", title="", licence="", lang=""))


def look(
    collections: Mapping[str, Path], documents: Path, queries: pl.DataFrame
) -> tuple[pl.DataFrame, list[Looked]]:
    """Hold documents and queries against evaluation collections, by three rules.

    * `same_id`: a document of theirs has the id, and another rule finds ours too; alone, an id
      says nothing, for many corpora number their documents.
    * `same_text`: one of theirs has the same words, whatever their case and punctuation.
    * `shared_13_words`: a run of 13 words stands in one of theirs.

    Both sides are streamed; runs are compared by 64 bits each.

    Args:
        collections: Folders in BEIR's layout, by name.
        documents: File of DOCUMENTS.
        queries: QUERIES.

    Returns:
        CONTAMINATION, one row for every id and rule, and what was looked at.

    Raises:
        CorpusError: A collection is not there, or a line of it is wrong.
    """
    rows, looked = [CONTAMINATION.empty()], []
    for name, folder in collections.items():
        collection = Evaluation(folder.resolve())
        counts, hits = _hits(collection, documents, queries)
        found = hits.with_columns(collection=pl.lit(name))
        by_rule = found.group_by("rule").len().sort("rule")
        rows.append(CONTAMINATION.check(found))
        looked.append(
            Looked(
                name=name,
                digest=collection.digest,
                documents=counts["document"],
                queries=counts["query"],
                found=dict(by_rule.iter_rows()),
            )
        )
    return pl.concat(rows), looked


def _hits(
    collection: Evaluation, documents: Path, queries: pl.DataFrame
) -> tuple[dict[str, int], pl.DataFrame]:
    """How many documents and queries a collection has, and what of ours touches them."""
    counts, hits = {"document": 0, "query": 0}, [_HITS.clear()]
    for units in collection.units():
        theirs = _Theirs(units)
        counts = {what: n + units.filter(what=what).height for what, n in counts.items()}
        hits += map(theirs.touched, _ours(documents, queries))
    found = pl.concat(hits).unique(["what", "id", "rule"], keep="first", maintain_order=True)
    told = (pl.col("rule") != "same_id") | (pl.len().over("what", "id") > 1)
    return counts, found.filter(told).sort("what", "id", "rule")


def _ours(documents: Path, queries: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Our queries and documents, some at a time."""
    from pyarrow.parquet import ParquetFile

    yield queries.select(what=pl.lit("query"), id="qid", text="text")
    with ParquetFile(documents) as file:
        for batch in file.iter_batches(batch_size=_OURS, columns=["docid", "title", "text"]):
            text = pl.concat_str("title", "text", separator=" ")
            yield pl.DataFrame(batch).select(what=pl.lit("document"), id="docid", text=text)


class _Theirs:
    """Some queries and documents of a collection, ready to be looked up.

    Args:
        units: Columns what, id and text.
    """

    def __init__(self, units: pl.DataFrame) -> None:
        words = units.select(_WORDS)["words"]
        self._names = units["what"] + " " + units["id"]
        self._ids = units.filter(what="document")["id"]
        self._texts = _Sorted(*_whole(words))
        self._runs = _Sorted(*_runs(words))

    def touched(self, ours: pl.DataFrame) -> pl.DataFrame:
        """What of ours touches them: what, id, rule and detail."""
        words = ours.select(_WORDS)["words"]
        same = (ours["what"] == "document") & ours["id"].is_in(self._ids.implode())
        ids = ours.filter(same).select("what", "id", theirs=pl.lit("document ") + pl.col("id"))
        texts = self._told(ours, *self._texts.find(*_whole(words)))
        runs = self._told(ours, *self._runs.find(*_runs(words)))
        said = {
            "same_id": (ids, "the id of {}"),
            "same_text": (texts, "the words of {}"),
            "shared_13_words": (runs, "13 words in a row of {}"),
        }
        return pl.concat(
            found.select(
                "what", "id", rule=pl.lit(rule), detail=pl.format(words_of, pl.col("theirs"))
            )
            for rule, (found, words_of) in said.items()
        )

    def _told(
        self, ours: pl.DataFrame, mine: NDArray[np.int64], theirs: NDArray[np.int64]
    ) -> pl.DataFrame:
        """Each of ours once, and the first of theirs."""
        found = ours[mine].select("what", "id").with_columns(theirs=self._names[theirs])
        return found.unique(["what", "id"], keep="first", maintain_order=True)


class _Sorted:
    """Hashes, and which row each is of."""

    def __init__(self, hashes: NDArray[np.uint64], rows: NDArray[np.int64]) -> None:
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._rows = hashes[order], rows[order]

    def find(
        self, hashes: NDArray[np.uint64], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows whose hashes are here, and the first row here of each."""
        if not len(self._hashes):
            return rows[:0], rows[:0]
        order = np.argsort(hashes)  # in order, neighbours are looked up beside each other
        places = np.searchsorted(self._hashes, hashes[order])
        np.minimum(places, len(self._hashes) - 1, out=places)
        hit = self._hashes[places] == hashes[order]
        mine, theirs = order[hit], places[hit]
        back = np.argsort(mine)
        return rows[mine[back]], self._rows[theirs[back]]


def _whole(words: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A hash of all words of every row that has any, and which row it is."""
    rows = np.flatnonzero((words.list.len() > 0).to_numpy())
    return words[rows].list.join(" ").hash().to_numpy(), rows


def _runs(words: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A hash of every run of words inside a row, and which row it is of."""
    rows = np.repeat(np.arange(len(words)), words.list.len().to_numpy())
    hashes = words.explode(empty_as_null=False).hash().to_numpy()
    last = len(hashes) - _RUN + 1
    if last <= 0:
        return hashes[:0], rows[:0]
    runs = np.zeros(last, np.uint64)
    for place in range(_RUN):
        runs = runs * _PRIME + hashes[place : place + last]
    inside = rows[:last] == rows[_RUN - 1 :]
    return runs[inside], rows[:last][inside]
