"""Queries and a corpus by ids, as NVIDIA's AutoModel reads them."""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.texts import WORDS
from rankmill.tables import Table

_ID = pl.Struct({"id": pl.String})
QUESTIONS = Table(
    name="questions",
    key=("question_id",),
    columns={
        "question_id": pl.String,
        "question": pl.String,
        "corpus_id": pl.String,
        "pos_doc": pl.List(_ID),
        "neg_doc": pl.List(_ID),
    },
)
CORPUS = Table(name="corpus", key=("id",), columns={"id": pl.String, "text": pl.String})


class Automodel(Exported):
    """One JSON file a split that names documents by ids, and the corpus beside it.

    Attributes:
        corpus_id: By what the questions name the corpus. AutoModel refuses two corpora of one
            name, so datasets that are trained on together each need their own.
        negatives: Most of a question, hardest first.
    """

    kind: Literal["automodel"] = "automodel"
    columns: ClassVar[str] = (
        "NVIDIA AutoModel's retrieval data: a JSON file a split (question_id, question, pos_doc, "
        "neg_doc: ids, hardest first), and the corpus that it reads (id, text)"
    )
    losses: ClassVar[tuple[str, ...]] = ("automodel", "nemo")
    example: ClassVar[str] = """\
from nemo_automodel.components.datasets.llm.retrieval_dataset import load_datasets

questions, corpora = load_datasets("{data}/{config}/{split}.json")"""
    corpus_id: str = Field(default="rankmill", min_length=1)
    negatives: int = Field(default=15, ge=1)

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive or a negative."""
        return policy.lacking(pairs)

    def files(self) -> Sequence[File]:
        """`{split}.json`, and the corpus in `corpus/train.parquet`, whatever the split."""
        before = '{"corpus": [{"path": "corpus/"}], "data": '
        return [
            File(path="{split}.json", table=QUESTIONS, rows=self._rows, around=(before, "}")),
            File(path="corpus/train.parquet", table=CORPUS, rows=_corpus, of="corpus"),
        ]

    def notes(self, splits: Sequence[str]) -> Mapping[str, str]:
        """What the corpus is."""
        del splits
        facts = {"corpus_id": self.corpus_id, "class": "TextQADataset"}
        return {"corpus/merlin_metadata.json": json.dumps(facts) + "\n"}

    def _rows(self, part: Part) -> pl.DataFrame:
        ids = pl.struct(id="docid")
        return part.contrasted(self.negatives, {"pos_doc": ids}, {"neg_doc": ids}).select(
            "pos_doc",
            "neg_doc",
            question_id="qid",
            question="query",
            corpus_id=pl.lit(self.corpus_id),
        )


def _corpus(documents: pl.DataFrame) -> pl.DataFrame:
    return documents.select(id="docid", text=WORDS)
