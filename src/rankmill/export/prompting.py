"""Prompts for whole columns of lists: a student is shown what its teacher was shown."""

import re
from collections.abc import Iterator

import numpy as np
import polars as pl

from rankmill.errors import PromptError
from rankmill.label.probabilities import LETTERS
from rankmill.prompts import Prompt

TURN = pl.Struct({"role": pl.String, "content": pl.String})
"""One message of a conversation, in the columns that Hugging Face's chat templates read."""
TURNS = pl.List(TURN)
"""A conversation."""

_OPEN, _CLOSE = "\ue000", "\ue001"
_SPACES = r"[\s\x1c-\x1f]{2,}|[[\s\x1c-\x1f]--\x20]"
"""Any white space but a single space, so that hardly a text is changed."""
_MARK = re.compile(f"{_OPEN}(query|\\d+){_CLOSE}")


def as_data(texts: pl.Series, *, limit: int) -> pl.Series:
    """What `rankmill.prompts.as_data` makes of each of many texts."""
    flat = (
        texts.str.replace_all(_SPACES, " ")
        .str.strip_chars(" ")
        .str.replace_all(r"\[(\d+|[A-Z])\]", "(${1})")
        .str.replace_all(r"(?i)<(\||/?(?:document|query)\b)", "\u2039${1}")
    )
    head = flat.str.head(limit - 1).str.replace(r" [^ ]*$", "") + " …"
    return flat.zip_with(flat.str.len_chars() <= limit, head)


def conversations(
    prompt: Prompt, variables: frozenset[str], rows: pl.DataFrame, **values: object
) -> pl.Series:
    """A prompt's turns for every row.

    The prompt is rendered once for each number of documents, with marks where texts go; the texts
    are put in by columns.

    Args:
        prompt: A conversation.
        variables: What it must fill in: some of query, documents, labels (letters) and `values`.
        rows: Columns query and documents (a list of texts), both as data.
        values: What else it may fill in.

    Returns:
        Conversations: `TURNS`.

    Raises:
        PromptError: The prompt fills in something else, or does more with a text than to put it
            in.
    """
    if set(prompt.front["variables"]) != variables:
        raise PromptError(
            f"prompt {prompt.name}: expected variables {sorted(variables)}, "
            f"found {sorted(prompt.front['variables'])}"
        )
    size = pl.col("documents").list.len()
    numbered = rows.select("query", "documents", size=size).with_row_index("row")
    many = numbered.partition_by("size", maintain_order=True)
    filled = [pl.DataFrame(schema={"row": pl.get_index_type(), "prompt": TURNS})]
    filled += [_filled(prompt, some, values) for some in many]
    return pl.concat(filled).sort("row")["prompt"]


def system_and_user(prompt: Prompt, turns: pl.Series) -> pl.DataFrame:
    """Columns system and user, for consumers that know no other turns.

    Raises:
        PromptError: The prompt has others.
    """
    roles = [role for role, _ in prompt.turns]
    if roles not in (["system", "user"], ["user"]):
        raise PromptError(
            f"prompt {prompt.name}: expected one turn of the user, with or without one of the "
            f"system before it, found {roles}"
        )
    said = [turns.list.get(place).struct.field("content").alias(r) for place, r in enumerate(roles)]
    columns = pl.DataFrame(said)
    return columns if "system" in roles else columns.with_columns(system=pl.lit(""))


def _filled(prompt: Prompt, rows: pl.DataFrame, values: dict[str, object]) -> pl.DataFrame:
    """The turns of rows that all have as many documents."""
    query, documents = rows.select("query", "documents").row(0)
    marks = [_mark(place) for place in range(len(documents))]
    turns = _turns(prompt, _mark("query"), marks, values)
    said = pl.concat(
        [rows.select(role=pl.repeat(role, pl.len()), content=_put_in(text)) for role, text in turns]
    )
    # pl.concat_list would copy every text once more; this moves views of them.
    row_by_row = np.arange(len(said)).reshape(len(turns), len(rows)).T.ravel()
    every = said[row_by_row].to_struct("prompt").reshape((len(rows), len(turns)))
    filled = rows.select("row", every.arr.to_list())
    first = [(turn["role"], turn["content"]) for turn in filled["prompt"][0]]
    if first != _turns(prompt, query, documents, values):
        raise PromptError(
            f"prompt {prompt.name}: an export needs one that puts every text in as it is"
        )
    return filled


def _turns(
    prompt: Prompt, query: str, documents: list[str], values: dict[str, object]
) -> list[tuple[str, str]]:
    known = {"query": query, "documents": documents, "labels": LETTERS[: len(documents)], **values}
    asked_for = {key: known[key] for key in prompt.front["variables"] if key in known}
    return [(turn.role, turn.content) for turn in prompt.messages(**asked_for)]


def _mark(name: object) -> str:
    return f"{_OPEN}{name}{_CLOSE}"


def _put_in(text: str) -> pl.Expr:
    """A text with the columns that its marks stand for."""
    return pl.concat_str(list(_pieces(text)))


def _pieces(text: str) -> Iterator[pl.Expr]:
    for place, piece in enumerate(_MARK.split(text)):
        if place % 2 == 0:
            yield pl.lit(piece)
        elif piece == "query":
            yield pl.col("query")
        else:
            yield pl.col("documents").list.get(int(piece))
