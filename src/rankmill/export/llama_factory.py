"""Supervised fine-tuning with LLaMA-Factory."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import polars as pl

from rankmill.export.answers import Answers
from rankmill.export.base import File
from rankmill.export.parts import Part
from rankmill.export.prompting import system_and_user
from rankmill.tables import Table

ALPACA = Table(
    name="alpaca",
    key=(),
    columns={
        "instruction": pl.String,
        "input": pl.String,
        "output": pl.String,
        "system": pl.String,
    },
)
SHAREGPT = Table(
    name="sharegpt",
    key=(),
    columns={
        "conversations": pl.List(pl.Struct({"from": pl.String, "value": pl.String})),
        "system": pl.String,
    },
)
_COLUMNS = {
    "alpaca": {
        "prompt": "instruction",
        "query": "input",
        "response": "output",
        "system": "system",
    },
    "sharegpt": {"messages": "conversations", "system": "system"},
}


class LlamaFactory(Answers):
    """One array for each split, and the entries of `dataset_info.json` that say what is in it.

    The folder is a `dataset_dir`; a dataset is called by the export's name and the split's, such
    as `llama-factory-train`. `reasonrank-sft` gives the columns of ReasonRank's rows.

    Paper: Zheng et al., "LlamaFactory", ACL 2024.
    """

    kind: Literal["llama-factory"] = "llama-factory"
    form: Literal["alpaca", "sharegpt"] = "alpaca"
    columns: ClassVar[str] = (
        "prompts and answers for LLaMA-Factory, and its dataset_info.json: this folder is a "
        "`dataset_dir`"
    )
    losses: ClassVar[tuple[str, ...]] = ("llama-factory", "reasonrank-sft")

    @classmethod
    def suited(cls, loss: str) -> dict[str, str]:
        """With reasoning, for `reasonrank-sft`."""
        return {"answer": "reasoned", "name": loss} if loss == "reasonrank-sft" else {}

    def files(self) -> Sequence[File]:
        """`{split}.json`, an array."""
        table = ALPACA if self.form == "alpaca" else SHAREGPT
        return [File(path="{split}.json", table=table, rows=self._rows)]

    def notes(self, splits: Sequence[str]) -> Mapping[str, str]:
        """`dataset_info.json`."""
        entries: dict[str, Any] = {
            f"{self.folder}-{split}": {
                "file_name": f"{split}.json",
                "formatting": self.form,
                "columns": _COLUMNS[self.form],
            }
            for split in splits
        }
        return {"dataset_info.json": json.dumps(entries, indent=2) + "\n"}

    def _rows(self, part: Part) -> pl.DataFrame:
        rows = self.answered(part)
        asked = rows.hstack(system_and_user(self.found(part), rows["prompt"]))
        if self.form == "alpaca":
            return asked.select("system", instruction="user", input=pl.lit(""), output="said")
        said = [
            pl.struct(pl.lit(role).alias("from"), pl.col(column).alias("value"))
            for role, column in (("human", "user"), ("gpt", "said"))
        ]
        return asked.select("system", conversations=pl.concat_list(said))
