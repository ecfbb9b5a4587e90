"""Documents and queries that share words with an evaluation collection.

Paper: Brown et al., "Language Models are Few-Shot Learners", 2020, appendix C (runs of 13 words).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.contamination.collection import Evaluation
from rankmill.contamination.spec import Decontamination
from rankmill.parquet import opened
from rankmill.tables import CONTAMINATION
from rankmill.word_runs import Sorted, runs, whole, words_of

Units = Callable[[], Iterator[pl.DataFrame]]
_RUN = 13
_OURS = 20_000
_IS_DOCUMENT = pl.col("theirs").str.starts_with("document ")
_HITS = pl.DataFrame(
    schema={
        "what": pl.String,
        "id": pl.String,
        "rule": pl.String,
        "theirs": pl.String,
        "detail": pl.String,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """An evaluation collection that was looked at.

    Attributes:
        name: Of its folder.
        digest: Of its corpus and its queries.
        documents: How many it has.
        queries: How many it has.
        ours: How many of its documents stand in our corpus, by their words.
        spared: Whether that makes no contamination, because both have one corpus.
        found: Documents and queries of ours that touch it, by rule.
    """

    name: str
    digest: str
    documents: int
    queries: int
    ours: int
    spared: bool
    found: Mapping[str, int]


def look(
    collections: Mapping[str, Path],
    documents: Path,
    queries: pl.DataFrame,
    *,
    spec: Decontamination,
    within: pl.Series | None = None,
) -> tuple[pl.DataFrame, list[Looked]]:
    """Hold documents and queries against evaluation collections, by three rules of words.

    * `same_id`: a document of theirs has the id, and another rule finds ours too; alone, an id
      says nothing, for many corpora number their documents.
    * `same_text`: one of theirs has the same words, whatever their case and punctuation.
    * `shared_13_words`: a run of 13 words stands in one of theirs; 13 characters in a script that
      has no spaces.

    Both sides are streamed; runs are compared by 64 bits each.

    Args:
        collections: Folders, by name.
        documents: File of DOCUMENTS.
        queries: QUERIES.
        spec: Says when documents that both corpora have are no contamination.
        within: Docids that count; all if left out.

    Returns:
        CONTAMINATION, one row for every id and rule, and what was looked at.

    Raises:
        CorpusError: A collection is not there or not valid.
    """
    rows, looked = [CONTAMINATION.empty()], []
    for name, folder in collections.items():
        ours = partial(_ours, documents, queries, within)
        found, one = _held(name, Evaluation(folder.resolve()), ours, spec)
        rows.append(found)
        looked.append(one)
    return pl.concat(rows), looked


def _held(
    name: str, collection: Evaluation, units: Units, spec: Decontamination
) -> tuple[pl.DataFrame, Looked]:
    """What touches one collection, and whether that counts."""
    counts, hits = _hits(collection, units)
    same = hits.filter(_IS_DOCUMENT & (pl.col("rule") != "same_id"), what="document")
    ours = same["theirs"].n_unique()
    spared = spec.same(
        theirs=ours / max(counts["document"], 1),
        ours=same["id"].n_unique() / max(_documents(units), 1),
    )
    counting = hits.filter(~_IS_DOCUMENT) if spared else hits
    found = counting.unique(["what", "id", "rule"], keep="first", maintain_order=True)
    looked = Looked(
        name=name,
        digest=collection.digest,
        documents=counts["document"],
        queries=counts["query"],
        ours=ours,
        spared=spared,
        found=dict(found.group_by("rule").len().sort("rule").iter_rows()),
    )
    return CONTAMINATION.check(found.drop("theirs").with_columns(collection=pl.lit(name))), looked


def _hits(collection: Evaluation, ours: Units) -> tuple[dict[str, int], pl.DataFrame]:
    """How many documents and queries a collection has, and what of ours touches them."""
    counts, hits = {"document": 0, "query": 0}, [_HITS.clear()]
    for units in collection.units():
        counts = {what: n + units.filter(what=what).height for what, n in counts.items()}
        for kind in units.partition_by("what"):  # apart, or a document would hide its query
            hits += map(Theirs(kind).touched, ours())
    found = pl.concat(hits)
    told = (pl.col("rule") != "same_id") | (pl.col("rule").n_unique().over("what", "id") > 1)
    return counts, found.filter(told).sort("what", "id", "rule", maintain_order=True)


def _documents(ours: Units) -> int:
    """How many documents of ours there are."""
    return sum(units.filter(what="document").height for units in ours())


def _ours(
    documents: Path, queries: pl.DataFrame, within: pl.Series | None
) -> Iterator[pl.DataFrame]:
    """Our queries and documents, some at a time."""
    yield queries.select(what=pl.lit("query"), id="qid", text="text")
    counts = pl.lit(True) if within is None else pl.col("docid").is_in(within.implode())
    with opened(documents) as file:
        for batch in file.iter_batches(batch_size=_OURS, columns=["docid", "title", "text"]):
            text = pl.concat_str("title", "text", separator=" ")
            some = pl.DataFrame(batch).filter(counts)
            yield some.select(what=pl.lit("document"), id="docid", text=text)


class Theirs:
    """Some queries or documents of a collection, ready to be looked up.

    Each of ours is told the first of these only.

    Args:
        units: Columns what, id and text.
    """

    def __init__(self, units: pl.DataFrame) -> None:
        words = words_of(units["text"])
        self._names = units["what"] + " " + units["id"]
        self._ids = units.filter(what="document")["id"]
        self._texts = Sorted(*whole(words))
        self._runs = Sorted(*runs(words, _RUN))

    def touched(self, ours: pl.DataFrame) -> pl.DataFrame:
        """What of ours touches them: what, id, rule, theirs and detail."""
        words = words_of(ours["text"])
        same = (ours["what"] == "document") & ours["id"].is_in(self._ids.implode())
        ids = ours.filter(same).select("what", "id", theirs=pl.lit("document ") + pl.col("id"))
        texts = self._told(ours, *self._texts.find(*whole(words)))
        shared = self._told(ours, *self._runs.find(*runs(words, _RUN)))
        said = {
            "same_id": (ids, "the id of {}"),
            "same_text": (texts, "the words of {}"),
            "shared_13_words": (shared, "13 words in a row of {}"),
        }
        return pl.concat(
            found.select(
                "what",
                "id",
                pl.lit(rule).alias("rule"),
                "theirs",
                pl.format(words_of_it, pl.col("theirs")).alias("detail"),
            )
            for rule, (found, words_of_it) in said.items()
        )

    def _told(
        self, ours: pl.DataFrame, mine: NDArray[np.int64], theirs: NDArray[np.int64]
    ) -> pl.DataFrame:
        """Each of ours once, and the first of theirs."""
        found = ours[mine].select("what", "id").with_columns(theirs=self._names[theirs])
        return found.unique(["what", "id"], keep="first", maintain_order=True)
