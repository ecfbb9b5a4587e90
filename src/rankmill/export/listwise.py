"""Lists with their labels, as the listwise losses of sentence-transformers read them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File, Scale
from rankmill.export.parts import NONE_MISSING, Part
from rankmill.export.policy import Policy
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
    """A query, its documents best first, and their labels.

    sentence-transformers takes `labels` as the target and every other column as an input, by
    position; so it holds no id. Row by row the ids are in the config `lists`.

    Attributes:
        labels: `grades`, or consensus `scores` for the losses that read nothing but their order.
        highest: The highest grade there may be. The gain of a grade g is 2^g - 1 to LambdaLoss:
            beyond a handful one document outweighs all others.
    """

    kind: Literal["listwise"] = "listwise"
    columns: ClassVar[str] = (
        "query, docs (best first), labels (as floats: their grades, or scores if the recipe asks)"
    )
    losses: ClassVar[tuple[str, ...]] = (
        *("lambdaloss", "listnet", "listmle", "plistmle"),
        *("ranknet", "adrmse"),
    )
    example: ClassVar[str] = """\
from datasets import load_dataset
from sentence_transformers import CrossEncoder, CrossEncoderTrainer
from sentence_transformers.cross_encoder.losses import LambdaLoss

reranker = CrossEncoder("microsoft/MiniLM-L12-H384-uncased", num_labels=1)
lists = load_dataset("{data}", "{config}", split="{split}")
CrossEncoderTrainer(model=reranker, train_dataset=lists, loss=LambdaLoss(reranker)).train()"""
    labels: Literal["grades", "scores"] = "grades"
    highest: int = Field(default=4, ge=1)

    @classmethod
    def suited(cls, loss: str) -> Mapping[str, Any]:
        """What reads only an order gets the whole of it, in which grades tie."""
        return {"labels": "scores"} if loss in {"ranknet", "adrmse"} else {}

    def refusal(self, scale: Scale) -> str | None:
        """Grades whose gains would drown each other."""
        best = scale.best_grade or 0
        if self.labels == "scores" or best <= self.highest:
            return None
        return (
            f"grades up to {best} have gains up to {2**best - 1:,} in LambdaLoss; let "
            f"settle.grades have {self.highest} steps at most, or `highest` be {best}, or ask for "
            "`ranknet`, which reads the order"
        )

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists with a grade that is too high, where the recipe alone could not tell."""
        del policy
        if self.labels == "scores":
            return NONE_MISSING
        best = pairs.group_by("qid", maintain_order=True).agg(pl.max("grade"))
        return best.filter(pl.col("grade") > self.highest).select(
            id="qid",
            rule=pl.lit("grade_too_high"),
            detail=pl.format(f"grade {{}}, at most {self.highest}; see settle.grades", "grade"),
        )

    def files(self) -> Sequence[File]:
        """`{split}.parquet`."""
        return [File(path="{split}.parquet", table=LISTWISE, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        label = pl.col("score" if self.labels == "scores" else "grade").cast(pl.Float32)
        lists = part.nested(part.documents, docs="words", labels=label)
        if self.labels == "grades":
            lists = lists.filter(pl.col("labels").list.max() <= self.highest)
        return lists.select(list(LISTWISE.columns))
