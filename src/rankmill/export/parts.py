"""The labelled lists of a build, part by part: what every export is cut from."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np
import polars as pl

from rankmill.export.curriculum import Order, difficulties
from rankmill.export.policy import Policy
from rankmill.export.tables import SPLITS, AssemblyInput
from rankmill.export.texts import Texts, kept_texts
from rankmill.parquet import opened
from rankmill.tables import JUDGMENTS

_DOCUMENTS = 8_192
_PAIRS, _BYTES = 12_288, 64_000_000

Made = TypeVar("Made")
See = Callable[[pl.DataFrame], None]
"""Is shown the corpus, some documents at a time."""
Columns = Mapping[str, str | pl.Expr]
"""Names of list columns, and the column or expression that each gathers."""

NONE_MISSING = pl.DataFrame(schema={"id": pl.String, "rule": pl.String, "detail": pl.String})
"""No list that an export could not use."""


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
            `text` and `query_difficulty` for `difficulty`, which is the list's; score_kind; the
            columns of LISTS but kept and reason; those of `curriculum.FORMULAS`; and `number`,
            which counts the lists of the build from 0.
        documents: One row a document of a list, lists in the order of `lists`, best first: qid,
            docid, rank, grade, score, stderr, votes, candidate_rank, candidate_score, origin,
            false_negative, positive, negative (see `Policy.marked`),
            number (its row in the corpus, from 0), title, text, words (title and text in one).
        judgments: JUDGMENTS of these lists, valid or not, by their key.
        prompt_folders: Folders with prompts of the recipe's own.
        voting: Views whose readings made the labels; all that there are if empty.
    """

    split: str
    policy: Policy
    span: Span
    lists: pl.DataFrame
    documents: pl.DataFrame
    judgments: pl.DataFrame
    prompt_folders: tuple[Path, ...] = ()
    voting: tuple[str, ...] = ()
    _made: dict[Hashable, Any] = field(default_factory=dict)
    _locks: dict[Hashable, Lock] = field(default_factory=dict)

    def once(self, what: Hashable, make: Callable[[], Made]) -> Made:
        """What several files need of these lists: the first that asks makes it for all of them.

        Args:
            what: Tells it from everything else that is made so.
            make: Makes it.
        """
        with self._locks.setdefault(what, Lock()):
            if what not in self._made:
                self._made[what] = make()
            made: Made = self._made[what]
            return made

    @cached_property
    def positives(self) -> pl.DataFrame:
        """The rows of `documents` that are positives, best first."""
        return self.documents.filter("positive")

    @cached_property
    def negatives(self) -> pl.DataFrame:
        """The rows of `documents` that are negatives, at most so many a list, hardest first."""
        return self.hardest(self.policy.negatives)

    def hardest(self, most: int) -> pl.DataFrame:
        """The rows of `documents` that are negatives: of a list those ranked highest at first."""
        place = pl.int_range(pl.len()).over("qid")
        return self.once(("hardest", most), lambda: self._hard.filter(place < most))

    @cached_property
    def _hard(self) -> pl.DataFrame:
        """All negatives: lists in order, and of each those first that are to be taken first."""
        place = pl.col("qid").rle_id()
        ranked = self.documents.filter("negative").sort(
            place, "candidate_rank", maintain_order=True
        )
        places = ranked.select(pl.int_range(pl.len()).over("qid")).to_series().to_numpy()
        keys = pl.Series(self.policy.sampling.sort_keys(places, places, places))
        return ranked.sort(place, keys, maintain_order=True)

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
        return self.policy.marked(self.tables.pairs.drop("home"))

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
        queries = self.tables.kept.rename({"text": "query", "difficulty": "query_difficulty"})
        facts = self.tables.lists.drop("kept", "reason")
        joined = queries.join(kinds, on="qid").join(facts, on="qid")
        lists = joined.join(difficulties(self.pairs), on="qid").sort("qid")
        if self.order:
            train = pl.col("split") == "train"
            lists = pl.concat([self.order(lists.filter(train)), lists.filter(~train)])
        return lists.with_columns(round=pl.lit(self.tables.round, pl.Int32)).with_row_index(
            "number"
        )

    @cached_property
    def judgments(self) -> pl.DataFrame:
        """JUDGMENTS of the kept lists and their split, by their key."""
        splits = self.tables.kept.select("qid", "split")
        return self.tables.judgments.join(splits, on="qid").sort(JUDGMENTS.key)

    def corpus(self) -> Iterator[pl.DataFrame]:
        """The documents with clusters, splits and their row, some at a time; of those curated."""
        start = 0
        with opened(self.tables.documents) as file:
            for batch in file.iter_batches(batch_size=_DOCUMENTS):
                places = self.tables.places.slice(start, batch.num_rows)
                documents = pl.DataFrame(batch).with_row_index("number", offset=start)
                start += batch.num_rows
                yield documents.with_columns(places["cluster"], places["split"]).drop_nulls("split")

    def texts(self, scratch: Path, see: See | None = None) -> AbstractContextManager[Texts]:
        """The texts of all listed documents, in a file that is mapped into memory.

        Args:
            scratch: Where the file is meanwhile.
            see: Gets what `corpus` gives, while that is read.
        """
        listed = np.zeros(len(self.tables.places), dtype=np.bool_)
        listed[self.pairs["number"]] = True
        return kept_texts(_seen(self.corpus(), see) if see else self.corpus(), listed, scratch)

    def parts(self, texts: Texts) -> Iterator[Part]:
        """The lists with their texts, some thousand documents or megabytes of a split at a time."""
        pairs = self.pairs.drop("split", "score_kind")
        judgments = self.judgments.drop("split")
        where, read = _runs(pairs, size=texts.sizes(pairs)), _runs(judgments)
        for split in SPLITS:
            lists = self.lists.filter(split=split).drop("split")
            sizes = lists.select("qid").join(where, on="qid", maintain_order="left")
            share = pl.max_horizontal(pl.col("rows") / _PAIRS, pl.col("size") / _BYTES)
            part = sizes.select(share.cum_sum().floor()).to_series()
            for some in lists.with_columns(part=part).partition_by(
                "part", maintain_order=True, include_key=False
            ):
                yield Part(
                    split=split,
                    policy=self.policy,
                    span=self.span,
                    lists=some,
                    documents=texts.join(_of(some, pairs, where)),
                    judgments=_of(some, judgments, read),
                    prompt_folders=self.tables.prompts,
                    voting=self.tables.voting,
                )


def _seen(corpus: Iterator[pl.DataFrame], see: See) -> Iterator[pl.DataFrame]:
    for documents in corpus:
        see(documents)
        yield documents


def _runs(rows: pl.DataFrame, **summed: pl.Series) -> pl.DataFrame:
    """Where each list stands in rows that are sorted by qid: qid, first, rows, and sums."""
    runs = rows.select("qid", **summed).group_by("qid", maintain_order=True)
    counted = runs.agg(pl.len().cast(pl.Int64).alias("rows"), *map(pl.sum, summed))
    return counted.with_columns(first=pl.col("rows").cum_sum() - pl.col("rows"))


def _of(lists: pl.DataFrame, rows: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """The rows of some lists, in their order."""
    first, count = pl.col("first"), pl.col("rows")
    found = lists.select("qid").join(runs, on="qid", maintain_order="left")
    return rows[found.select(pl.int_ranges(first, first + count).explode()).to_series()]
