"""Plain values as TOML, so that a card's recipe can be saved and built again."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

_TABLE, _ITEM = "[{}]", "[[{}]]"


def dumps(values: Mapping[str, Any]) -> str:
    """Write nested mappings, lists, texts, numbers and booleans; a null is left out.

    What `tomllib` reads back equals `values`, less its nulls.
    """
    return "\n".join(_table(values, ())).lstrip("\n") + "\n"


def _table(values: Mapping[str, Any], path: Sequence[str]) -> list[str]:
    plain, nested = [], []
    for key, value in values.items():
        if isinstance(value, Mapping):
            nested += _headed(_TABLE, value, (*path, key))
        elif value and _holds_tables(value):
            nested += [line for item in value for line in _headed(_ITEM, item, (*path, key))]
        elif value is not None:
            plain.append(f"{_key(key)} = {_value(value)}")
    return plain + nested


def _headed(brackets: str, table: Mapping[str, Any], path: Sequence[str]) -> list[str]:
    """A header and its table. One that holds nothing but tables needs no header of its own."""
    body = _table(table, path)
    implied = brackets == _TABLE and body[:1] == [""]
    return body if implied else ["", brackets.format(".".join(map(_key, path))), *body]


def _holds_tables(value: Any) -> bool:  # noqa: ANN401 - any plain value
    return isinstance(value, list | tuple) and all(isinstance(item, Mapping) for item in value)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _text(key)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:  # noqa: ANN401 - any plain value
    match value:
        case str():
            return _text(value)
        case bool():
            return str(value).lower()
        case float() if not math.isfinite(value):
            return str(value)
        case int() | float():
            return repr(value)
        case Mapping():
            pairs = ((key, item) for key, item in value.items() if item is not None)
            inner = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in pairs)
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            return f"[{', '.join(_value(item) for item in value if item is not None)}]"
