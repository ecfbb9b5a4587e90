"""Lists with soft labels: how often each document wins against the others."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.unfit import shorter
from rankmill.tables import Table

LIPO = Table(
    name="lipo",
    key=(),
    columns={
        "query": pl.String,
        "docs": pl.List(pl.String),
        "scores": pl.List(pl.Float32),
    },
)
Floats = NDArray[np.float64]
_DIGITS = 9


class Lipo(Exported):
    """A query, its documents, and the mean rate at which each is preferred to one of the list.

    Of every two documents the rate is the share of the valid readings of both in which the one
    stands above the other; a tie is half a win. Two that no reading compared fall back on their
    consensus scores: on what the model says where that is Bradley-Terry or Plackett-Luce, else on
    which is higher. Against itself a document wins half the time.

    Paper: Liu et al., "LiPO: Listwise Preference Optimization through Learning-to-Rank", NAACL
    2025, where rates lie between 0 and 1 and the gain is 2^rate - 1, as LambdaLoss has it.

    Attributes:
        size: Most documents of a list; a longer one is thinned out evenly, from the best on.
        views: Whose readings count; if empty, those of the views that vote.
    """

    kind: Literal["lipo"] = "lipo"
    columns: ClassVar[str] = "query, docs, scores (mean win rates, from 0 to 1, highest first)"
    losses: ClassVar[tuple[str, ...]] = ("lipo",)
    example: ClassVar[str] = """\
from datasets import load_dataset
from sentence_transformers import CrossEncoder, CrossEncoderTrainer
from sentence_transformers.cross_encoder.losses import LambdaLoss

reranker = CrossEncoder("microsoft/MiniLM-L12-H384-uncased", num_labels=1)
lists = load_dataset("{data}", "{config}", split="{split}")
CrossEncoderTrainer(model=reranker, train_dataset=lists, loss=LambdaLoss(reranker)).train()"""
    size: int = Field(default=32, ge=2, le=32)
    views: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Views that it needs."""
        return self.views

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists of one document."""
        del policy
        return shorter(pairs, 2)

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=LIPO, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        documents = self._thinned(part.documents)
        readings = part.judgments.filter(status="valid")
        if views := self.views or part.voting:
            readings = readings.filter(pl.col("view").is_in(views))
        kinds = part.lists.select("qid", "score_kind")
        asked = documents.join(kinds, on="qid", maintain_order="left")
        rated = documents.with_columns(rate=win_rates(asked, read_values(readings)))
        best_first = rated.sort(pl.col("qid").rle_id(), -pl.col("rate"), maintain_order=True)
        lists = part.nested(best_first, docs="words", scores=pl.col("rate").cast(pl.Float32))
        several = lists.filter(pl.col("docs").list.len() > 1)
        return several.select(list(LIPO.columns))

    def _thinned(self, documents: pl.DataFrame) -> pl.DataFrame:
        """At most `size` documents of a list, evenly spread from the best on."""
        place, depth = pl.int_range(pl.len()).over("qid"), pl.len().over("qid")
        step = place * self.size // depth
        return documents.filter((place == 0) | (step > (place - 1) * self.size // depth))


def read_values(readings: pl.DataFrame) -> pl.DataFrame:
    """What each reading says of each document that it saw, higher is better.

    Args:
        readings: Valid rows of JUDGMENTS.

    Returns:
        Columns qid, reading, docid and value. Values of one reading can be compared; scores that
        were asked one by one in one trial are one reading. Of a document that was not chosen the
        value is null: all that is known is that the chosen ones stand above it.
    """
    trial = pl.first("row").over("qid", "view", "trial")
    numbered = readings.with_row_index("row").with_columns(
        reading=pl.when(question="score").then(trial).otherwise("row")
    )
    scored = numbered.filter(pl.col("scores").is_not_null())
    values = scored.select("qid", "reading", docid="shown", value="scores").explode(
        "docid", "value"
    )
    ranked = numbered.filter(pl.col("ranked").is_not_null() & pl.col("scores").is_null())
    place = pl.int_range(pl.len()).over("reading")
    places = (
        ranked.select("reading", docid="ranked")
        .explode("docid")
        .with_columns(value=-place.cast(pl.Float64))
    )
    shown = ranked.select("qid", "reading", docid="shown").explode("docid")
    placed = shown.join(places, on=["reading", "docid"], how="left", maintain_order="left")
    return pl.concat([values, placed])


def win_rates(documents: pl.DataFrame, values: pl.DataFrame) -> pl.Series:
    """The mean rate at which each document is preferred to one of its list, itself among them.

    Args:
        documents: Columns qid, docid, score and score_kind, list by list.
        values: What `read_values` gives.
    """
    rows = documents.select("qid", row=pl.int_range(pl.len()))
    depth = rows.select(pl.len().over("qid")).to_series().to_numpy().astype(np.int64)
    first = rows.select(pl.col("row").min().over("qid")).to_series().to_numpy()
    begin = np.cumsum(depth) - depth  # where the pairs of each document begin, one for each other
    one = np.repeat(np.arange(len(documents)), depth)
    other = np.arange(len(one)) - begin[one] + first[one]
    score = documents["score"].to_numpy()
    modelled = documents["score_kind"].is_in(["bradley_terry", "plackett_luce"]).to_numpy()
    ahead = score[one] - score[other]
    said = np.where(modelled[one], 1 / (1 + np.exp(-ahead)), _wins(ahead))

    met = _met(documents, values)
    pair = begin[met["place"]] + met["other"].to_numpy() - first[met["place"]]
    won = np.bincount(pair, weights=_wins(met["ahead"].to_numpy()), minlength=len(one))
    times = np.bincount(pair, minlength=len(one))
    rates = np.where(times, won / np.maximum(times, 1), said)
    return pl.Series((np.add.reduceat(rates, begin) / depth).round(_DIGITS))


def _met(documents: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Every two documents that a reading compared: their rows, and how far the one is ahead."""
    placed = documents.select("qid", "docid", place=pl.int_range(pl.len()))
    value = pl.col("value").fill_null(float("-inf"))
    read = values.join(placed, on=["qid", "docid"]).select("reading", "place", value)
    others = read.select("reading", other="place", against="value")
    known = (pl.col("value") > float("-inf")) | (pl.col("against") > float("-inf"))
    met = read.join(others, on="reading").filter((pl.col("place") != pl.col("other")) & known)
    return met.select("place", "other", ahead=pl.col("value") - pl.col("against"))


def _wins(ahead: Floats) -> Floats:
    """1 for what is ahead of another, a half for a tie, and 0 for what is behind."""
    wins: Floats = (np.sign(ahead) + 1) / 2
    return wins
