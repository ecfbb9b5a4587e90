"""Lines that FlagEmbedding fine-tunes embedders and rerankers from."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field

from rankmill.export.base import Exported, File, Scale
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.tables import Schema, Table


class _Flag(Exported):
    """A query, its positives and its negatives, in one line of JSON.

    FlagEmbedding draws negatives from `neg` and stops where it is empty, so a list without any
    is left out, and named among the rejections. It reads every `.jsonl` of a folder: name it one
    file, or it trains on the splits that are held out.

    Attributes:
        negatives: Most of a line, hardest first. Fewer than FlagEmbedding's `train_group_size`
            less one are drawn repeatedly.
        scores: Add `pos_scores` and `neg_scores`, the consensus scores that FlagEmbedding's
            `knowledge_distillation` needs.
    """

    negatives: int = Field(default=15, ge=1)
    scores: bool = False

    @property
    @abstractmethod
    def extra(self) -> Mapping[str, str]:
        """Texts that are the same in every line, by field."""

    @classmethod
    def suited(cls, loss: str) -> Mapping[str, Any]:
        """Distillation needs scores."""
        return {"scores": True} if loss.endswith("distillation") else {}

    def refusal(self, scale: Scale) -> str | None:
        """Its distillation takes a softmax of the scores."""
        return scale.unmeasured("`scores = false`") if self.scores else None

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists without a positive or a negative."""
        return policy.lacking(pairs)

    def files(self) -> Sequence[File]:
        """`{split}.jsonl`."""
        texts, numbers = pl.List(pl.String), pl.List(pl.Float64)
        columns: Schema = {
            "query": pl.String,
            "pos": texts,
            "neg": texts,
            **({"pos_scores": numbers, "neg_scores": numbers} if self.scores else {}),
            **dict.fromkeys(self.extra, pl.String),
        }
        table = Table(name=self.kind, key=(), columns=columns)
        return [File(path="{split}.jsonl", table=table, rows=self._rows)]

    def _rows(self, part: Part) -> pl.DataFrame:
        positive, negative = {"pos": "words"}, {"neg": "words"}
        if self.scores:
            positive, negative = (
                positive | {"pos_scores": "score"},
                negative | {"neg_scores": "score"},
            )
        constants = {name: pl.lit(text) for name, text in self.extra.items()}
        lists = part.contrasted(self.negatives, positive, negative)
        return lists.select("query", *positive, *negative, **constants)


class FlagEmbedding(_Flag):
    """Lines for embedders.

    Attributes:
        prompt: The instruction of its queries, if they are to have their own.
        type: What sort of task it is to FlagEmbedding, which makes no batch of two sorts.
    """

    kind: Literal["flagembedding"] = "flagembedding"
    columns: ClassVar[str] = (
        "lines for FlagEmbedding's embedders: query, pos, neg (lists of texts, hardest negatives "
        "first), and where asked pos_scores, neg_scores, prompt, type"
    )
    losses: ClassVar[tuple[str, ...]] = ("flagembedding", "bge", "bge-distillation")
    example: ClassVar[str] = """\
# torchrun -m FlagEmbedding.finetune.embedder.encoder_only.base
#   --model_name_or_path BAAI/bge-base-en-v1.5 --train_data {data}/{config}/{split}.jsonl ..."""
    prompt: str | None = None
    type: str | None = None

    @property
    def extra(self) -> Mapping[str, str]:
        """Texts that are the same in every line, by field."""
        return {k: v for k, v in {"prompt": self.prompt, "type": self.type}.items() if v}


class FlagReranker(_Flag):
    """Lines for rerankers.

    Attributes:
        query_prompt: Put before every query, where FlagEmbedding is told to use instructions.
        passage_prompt: Put before every document.
        prompt: What a reranker that is an LLM is asked.
    """

    kind: Literal["flag_reranker"] = "flag_reranker"
    columns: ClassVar[str] = (
        "lines for FlagEmbedding's rerankers: query, pos, neg (lists of texts, hardest negatives "
        "first), and where asked pos_scores, neg_scores, query_prompt, passage_prompt, prompt"
    )
    losses: ClassVar[tuple[str, ...]] = (
        *("bge-reranker", "flag-reranker"),
        "bge-reranker-distillation",
    )
    example: ClassVar[str] = """\
# torchrun -m FlagEmbedding.finetune.reranker.encoder_only.base
#   --model_name_or_path BAAI/bge-reranker-base --train_data {data}/{config}/{split}.jsonl ..."""
    query_prompt: str | None = None
    passage_prompt: str | None = None
    prompt: str | None = None

    @property
    def extra(self) -> Mapping[str, str]:
        """Texts that are the same in every line, by field."""
        texts = {
            "query_prompt": self.query_prompt,
            "passage_prompt": self.passage_prompt,
            "prompt": self.prompt,
        }
        return {name: text for name, text in texts.items() if text}
