"""An evaluation collection in the layout that mteb reads from the hub."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import File
from rankmill.export.beir import CORPUS, QRELS, QUERIES, corpus_rows
from rankmill.export.held_out import HeldOut
from rankmill.export.parts import Part
from rankmill.tables import Table

TOP_RANKED = Table(
    name="top_ranked",
    key=("query-id",),
    columns={"query-id": pl.String, "corpus-ids": pl.List(pl.String)},
)
INSTRUCTION = Table(
    name="instruction",
    key=("query-id",),
    columns={"query-id": pl.String, "instruction": pl.String},
)


class Mteb(HeldOut):
    """Configs `NAME-corpus`, `NAME-queries` and `NAME-qrels`: a task's subset is the name.

    mteb searches the split's own documents, those that a query's candidates came from.

    Paper: Muennighoff et al., "MTEB: Massive Text Embedding Benchmark", EACL 2023.

    Attributes:
        task: `reranking` gives every query the candidates of its list, in the retriever's order,
            and mteb ranks those alone.
        instruction: What every query is asked with; none if empty.
    """

    kind: Literal["mteb"] = "mteb"
    columns: ClassVar[str] = (
        "an evaluation collection as mteb reads it: ids with texts, and whole grades of pairs"
    )
    losses: ClassVar[tuple[str, ...]] = ("mteb",)
    example: ClassVar[str] = """\
from mteb.abstasks.retrieval_dataset_loaders import RetrievalDatasetLoader

loader = RetrievalDatasetLoader("{data}", revision=None, split="{split}", config="{config}")
collection = loader.load()"""
    task: Literal["retrieval", "reranking"] = "retrieval"
    instruction: str = ""

    def files(self) -> Sequence[File]:
        """`corpus`, `queries` and `qrels`, each with `{split}.parquet`, and what the task needs."""
        files = [
            File(path="corpus/{split}.parquet", table=CORPUS, rows=self._corpus, of="corpus"),
            File(path="queries/{split}.parquet", table=QUERIES, rows=self._queries),
            File(path="qrels/{split}.parquet", table=QRELS, rows=self._qrels),
        ]
        if self.task == "reranking":
            path = "top_ranked/{split}.parquet"
            files.append(File(path=path, table=TOP_RANKED, rows=self._top_ranked))
        if self.instruction:
            path = "instruction/{split}.parquet"
            files.append(File(path=path, table=INSTRUCTION, rows=self._instruction))
        return files

    def _corpus(self, documents: pl.DataFrame) -> pl.DataFrame:
        return corpus_rows(self.held(documents))

    def _queries(self, part: Part) -> pl.DataFrame:
        return self.held(part.lists, part.split).select(_id="qid", text="query")

    def _qrels(self, part: Part) -> pl.DataFrame:
        judged = part.documents.select(**{"query-id": "qid", "corpus-id": "docid"}, score="grade")
        return self.held(judged, part.split)

    def _top_ranked(self, part: Part) -> pl.DataFrame:
        found = pl.col("docid").sort_by("candidate_rank")
        lists = part.nested(part.documents, **{"corpus-ids": found})
        return self.held(lists, part.split).select("corpus-ids", **{"query-id": "qid"})

    def _instruction(self, part: Part) -> pl.DataFrame:
        queries = part.lists.select(**{"query-id": "qid"}, instruction=pl.lit(self.instruction))
        return self.held(queries, part.split)
