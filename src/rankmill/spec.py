"""The base of every configuration object and every pluggable method."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MACHINE = {"machine": True}


def Machine(default: Any, **rules: Any) -> Any:  # noqa: ANN401 - a Field, spelled like one
    """A field that says where or how fast, never what: it is no part of a spec's identity."""
    return Field(default=default, json_schema_extra=dict(MACHINE), **rules)


class Spec(BaseModel):
    """A closed, immutable description. Its JSON, less its machine fields, is its identity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change whenever any field but a machine field does."""
        return digest(json.dumps(self.identity(), sort_keys=True))

    def identity(self) -> dict[str, Any]:
        """The fields that make this spec what it is, as plain JSON values in field order."""
        return {
            name: _plain(getattr(self, name))
            for name, field in type(self).model_fields.items()
            if field.json_schema_extra != MACHINE
        }


def digest(text: str) -> str:
    """Sixteen hex digits of the SHA-256 of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field's value
    if isinstance(value, Spec):
        return value.identity()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in sorted(value.items())}
    return value if isinstance(value, int | float | bool | None) else str(value)
