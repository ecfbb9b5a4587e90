"""Rule `licences`: whether the texts may be passed on at all."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Literal

import polars as pl

from rankmill.assemble.hub_licences import named
from rankmill.audit.findings import Finding, Rows
from rankmill.audit.shards import Batch
from rankmill.publish.spec import Gate

Limit = Literal["noncommercial", "noderivatives", "unlicensed", "forbidding"]
"""What keeps a text from being passed on. A gate can wave each but the last."""

_WAVED: tuple[Limit, ...] = ("noncommercial", "noderivatives", "unlicensed")
_OPEN = {"Permissive", "Public Domain", "Copyleft", "Copyleft Limited"}
_HUB = {"bsd", "cc0", "gfdl", "gpl", "lgpl", "mpl", "odbl", "odc-by", "pddl", "public-domain"}
"""Names of the hub, and one of the law, that no version stands behind."""
_OF_THE_PARSER = (AssertionError, IndexError)
"""What license-expression raises, beside its own, of brackets such as `()`."""


class Licences:
    """Sorts the documents of config `corpus`, and the dataset itself, by what their licence allows.

    The licences are those of ScanCode's list, which holds all of SPDX; a text under several that
    are joined by AND has the limits of them all, by OR, those of the one with the least.
    """

    def __init__(self, gate: Gate, stated: str | None) -> None:
        self.gate, self.stated = gate, stated
        self.waved = [limit for limit in _WAVED if getattr(gate, limit)]
        self.allowed = {*gate.licences, *filter(None, map(named, gate.licences))}
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
            self.refused.add(batch, place, f"is {self._said(licences[place])}")

    def findings(self) -> Iterator[Finding]:
        """Every licence, how many documents it has, and what it allows."""
        lines = [
            f"{name or 'not stated'}: {count:,} documents, {self._said(name)}"
            for name, count in self.documents.most_common()
        ]
        fine = self.stated is None or self._fine(self.stated)
        if self.stated is not None:
            lines.append(f"the dataset: {self.stated}, {self._said(self.stated)}")
        rows = () if fine else (f"README.md license: {self.stated}",)
        yield Finding(
            rule="licences",
            passed=fine and not self.refused.count,
            found="\n".join(lines) or "no documents",
            limit=" or ".join(["open", *self.waved]),
            rows=(*rows, *self.refused.first),
            more=self.refused.more,
        )

    def _limits(self, licence: str) -> frozenset[Limit]:
        return frozenset() if licence in self.allowed else limits_of(licence)

    def _said(self, licence: str) -> str:
        return " and ".join(sorted(self._limits(licence))) or "open"

    def _fine(self, licence: str) -> bool:
        return self._limits(licence) <= set(self.waved)


@cache
def limits_of(licence: str) -> frozenset[Limit]:
    """The limits of an SPDX expression, or a name that is one but for its spelling; none if open.

    What cannot be read as either is `unlicensed`.
    """
    from license_expression import (  # type: ignore[import-untyped]
        ExpressionError,
        get_spdx_licensing,
    )

    name = licence.strip().lower()
    dashed = re.sub(r"[\s_-]+", "-", re.sub(r"\b(?:the|licen[cs]e|version)\b|,", " ", name).strip())
    if dashed in _HUB:
        return frozenset()
    joined = (dashed.replace(f"-{word}-", f" {word} ") for word in ("or", "and"))
    for spelling in filter(None, (name, dashed, f"{dashed}-4.0", *joined)):
        with suppress(ExpressionError, *_OF_THE_PARSER):
            return _limits(get_spdx_licensing().parse(spelling, validate=True))
    return frozenset({"unlicensed"})


def _limits(parsed: object) -> frozenset[Limit]:
    """Of licences joined by OR, those of the one with the least; by AND, all."""
    if parts := [_limits(part) for part in getattr(parsed, "args", ())]:
        either = getattr(parsed, "operator", "").strip() == "OR"
        return min(parts, key=_weight) if either else frozenset().union(*parts)
    symbol = getattr(parsed, "license_symbol", parsed)
    return _single(str(getattr(symbol, "key", "")).lower())


def _weight(limits: frozenset[Limit]) -> tuple[bool, bool, int]:
    """Those that no gate waves weigh most, and then those that nobody has read."""
    return "forbidding" in limits, "unlicensed" in limits, len(limits)


def _single(key: str) -> frozenset[Limit]:
    category = _categories().get(key, "Unstated License")
    if category in _OPEN:
        return frozenset()
    words = key.split("-")
    found: set[Limit] = set()
    if "nd" in words:
        found.add("noderivatives")
    if "nc" in words or "noncommercial" in key:
        found.add("noncommercial")
    return frozenset(found or {"unlicensed" if category == "Unstated License" else "forbidding"})


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
