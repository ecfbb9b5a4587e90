"""Rule `licences`: whether the texts may be passed on at all."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Literal

import polars as pl

from rankmill.publish.findings import Finding, Rows
from rankmill.publish.shards import Batch
from rankmill.publish.spec import Gate

Kind = Literal["open", "noncommercial", "noderivatives", "forbidding", "unlicensed"]

_OPEN = {"Permissive", "Public Domain", "Copyleft", "Copyleft Limited"}
_HUB = {"bsd", "gfdl", "gpl", "lgpl", "mpl", "odbl", "odc-by", "pddl", "public-domain"}
"""Names of the hub, and one of the law, that no version stands behind."""


class Licences:
    """Sorts the documents of config `corpus`, and the dataset itself, by what their licence allows.

    The licences are those of ScanCode's list, which holds all of SPDX; a text under several that
    are joined by AND needs all of them to be open, by OR, one.
    """

    def __init__(self, gate: Gate, stated: str | None) -> None:
        self.gate, self.stated = gate, stated
        self.documents: Counter[str] = Counter()
        self.refused = Rows()

    def see(self, batch: Batch) -> None:
        """Look at some rows."""
        if batch.config != "corpus" or "licence" not in batch.rows.columns:
            return
        licences = batch.rows["licence"].cast(pl.String).fill_null("")
        self.documents.update(licences)
        closed = [one for one in licences.unique() if not self._fine(one)]
        for place in licences.is_in(closed).arg_true():
            self.refused.add(batch, place, f"is {self._kind(licences[place])}")

    def findings(self) -> Iterator[Finding]:
        """Every licence, how many documents it has, and what it allows."""
        lines = [
            f"{name or 'not stated'}: {count:,} documents, {self._kind(name)}"
            for name, count in self.documents.most_common()
        ]
        fine = self.stated is None or self._fine(self.stated)
        if self.stated is not None:
            lines.append(f"the dataset: {self.stated}, {self._kind(self.stated)}")
        rows = () if fine else (f"README.md license: {self.stated}",)
        yield Finding(
            rule="licences",
            passed=fine and not self.refused.count,
            found="\n".join(lines) or "no documents",
            limit=" or ".join(["open", *self._waved]),
            rows=(*rows, *self.refused.first),
            more=self.refused.more,
        )

    @property
    def _waved(self) -> list[str]:
        kinds = ("noncommercial", "noderivatives", "unlicensed")
        return [kind for kind in kinds if getattr(self.gate, kind)]

    def _kind(self, licence: str) -> Kind:
        return "open" if licence in self.gate.licences else kind_of(licence)

    def _fine(self, licence: str) -> bool:
        return self._kind(licence) in {"open", *self._waved}


@cache
def kind_of(licence: str) -> Kind:
    """What a licence allows: an SPDX expression, or a name that is one but for its spelling."""
    from license_expression import (  # type: ignore[import-untyped]
        ExpressionError,
        get_spdx_licensing,
    )

    name = licence.strip().lower()
    dashed = re.sub(r"[\s_-]+", "-", re.sub(r"\b(?:the|licen[cs]e|version)\b|,", " ", name).strip())
    if dashed in _HUB:
        return "open"
    for spelling in filter(None, (name, dashed, f"{dashed}-4.0")):
        with suppress(ExpressionError):
            return _allowed(get_spdx_licensing().parse(spelling, validate=True))
    return "unlicensed"


def _allowed(parsed: object) -> Kind:
    """Of licences joined by OR, the most open; by AND, the least."""
    order: list[Kind] = ["open", "noncommercial", "noderivatives", "forbidding", "unlicensed"]
    if parts := [_allowed(part) for part in getattr(parsed, "args", ())]:
        pick = min if getattr(parsed, "operator", "").strip() == "OR" else max
        return pick(parts, key=order.index)
    symbol = getattr(parsed, "license_symbol", parsed)
    return _single(str(getattr(symbol, "key", "")).lower())


def _single(key: str) -> Kind:
    category = _categories().get(key, "Unstated License")
    if category in _OPEN:
        return "open"
    words = key.split("-")
    if "nd" in words:
        return "noderivatives"
    if "nc" in words or "noncommercial" in key:
        return "noncommercial"
    return "unlicensed" if category == "Unstated License" else "forbidding"


@cache
def _categories() -> dict[str, str]:
    """Category by SPDX id, in lower case."""
    from license_expression import get_license_index

    return {
        str(name).lower(): str(entry["category"])
        for entry in get_license_index()
        for name in (
            entry["license_key"],
            entry.get("spdx_license_key"),
            *entry.get("other_spdx_license_keys", ()),
        )
        if name
    }
