"""What is in a reply store: counted by teacher, or taken out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from rankmill.errors import ConfigError, StorageError
from rankmill.teachers.store.replies import ReplyStore

Seen = Callable[[int], None]
"""Told how many bytes more were read."""


def name_of(teacher: Mapping[str, Any]) -> str:
    """A teacher's kind and model in one word, such as `openai/gpt-4o-mini`."""
    return f"{teacher.get('kind', 'unknown')}/{teacher.get('model', 'unknown')}"


def survey(store: ReplyStore, *, seen: Seen) -> dict[str, Counter[str]]:
    """What every teacher answered, by its name.

    Returns:
        Counts of `replies`, their `bytes`, and tokens, by the names that `Reply` has for them.

    Raises:
        StorageError: A line of the store is damaged.
    """
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in store.lines():
        record = _record(line)
        counts = found[name_of(record["teacher"])]
        counts["replies"] += 1
        counts["bytes"] += len(line)
        for tokens in ("tokens_in", "tokens_cached", "tokens_out"):
            counts[tokens] += record["reply"].get(tokens, 0)
        seen(len(line))
    return dict(sorted(found.items()))


def taken(store: ReplyStore, teacher: str, *, seen: Seen) -> Iterator[bytes]:
    """The replies of one teacher, or of all if it is empty, as lines of JSON, oldest file first.

    Raises:
        ConfigError: There is none of that teacher.
        StorageError: A line of the store is damaged.
    """
    names: set[str] = set()
    for line in store.lines():
        name = name_of(_record(line)["teacher"])
        if teacher in {name, ""}:
            yield line
        names.add(name)
        seen(len(line))
    if teacher not in names and teacher:
        there = ", ".join(sorted(names)) or "nothing"
        raise ConfigError(f"no reply of {teacher}; there are those of {there}")


def _record(line: bytes) -> dict[str, Any]:
    try:
        record: dict[str, Any] = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise StorageError(
            f"the reply {line[8:24].decode(errors='replace')}… of the store is damaged: {error}; "
            "without its line the rest can be read, and what it answered is asked again"
        ) from error
    return record
