"""An evaluation collection in BEIR's layout, one for every split that is held out."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import File
from rankmill.export.held_out import HeldOut
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.unfit import fit, unfit
from rankmill.tables import Table

CORPUS = Table(
    name="corpus",
    key=("_id",),
    columns={"_id": pl.String, "title": pl.String, "text": pl.String},
)
QUERIES = Table(name="queries", key=("_id",), columns={"_id": pl.String, "text": pl.String})
QRELS = Table(
    name="qrels",
    key=("query-id", "corpus-id"),
    columns={"query-id": pl.String, "corpus-id": pl.String, "score": pl.Int32},
)
_BREAKS_A_LINE = r'[\t\r\n"]'


class Beir(HeldOut):
    """Corpus, queries and qrels as files; a folder of its own for every split.

    A query's candidates come from its own split, so only that split's documents are searched:
    those of the others were never judged for it.

    Paper: Thakur et al., "BEIR: A Heterogenous Benchmark for Zero-shot Evaluation of Information
    Retrieval Models", NeurIPS 2021.
    """

    kind: Literal["beir"] = "beir"
    columns: ClassVar[str] = (
        "an evaluation collection a split, as BEIR reads it: corpus.jsonl, queries.jsonl and "
        "qrels with whole grades; also for `rankmill bench-teacher`"
    )
    losses: ClassVar[tuple[str, ...]] = ("beir",)
    example: ClassVar[str] = """\
from beir.datasets.data_loader import GenericDataLoader

folder = "{data}/{config}/{split}"
corpus, queries, qrels = GenericDataLoader(folder).load(split="{split}")"""

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists of the splits written whose ids would break a line of the qrels."""
        del policy
        return unfit(self.held(pairs), _BREAKS_A_LINE, "a quote, a tab or the end of a line")

    def files(self) -> Sequence[File]:
        """`{split}/corpus.jsonl`, `{split}/queries.jsonl` and `{split}/qrels/{split}.tsv`."""
        return [
            File(path="{split}/corpus.jsonl", table=CORPUS, rows=self._corpus, of="corpus"),
            File(path="{split}/queries.jsonl", table=QUERIES, rows=self._queries),
            File(path="{split}/qrels/{split}.tsv", table=QRELS, rows=self._qrels),
        ]

    def _corpus(self, documents: pl.DataFrame) -> pl.DataFrame:
        return corpus_rows(self.held(documents))

    def _queries(self, part: Part) -> pl.DataFrame:
        judged = self._qrels(part).select(qid="query-id")
        return part.lists.join(judged, on="qid", how="semi").select(_id="qid", text="query")

    def _qrels(self, part: Part) -> pl.DataFrame:
        judged = part.documents.select(**{"query-id": "qid", "corpus-id": "docid"}, score="grade")
        return fit(self.held(judged, part.split), _BREAKS_A_LINE, "query-id", "corpus-id")


def corpus_rows(documents: pl.DataFrame) -> pl.DataFrame:
    """The columns of CORPUS."""
    return documents.select("title", "text", _id="docid")
