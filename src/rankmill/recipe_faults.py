"""What is wrong with a recipe, in one clause for each fault."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rankmill.spec import Spec


def faults(error: ValidationError) -> list[ErrorDetails]:
    """What is wrong, without what a number would lack to be a table, or a table to be a number."""
    faults = error.errors()
    places = [fault["loc"][:-1] for fault in faults]
    return [
        fault
        for fault in faults
        if fault["type"] not in {"model_type", "int_type"} or places.count(fault["loc"][:-1]) == 1
    ]


def explain(root: type[Spec], error: ErrorDetails, values: Any) -> str:  # noqa: ANN401 - TOML
    """One clause for one fault: where, what was found, what was expected."""
    where = list(_written(error["loc"], values))
    if error["type"] == "extra_forbidden":
        known = sorted(_fields(root, error["loc"][:-1]))
        near = difflib.get_close_matches(where[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
        return f"unknown key {'.'.join(where)}; {hint}"
    if error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return f"{'.'.join(where)}: {_kinds(error)}"
    if error["type"] == "missing":
        return f"missing key {'.'.join(where)}"
    message = error["msg"].removeprefix("Value error, ")
    found = error["input"]
    # An address may hold a password, and where a key's name belongs somebody may put the key.
    secret = any("endpoint" in part or part == "api_key_env" for part in where)
    plain = isinstance(found, str | int | float | bool) and not secret
    shown = f", found {found!r}" if plain else ""
    return f"{'.'.join(where)}: {message}{shown}" if where else message


def _written(location: Sequence[int | str], values: Any) -> Iterator[str]:  # noqa: ANN401 - TOML
    """A place as the recipe has it, without the kinds that pydantic puts in between."""
    for part in location:
        # One writer stands for a list of one; a writer and a sampler may leave their kind out.
        usual = ("few_shot", "duqgen")
        left_out = (0, values.get("kind"), *usual) if isinstance(values, dict) else ()
        is_kind = part in left_out and part not in values
        if is_kind or str(part).startswith("constrained-"):
            continue
        inside = isinstance(values, dict) and part in values
        listed = isinstance(values, list) and isinstance(part, int) and part < len(values)
        values = values[part] if inside or listed else None
        yield str(part)


def _kinds(error: ErrorDetails) -> str:
    context: Mapping[str, Any] = error.get("ctx", {})
    if "tag" not in context:
        return "missing key kind"
    known = context["expected_tags"].replace("'", "").split(", ")
    near = difflib.get_close_matches(str(context["tag"]), known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"unknown kind {context['tag']!r}; {hint}expected one of {', '.join(known)}"


def _fields(root: type[Spec], location: Sequence[int | str]) -> set[str]:
    """Keys allowed where an error was found, following field names and kinds down the specs."""
    specs = {root}
    for part in location:
        inner = {
            found
            for spec in specs
            for name, field in spec.model_fields.items()
            if name == part
            for found in _specs(field.annotation)
        }
        tagged = {s for s in specs if (k := s.model_fields.get("kind")) and k.default == part}
        specs = inner or tagged or specs
    return {name for spec in specs for name in spec.model_fields}


def _specs(annotation: Any) -> Iterator[type[Spec]]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        yield annotation
    for argument in get_args(annotation):
        yield from _specs(argument)
