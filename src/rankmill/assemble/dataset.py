"""Tables in, dataset folder out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rankmill.assemble.card import render
from rankmill.assemble.configs import CONFIGS, REJECTED
from rankmill.assemble.facts import CardFacts, measure
from rankmill.assemble.files import write_manifest, write_rows
from rankmill.assemble.rows import Rows
from rankmill.assemble.spec import Assembly
from rankmill.assemble.tables import SPLITS, AssemblyInput
from rankmill.errors import StageError
from rankmill.tables import REJECTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What a dataset folder holds.

    Attributes:
        rows: Number of rows by config and split; what is empty is left out.
        without_triplets: Kept lists that give no triplet, by rule. They are in every other config,
            and named among the rejections.
    """

    rows: Mapping[str, Mapping[str, int]]
    without_triplets: Mapping[str, int]


def assemble(spec: Assembly, tables: AssemblyInput, folder: Path, facts: CardFacts) -> Assembled:
    """Write `<config>/<split>.parquet`, README.md and MANIFEST.json into an empty folder.

    The same tables, spec and facts give the same bytes.

    Raises:
        TableError: An id leads nowhere, or a document is in another split than its query. Nothing
            is written then.
        StageError: No list was kept, so there is nothing to train on.
    """
    tables.check()
    if tables.labels.is_empty():
        raise StageError(f"assemble: expected a kept list, found 0 of {len(tables.lists):,}")
    rows = Rows(spec, tables)
    counts: dict[str, dict[str, int]] = {}
    for config in CONFIGS:
        for split in (REJECTED,) if config is REJECTIONS else SPLITS:
            path = folder / config.name / f"{split}.parquet"
            if count := write_rows(path, config, rows.of(config.name, split)):
                counts.setdefault(config.name, {})[split] = count
    card = render(spec, facts, counts, measure(tables))
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_manifest(folder)
    gaps = rows.without_triplets.group_by("rule").len().sort("rule")
    return Assembled(rows=counts, without_triplets=dict(gaps.iter_rows()))
