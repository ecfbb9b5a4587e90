"""The labelled lists of a build, part by part: what every export is cut from."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from rankmill.export.curriculum import Order, difficulties
from rankmill.export.tables import AssemblyInput
from rankmill.tables import JUDGMENTS

_DOCUMENTS = 50_000
_PAIRS, _BYTES = 16_384, 64_000_000

Columns = Mapping[str, str | pl.Expr]
"""Names of list columns, and the column or expression that each gathers."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What the labels of a whole build reach.

    Attributes:
        best_grade: The highest grade.
        lowest: The lowest score.
        highest: The highest score.
    """

    best_grade: int
    lowest: float
    highest: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some labelled lists of one split.

    Attributes:
        span: What the labels of all parts reach.
        lists: One row a list, in their order: the columns of QUERIES but split, with `query` for
            `text`; score_kind; the columns of LISTS but kept and reason; those of
            `curriculum.FORMULAS`; and `number`, which counts the lists of the build from 0.
        documents: One row a document of a list, lists in the order of `lists`, best first: qid,
            docid, rank, grade, score, stderr, votes, candidate_rank, candidate_score, origin,
            number (its row in the corpus, from 0), title, text, words (title and text in one).
        judgments: JUDGMENTS of these lists, valid or not, by their key.
        prompt_folders: Folders with prompts of the recipe's own.
    """

    split: str
    policy: Policy
    span: Span
    lists: pl.DataFrame
    documents: pl.DataFrame
    judgments: pl.DataFrame
    prompt_folders: tuple[Path, ...] = ()

    @cached_property
    def positives(self) -> pl.DataFrame:
        """The rows of `documents` that are positives, best first."""
        return self.documents.filter(pl.col("grade") >= self.policy.positive_grade)

    @cached_property
    def negatives(self) -> pl.DataFrame:
        """The rows of `documents` that are negatives, at most so many a list, hardest first."""
        return self.hardest(self.policy.negatives)

    def hardest(self, most: int) -> pl.DataFrame:
        """The rows of `documents` that are negatives: of a list those ranked highest at first."""
        negative = self.documents.filter(pl.col("grade") <= self.policy.negative_grade)
        # `documents` comes list by list, so a stable sort by list and place keeps their order.
        return (
            negative.with_columns(place=pl.col("candidate_rank").rank("ordinal").over("qid"))
            .filter(pl.col("place") <= most)
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

    def contrasted(self, most: int, positive: Columns, negative: Columns) -> pl.DataFrame:
        """The lists that have a positive and a negative, with columns gathered from both.

        Args:
            most: Negatives of a list, hardest first.
            positive: Name of each new column, and what it gathers of the positives, best first.
            negative: The same of the negatives.
        """
        positives = self.nested(self.positives, **positive)
        negatives = self.nested(self.hardest(most), **negative).select("qid", *negative)
        joined = positives.join(negatives, on="qid", maintain_order="left")
        return joined.filter(pl.all_horizontal(pl.col(*positive, *negative).list.len() > 0))


class Labelled:
    """The labelled lists of checked tables. Texts are on disk; the rest is numbers and ids."""

    def __init__(self, tables: AssemblyInput, policy: Policy, order: Order | None = None) -> None:
        """Lists for training come in `order`; all others, and without one, by qid."""
        self.tables = tables
        self.policy = policy
        self.order = order

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """One row for every document of a kept list, by qid, best first, without texts."""
        found = self.tables.candidates.select(
            "qid", "docid", "origin", candidate_rank="rank", candidate_score="score"
        )
        splits = self.tables.kept.select("qid", "split")
        numbers = self.tables.places.select("docid").with_row_index("number")
        labels = self.tables.labels.join(splits, on="qid").join(numbers, on="docid")
        return labels.join(found, on=["qid", "docid"]).sort("qid", "rank")

    @cached_property
    def span(self) -> Span:
        """What its labels reach."""
        score = pl.col("score")
        reached = self.pairs.select(pl.max("grade"), low=score.min(), high=score.max())
        best_grade, lowest, highest = reached.row(0)
        return Span(best_grade=best_grade, lowest=lowest, highest=highest)

    @cached_property
    def lists(self) -> pl.DataFrame:
        """One row a kept list, in their order."""
        kinds = self.pairs.filter(rank=1).select("qid", "score_kind")
        queries = self.tables.kept.rename({"text": "query"})
        facts = self.tables.lists.drop("kept", "reason")
        joined = queries.join(kinds, on="qid").join(facts, on="qid")
        lists = joined.join(self._difficulties, on="qid").sort("qid")
        if self.order:
            train = pl.col("split") == "train"
            lists = pl.concat([self.order(lists.filter(train)), lists.filter(~train)])
        return lists.with_row_index("number")

    @property
    def _difficulties(self) -> pl.DataFrame:
        least, most = self.policy.positive_grade, self.policy.negative_grade
        return difficulties(self.pairs, positive_grade=least, negative_grade=most)

    @cached_property
    def judgments(self) -> pl.DataFrame:
        """JUDGMENTS of the kept lists and their split, by their key."""
        splits = self.tables.kept.select("qid", "split")
        return self.tables.judgments.join(splits, on="qid").sort(JUDGMENTS.key)

    def corpus(self) -> Iterator[pl.DataFrame]:
        """The documents with clusters, splits and their row, in parts that fit in memory."""
        from pyarrow.parquet import ParquetFile

        start = 0
        with ParquetFile(self.tables.documents) as file:
            for batch in file.iter_batches(batch_size=_DOCUMENTS):
                places = self.tables.places.slice(start, batch.num_rows)
                documents = pl.DataFrame(batch).with_row_index("number", offset=start)
                start += batch.num_rows
                yield documents.with_columns(places["cluster"], places["split"])

    @contextmanager
    def texts(self, scratch: Path) -> Iterator["Texts"]:
        """The texts of all listed documents, in a file that is mapped into memory."""
        wanted = pl.col("number").is_in(self.pairs["number"].unique().implode())
        corpus = pl.scan_parquet(self.tables.documents, row_index_name="number")
        documents = corpus.select("number", "title", "text")
        with TemporaryDirectory(dir=scratch, prefix=".texts-") as folder:
            path = Path(folder) / "texts.arrow"
            documents.filter(wanted).sink_ipc(path, compression="uncompressed")
            yield Texts(_mapped(path))

    def parts(self, split: str, texts: "Texts") -> Iterator[Part]:
        """The lists of a split with their texts, some thousand documents or megabytes at a time."""
        lists = self.lists.filter(split=split).drop("split")
        pairs = _in_turn(lists, self.pairs.drop("split", "score_kind"))
        judgments = _in_turn(lists, self.judgments.drop("split"))
        share = pl.max_horizontal(pl.len() / _PAIRS, pl.col("size").sum() / _BYTES)
        sized = pairs.select("qid", size=texts.sizes(pairs))
        shares = sized.group_by("qid", maintain_order=True).agg(share=share)["share"]
        start = shares.cum_sum().floor()
        for some in lists.with_columns(start=start).partition_by(
            "start", maintain_order=True, include_key=False
        ):
            yield Part(
                split=split,
                policy=self.policy,
                span=self.span,
                lists=some,
                documents=texts.join(_of(some, pairs)),
                judgments=_of(some, judgments),
                prompt_folders=self.tables.prompts,
            )


def _mapped(path: Path) -> pl.DataFrame:
    """An Arrow file whose pages are read when they are looked at."""
    import pyarrow as pa

    return pl.DataFrame(pa.ipc.open_file(pa.memory_map(str(path))).read_all())


def _in_turn(lists: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of some lists, in their order; `turn` is the number of a row's list."""
    turns = lists.select("qid", turn="number")
    return turns.join(rows, on="qid", maintain_order="left_right")


def _of(lists: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of neighbouring lists; all rows are in turn."""
    first = int(rows["turn"].search_sorted(lists["number"][0], "left"))
    last = int(rows["turn"].search_sorted(lists["number"][-1], "right"))
    return rows.slice(first, last - first).drop("turn")


class Texts:
    """The texts of documents that are listed, by their row in the corpus."""

    def __init__(self, frame: pl.DataFrame) -> None:
        """Take columns number, title and text."""
        self._texts = frame.drop("number")
        numbers = frame["number"].to_numpy()
        self._rows = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.uint32)
        self._rows[numbers] = np.arange(len(numbers))

    def sizes(self, pairs: pl.DataFrame) -> pl.Series:
        """Bytes of title and text, of the documents in rows with a number."""
        each = self._texts.select(pl.col("title").str.len_bytes() + pl.col("text").str.len_bytes())
        return each.to_series()[self._rows[pairs["number"]]]

    def join(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Rows with a number, and title, text and words of the document that has it."""
        return pairs.hstack(self._texts[self._rows[pairs["number"]]].with_columns(words=WORDS))
