"""Lists with their grades, as the listwise losses of sentence-transformers read them."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import polars as pl

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.tables import Table

LISTWISE = Table(
    name="listwise",
    key=(),
    columns={
        "query": pl.String,
        "docs": pl.List(pl.String),
        "labels": pl.List(pl.Float32),
    },
)


class Listwise(Exported):
    """A query, its documents best first, and their grades.

    sentence-transformers takes `labels` as the target and every other column as an input, by
    position; so it holds no id. Row by row the ids are in the config `lists`.
    """

    kind: Literal["listwise"] = "listwise"
    columns: ClassVar[str] = "query, docs (best first), labels (their grades, as floats)"
    losses: ClassVar[tuple[str, ...]] = ("lambdaloss", "listnet", "listmle", "plistmle", "ranknet")
    example: ClassVar[str] = """\
from datasets import load_dataset
from sentence_transformers import CrossEncoder, CrossEncoderTrainer
from sentence_transformers.cross_encoder.losses import LambdaLoss

reranker = CrossEncoder("microsoft/MiniLM-L12-H384-uncased", num_labels=1)
lists = load_dataset("{data}", "{config}", split="{split}")
CrossEncoderTrainer(model=reranker, train_dataset=lists, loss=LambdaLoss(reranker)).train()"""

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=LISTWISE, rows=_listwise)]


def _listwise(part: Part) -> pl.DataFrame:
    labels = pl.col("grade").cast(pl.Float32)
    return part.nested(part.documents, docs="words", labels=labels).select(list(LISTWISE.columns))
