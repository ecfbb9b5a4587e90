"""What teachers were asked and what they said, for a person to read."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rankmill.errors import ConfigError
from rankmill.teachers.store import ReplyStore
from rankmill.teachers.store.survey import name_of

_SOME = 4


def only(store: ReplyStore, key: str) -> Mapping[str, Any]:
    """The record of the one reply whose key begins with `key`.

    Raises:
        ConfigError: There is none, or there are several.
    """
    if not re.fullmatch("[0-9a-f]{1,32}", key):
        raise ConfigError(f"expected a key, which is 32 hex digits, or its beginning, found {key}")
    found = store.named(key, _SOME)
    if len(found) > 1:
        these = ", ".join(found) + (", …" if len(found) == _SOME else "")
        raise ConfigError(f"several keys begin with {key}: {these}")
    record = store.record(found[0]) if found else None
    if record is None:
        raise ConfigError(f"no reply's key begins with {key}")
    return record


def summary(found: Mapping[str, Counter[str]], files: int, size: int) -> RenderableType:
    """What is in a store, teacher by teacher.

    Args:
        found: See `survey`.
        files: How many journals there are.
        size: Their bytes.
    """
    table = Table("teacher", box=None)
    for heading in ("replies", "tokens in", "cached", "tokens out", "MB"):
        table.add_column(heading, justify="right")
    for teacher, counts in found.items():
        tokens = (f"{counts[name]:,}" for name in ("tokens_in", "tokens_cached", "tokens_out"))
        megabytes = f"{counts['bytes'] / 1e6:,.1f}"
        table.add_row(Text(teacher), f"{counts['replies']:,}", *tokens, megabytes)
    whole = sum(found.values(), Counter())
    idle = (size - whole["bytes"]) / 1e6
    rest = f", {idle:,.1f} MB of them replies that do not count" if idle >= 0.1 else ""
    told = f"{whole['replies']:,} replies in {files:,} files, {size / 1e6:,.1f} MB{rest}"
    return Group(table, "", told) if found else Text(told)


def exchange(record: Mapping[str, Any]) -> RenderableType:
    """One request and its reply, for a person to read."""
    request, reply = record["request"], record["reply"]
    texts = {name: value for name, value in request.items() if isinstance(value, str) and value}
    turns = [(turn["role"], turn["content"]) for turn in request.get("messages", ())]
    told = {"messages", *texts}
    asked = ", ".join(
        f"{name} {value}"
        for name, value in request.items()
        if name not in told and (value or name == "temperature")
    )
    tokens = f"{reply['tokens_in']:,} tokens in, {reply['tokens_out']:,} out"
    cached = reply.get("tokens_cached", 0)
    return Group(
        Text(record["key"], style="bold"),
        Text(f"{name_of(record['teacher'])}, trial {record['trial']}"),
        Text(f"{tokens}, {cached:,} cached" if cached else tokens),
        Text(asked, style="dim"),
        *(_section(*turn) for turn in (*turns, *texts.items())),
        *([_section("reasoning", reply["reasoning"])] if reply["reasoning"] else []),
        _section(f"reply, {reply['finish_reason']}", reply["text"]),
        *_figures(reply),
    )


def _section(heading: str, text: str) -> RenderableType:
    return Group("", Text(heading, style="bold"), Padding(Text(text), (0, 0, 0, 2)))


def _figures(reply: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What a reply says in numbers."""
    if reply["top_logprobs"]:
        table = Table("first token", box=None)
        for heading in ("log-probability", "probability"):
            table.add_column(heading, justify="right")
        for token, value in reply["top_logprobs"]:
            table.add_row(Text(repr(token)), f"{value:.3f}", f"{math.exp(value):.1%}")
        yield Group("", table)
    if values := reply["logprobs"]:
        listed = " ".join(f"{value:.3f}" for value in values)
        yield _section(f"log-probabilities of the text's tokens, mean {fmean(values):.3f}", listed)
    if scores := reply.get("scores"):
        listed = " ".join(f"{value:.4g}" for value in scores)
        yield _section("attention to each document", listed)
