"""The labelled lists of a build, part by part: what every export is cut from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from rankmill.export.tables import AssemblyInput
from rankmill.tables import JUDGMENTS

_DOCUMENTS = 50_000
_PAIRS = 16_384

WORDS = pl.concat_str("title", pl.lit("\n"), "text").str.strip_chars()
"""A document as a trainer gets it: its title, if any, on a line of its own, then its text.
A teacher saw the beginning of it, as long as its view's `excerpt`."""

NONE_MISSING = pl.DataFrame(schema={"id": pl.String, "rule": pl.String, "detail": pl.String})
"""No list that an export could not use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which of a list's documents are positives and which are negatives.

    Attributes:
        positive_grade: A document with at least this grade is a positive.
        negative_grade: A document with at most this grade is a negative.
        negatives: Most negatives of a query: those which the retriever had ranked highest.
    """

    positive_grade: int
    negative_grade: int
    negatives: int

    def lacking(self, pairs: pl.DataFrame, *, negatives: int = 1) -> pl.DataFrame:
        """Lists without a positive, or with fewer negatives: columns id, rule and detail.

        Args:
            pairs: `Labelled.pairs`.
            negatives: How many are needed.
        """
        grade = pl.col("grade")
        lists = pairs.group_by("qid", maintain_order=True).agg(
            best=grade.max(), found=(grade <= self.negative_grade).sum()
        )
        best, found = pl.col("best"), pl.col("found")
        no_positive = best < self.positive_grade
        return lists.filter(no_positive | (found < negatives)).select(
            id="qid",
            rule=pl.when(no_positive).then(pl.lit("no_positive")).otherwise(pl.lit("no_negative")),
            detail=pl.when(no_positive)
            .then(pl.format(f"best grade {{}}, a positive needs {self.positive_grade}", best))
            .otherwise(
                pl.format(
                    f"{{}} of {negatives} negatives of at most grade {self.negative_grade}",
                    found,
                )
            ),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some labelled lists of one split.

    Attributes:
        lists: One row a list, by qid: the columns of QUERIES but split, with `query` for `text`;
            score_kind; and the columns of LISTS but kept and reason.
        documents: One row a document of a list, lists in the order of `lists`, best first: qid,
            docid, rank, grade, score, stderr, votes, candidate_rank, candidate_score, origin,
            title, text, words (title and text in one).
        judgments: JUDGMENTS of these lists, valid or not, by their key.
    """

    split: str
    policy: Policy
    lists: pl.DataFrame
    documents: pl.DataFrame
    judgments: pl.DataFrame

    @cached_property
    def positives(self) -> pl.DataFrame:
        """The rows of `documents` that are positives, best first."""
        return self.documents.filter(pl.col("grade") >= self.policy.positive_grade)

    @cached_property
    def negatives(self) -> pl.DataFrame:
        """The rows of `documents` that are negatives, at most so many a list, hardest first."""
        negative = self.documents.filter(pl.col("grade") <= self.policy.negative_grade)
        # `documents` comes list by list, so a stable sort by list and place keeps their order.
        return (
            negative.with_columns(place=pl.col("candidate_rank").rank("ordinal").over("qid"))
            .filter(pl.col("place") <= self.policy.negatives)
            .sort(pl.col("qid").rle_id(), "place")
            .drop("place")
        )

    def nested(self, rows: pl.DataFrame, **columns: str | pl.Expr) -> pl.DataFrame:
        """`lists` with list columns gathered from rows of `documents`; without a row, they are [].

        Args:
            rows: `documents`, `positives` or `negatives`, or some of their rows, lists in order.
            columns: Name of each new column, and what it gathers.
        """
        named = {n: pl.col(of) if isinstance(of, str) else of for n, of in columns.items()}
        gathered = rows.group_by("qid", maintain_order=True).agg(**named)
        joined = self.lists.join(gathered, on="qid", how="left", maintain_order="left")
        return joined.with_columns(pl.col(name).fill_null([]) for name in named)


class Labelled:
    """The labelled lists of checked tables. Texts are on disk; the rest is numbers and ids."""

    def __init__(self, tables: AssemblyInput, policy: Policy) -> None:
        self.tables = tables
        self.policy = policy

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """One row for every document of a kept list, by qid, best first, without texts."""
        found = self.tables.candidates.select(
            "qid", "docid", "origin", candidate_rank="rank", candidate_score="score"
        )
        splits = self.tables.kept.select("qid", "split")
        labels = self.tables.labels.join(splits, on="qid")
        return labels.join(found, on=["qid", "docid"]).sort("qid", "rank")

    @cached_property
    def lists(self) -> pl.DataFrame:
        """One row a kept list, by qid."""
        kinds = self.tables.labels.select("qid", "score_kind").unique("qid")
        queries = self.tables.kept.rename({"text": "query"})
        facts = self.tables.lists.drop("kept", "reason")
        return queries.join(kinds, on="qid").join(facts, on="qid").sort("qid")

    @cached_property
    def judgments(self) -> pl.DataFrame:
        """JUDGMENTS of the kept lists and their split, by their key."""
        splits = self.tables.kept.select("qid", "split")
        return self.tables.judgments.join(splits, on="qid").sort(JUDGMENTS.key)

    def corpus(self) -> Iterator[pl.DataFrame]:
        """The documents with their clusters and splits, in parts that fit in memory."""
        from pyarrow.parquet import ParquetFile

        start = 0
        with ParquetFile(self.tables.documents) as file:
            for batch in file.iter_batches(batch_size=_DOCUMENTS):
                places = self.tables.places.slice(start, batch.num_rows)
                start += batch.num_rows
                yield pl.DataFrame(batch).with_columns(places["cluster"], places["split"])

    @contextmanager
    def texts(self, scratch: Path) -> Iterator["Texts"]:
        """The texts of all listed documents, in a file that is mapped into memory."""
        wanted = self.tables.labels.lazy().select("docid").unique()
        documents = pl.scan_parquet(self.tables.documents).select("docid", "title", "text")
        with TemporaryDirectory(dir=scratch, prefix=".texts-") as folder:
            path = Path(folder) / "texts.arrow"
            listed = documents.join(wanted, on="docid", how="semi").with_columns(words=WORDS)
            listed.sink_ipc(path, compression="uncompressed")
            yield Texts(_mapped(path))

    def parts(self, split: str, texts: "Texts") -> Iterator[Part]:
        """The lists of a split with their texts, some thousand documents at a time."""
        lists = self.lists.filter(split=split).drop("split")
        pairs = self.pairs.filter(split=split).drop("split", "score_kind")
        judgments = self.judgments.filter(split=split).drop("split")
        start = pairs.group_by("qid", maintain_order=True).len()["len"].cum_sum() // _PAIRS
        for some in lists.with_columns(start=start).partition_by(
            "start", maintain_order=True, include_key=False
        ):
            yield Part(
                split=split,
                policy=self.policy,
                lists=some,
                documents=texts.join(_of(some, pairs)),
                judgments=_of(some, judgments),
            )


def _mapped(path: Path) -> pl.DataFrame:
    """An Arrow file whose pages are read when they are looked at."""
    import pyarrow as pa

    return pl.DataFrame(pa.ipc.open_file(pa.memory_map(str(path))).read_all())


def _of(lists: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of neighbouring lists; all rows are by qid."""
    first = int(rows["qid"].search_sorted(lists["qid"][0], "left"))
    last = int(rows["qid"].search_sorted(lists["qid"][-1], "right"))
    return rows.slice(first, last - first)


class Texts:
    """Texts by docid: columns docid, title, text and words."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._rows = frame.select("docid").with_row_index("row")

    def join(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Rows with a docid, and their texts."""
        rows = pairs.join(self._rows, on="docid", maintain_order="left")
        return rows.drop("row").hstack(self._frame[rows["row"]].drop("docid"))
