"""Triples that ColBERT learns from, by numbers and as texts."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.texts import WORDS
from rankmill.tables import Table

COLLECTION = Table(
    name="collection", key=("number",), columns={"number": pl.UInt32, "text": pl.String}
)
QUERIES = Table(name="queries", key=("number",), columns={"number": pl.UInt32, "text": pl.String})
NUMBERS = Table(name="numbers", key=(), columns={"triple": pl.List(pl.UInt32)})
TRIPLES = Table(
    name="triples",
    key=(),
    columns={"query": pl.String, "positive": pl.String, "negative": pl.String},
)


class Colbert(Exported):
    """Every positive with every negative of its query.

    ColBERT knows documents by their line in `collection.tsv`, and queries by a number: the row
    of a document in the config `corpus` of all splits in the order of the build, and of a query
    in the order of qids. Tabs and ends of lines in texts become spaces.

    Paper: Khattab & Zaharia, "ColBERT", SIGIR 2020; Santhanam et al., "ColBERTv2", NAACL 2022.

    Attributes:
        negatives: Most of a query, hardest first.
    """

    kind: Literal["colbert"] = "colbert"
    columns: ClassVar[str] = (
        "triples for ColBERT: triples.{split}.jsonl (numbers of query, positive, negative), "
        "queries.{split}.tsv and collection.tsv (number, text); triples.{split}.tsv has the texts"
    )
    losses: ClassVar[tuple[str, ...]] = ("colbert",)
    example: ClassVar[str] = """\
from colbert import Trainer

Trainer(
    triples="{data}/{config}/triples.{split}.jsonl",
    queries="{data}/{config}/queries.{split}.tsv",
    collection="{data}/{config}/collection.tsv",
).train()"""
    negatives: int = Field(default=15, ge=1)

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive or a negative."""
        return policy.lacking(pairs)

    def files(self) -> Sequence[File]:
        """Triples and queries of every split, and one collection."""
        return [
            File(path="triples.{split}.jsonl", table=NUMBERS, rows=self._numbers, bare=True),
            File(path="queries.{split}.tsv", table=QUERIES, rows=_queries, header=False),
            File(path="triples.{split}.tsv", table=TRIPLES, rows=self._texts, header=False),
            File(
                path="collection.tsv",
                table=COLLECTION,
                rows=_collection,
                of="corpus",
                header=False,
            ),
        ]

    def _numbers(self, part: Part) -> pl.DataFrame:
        triples = self._triples(part, pl.col("number"), pl.col("number"))
        return triples.select(triple=pl.concat_list("query", "positive", "negative"))

    def _texts(self, part: Part) -> pl.DataFrame:
        return self._triples(part, _line(pl.col("query")), _line(pl.col("words")))

    def _triples(self, part: Part, query: pl.Expr, document: pl.Expr) -> pl.DataFrame:
        """Columns query, positive and negative: these of the lists and of their documents."""
        queries = part.lists.select("qid", query=query)
        negatives = part.hardest(self.negatives).select("qid", negative=document)
        return (
            part.positives.select("qid", positive=document)
            .join(queries, on="qid", maintain_order="left")
            .join(negatives, on="qid", maintain_order="left_right")
            .select(list(TRIPLES.columns))
        )


def _queries(part: Part) -> pl.DataFrame:
    return part.lists.select("number", text=_line(pl.col("query")))


def _collection(documents: pl.DataFrame) -> pl.DataFrame:
    return documents.select("number", text=_line(WORDS))


def _line(text: pl.Expr) -> pl.Expr:
    """Text without anything that ends a column or a line."""
    return text.str.replace_many(dict.fromkeys("\t\n\r", " ")).str.strip_chars()
