"""Folders that GPL trains a retriever from."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File, Scale
from rankmill.export.beir import CORPUS, QRELS, QUERIES, corpus_rows
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.unfit import NO_WORD, fit, unfit
from rankmill.tables import Table

_RETRIEVERS, _OTHER = ("bm25", "dense", "both"), "other"
_NEGATIVES = pl.Struct(dict.fromkeys((*_RETRIEVERS, _OTHER), pl.List(pl.String)))
MARGINS = Table(
    name="margins",
    key=("qid", "positive", "negative"),
    columns={
        "qid": pl.String,
        "positive": pl.String,
        "negative": pl.String,
        "margin": pl.Float64,
    },
)
HARD_NEGATIVES = Table(
    name="hard_negatives",
    key=("qid",),
    columns={"qid": pl.String, "pos": pl.List(pl.String), "neg": _NEGATIVES},
)


class Gpl(Exported):
    """Every positive with every negative, and by how much the positive scored higher.

    A folder for every split has all that GPL makes itself otherwise: the corpus, the queries,
    their qrels, the negatives by where they came from, and the margins of the consensus.

    Paper: Wang et al., "GPL: Generative Pseudo Labeling for Unsupervised Domain Adaptation of
    Dense Retrieval", NAACL 2022 (which draws one negative for each step; these are all).

    Attributes:
        negatives: Most of a query, hardest first.
    """

    kind: Literal["gpl"] = "gpl"
    columns: ClassVar[str] = (
        "a folder a split for GPL: gpl-training-data.tsv (qid, positive, negative, margin of the "
        "consensus scores), hard-negatives.jsonl, corpus.jsonl, qgen-queries.jsonl, qgen-qrels"
    )
    losses: ClassVar[tuple[str, ...]] = ("gpl",)
    example: ClassVar[str] = """\
from beir.datasets.data_loader import GenericDataLoader
from gpl.toolkit import GenerativePseudoLabelingDataset

folder = "{data}/{config}/{split}"
corpus, queries, _ = GenericDataLoader(folder, prefix="qgen").load(split="{split}")
GenerativePseudoLabelingDataset(f"{folder}/gpl-training-data.tsv", queries, corpus)"""
    negatives: int = Field(default=50, ge=1)

    def refusal(self, scale: Scale) -> str | None:
        """Margins of an order are made up."""
        return scale.unmeasured("`colbert`, which reads triples without margins, or `mnrl`")

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive or a negative, or with ids that would break a line."""
        bad = unfit(pairs, NO_WORD, "white space or a quote")
        both = pl.concat([policy.lacking(pairs), bad])
        return both.unique("id", keep="first", maintain_order=True)

    def files(self) -> Sequence[File]:
        """A folder for every split."""
        return [
            File(
                path="{split}/gpl-training-data.tsv",
                table=MARGINS,
                rows=self._margins,
                header=False,
            ),
            File(path="{split}/hard-negatives.jsonl", table=HARD_NEGATIVES, rows=self._hard),
            File(path="{split}/corpus.jsonl", table=CORPUS, rows=corpus_rows, of="corpus"),
            File(path="{split}/qgen-queries.jsonl", table=QUERIES, rows=self._queries),
            File(path="{split}/qgen-qrels/{split}.tsv", table=QRELS, rows=self._qrels),
        ]

    def _pairs(self, part: Part) -> pl.DataFrame:
        """Columns qid, positive, negative, origin (of the negative) and margin."""
        positives = part.positives.select("qid", positive="docid", high="score")
        negatives = part.hardest(self.negatives).select(
            "qid", "origin", negative="docid", low="score"
        )
        joined = positives.join(negatives, on="qid", maintain_order="left_right")
        pairs = joined.with_columns(margin=pl.col("high") - pl.col("low"))
        whole = fit(part.documents, NO_WORD, "qid", "docid")
        return pairs.join(whole, on="qid", how="semi", maintain_order="left")

    def _margins(self, part: Part) -> pl.DataFrame:
        return self._pairs(part).select(list(MARGINS.columns))

    def _hard(self, part: Part) -> pl.DataFrame:
        origin = pl.col("origin")
        found = pl.when(origin.is_in(_RETRIEVERS)).then(origin).otherwise(pl.lit(_OTHER))
        negative = {
            name: pl.col("negative").filter(found == name).unique(maintain_order=True)
            for name in (*_RETRIEVERS, _OTHER)
        }
        by_list = self._pairs(part).group_by("qid", maintain_order=True)
        lists = by_list.agg(pl.col("positive").unique(maintain_order=True).alias("pos"), **negative)
        return lists.select("qid", "pos", neg=pl.struct(list(negative)))

    def _queries(self, part: Part) -> pl.DataFrame:
        lists = part.lists.join(self._pairs(part), on="qid", how="semi", maintain_order="left")
        return lists.select(_id="qid", text="query")

    def _qrels(self, part: Part) -> pl.DataFrame:
        pairs = self._pairs(part).unique(["qid", "positive"], maintain_order=True)
        return pairs.select(
            pl.col("qid").alias("query-id"),
            pl.col("positive").alias("corpus-id"),
            pl.lit(1, pl.Int32).alias("score"),
        )
