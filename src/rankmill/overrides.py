"""`--set KEY=VALUE`: one value of a recipe, said on the command line."""

import tomllib
from typing import Any

from rankmill.errors import ConfigError


def set_value(values: dict[str, Any], override: str) -> None:
    """Change one value of what a TOML file holds, in place.

    Args:
        values: The file's.
        override: Such as `sample.documents=50`; what stands right of the equals sign is TOML, or
            else a plain string. A list's item goes by its place, or by its `name`.

    Raises:
        ConfigError: It is no such text, or leads nowhere.
    """
    path, equals, text = override.partition("=")
    *parents, last = keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set {override}: expected KEY=VALUE, such as sample.documents=100")
    place: Any = values
    for key in parents:
        place = _child(place, key, override)
    value = _toml(text.strip())
    if isinstance(place, list):
        place[_index(place, last, override)] = value
    else:
        place[last] = value


def _child(place: Any, key: str, override: str) -> Any:  # noqa: ANN401 - a TOML value
    if isinstance(place, list):
        return place[_index(place, key, override)]
    child = place.setdefault(key, {})
    if not isinstance(child, dict | list):
        raise ConfigError(f"--set {override}: {key} is a value, not a table: {child!r}")
    return child


def _index(items: list[Any], key: str, override: str) -> int:
    """A place in a list of tables: a number, or the `name` of one of them."""
    names = [item.get("name") for item in items if isinstance(item, dict)]
    if key in names:
        return names.index(key)
    if key.isdecimal() and int(key) < len(items):
        return int(key)
    known = [name for name in names if name] or f"0 to {len(items) - 1}"
    raise ConfigError(f"--set {override}: no item {key}; expected one of {known}")


def _toml(text: str) -> Any:  # noqa: ANN401 - a TOML value
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
