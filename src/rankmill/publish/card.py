"""What the gate has to do with the card: the licence it states, and reasons that go into it."""

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from rankmill.assemble.files import MANIFEST
from rankmill.assemble.markdown import prose
from rankmill.audit.digests import read_manifest
from rankmill.audit.findings import Finding

CARD = "README.md"
_BEGIN, _END = "<!-- rankmill gate -->", "<!-- /rankmill gate -->"
_SECTION = re.compile(rf"\n*{re.escape(_BEGIN)}.*?{re.escape(_END)}\n*", re.DOTALL)


def stated_licence(folder: Path) -> str | None:
    """The licence in the card's front matter, by its name if the hub has no id for it."""
    path = folder / CARD
    if not path.is_file():
        return None
    front = _front(path)
    licence = front.get("license")
    stated = front.get("license_name", licence) if licence == "other" else licence
    return " AND ".join(map(str, stated)) if isinstance(stated, list) else stated


def _front(path: Path) -> dict[str, Any]:
    from huggingface_hub import metadata_load

    return metadata_load(path) or {}


def with_reasons(
    folder: Path, findings: Sequence[Finding], reasons: Mapping[str, str]
) -> Mapping[str, bytes]:
    """The card with a section on what went out all the same, and the MANIFEST.json of that card.

    The same findings and reasons give the same bytes; without any that failed, there are none.
    """
    held = [finding for finding in findings if not finding.passed and finding.rule in reasons]
    if not held:
        return {}
    card = (folder / CARD).read_text(encoding="utf-8")
    text = f"{_SECTION.sub(chr(10), card).rstrip()}\n\n{_section(held, reasons)}\n".encode()
    manifest = read_manifest(folder)
    manifest["files"][CARD] = {"bytes": len(text), "sha256": sha256(text).hexdigest()}
    listing = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    return {CARD: text, MANIFEST: listing.encode()}


def _section(held: Sequence[Finding], reasons: Mapping[str, str]) -> str:
    rows = (
        f"| `{finding.rule}` | {_cell(finding.found)} | {finding.limit} | "
        f"{_cell(reasons[finding.rule])} |"
        for finding in held
    )
    lines = (
        _BEGIN,
        "## Published all the same",
        "",
        "Rules of the safety gate that this dataset does not pass, and why it was published.",
        "",
        "| rule | found | expected | reason |",
        "| --- | --- | --- | --- |",
        *rows,
        _END,
    )
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text in one cell of a table, its lines one after the other."""
    return prose(text.replace("\n", "; "))
