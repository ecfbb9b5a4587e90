"""Tables in, dataset folder out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rankmill.assemble.card import render
from rankmill.assemble.facts import CardFacts, measure
from rankmill.assemble.files import write_manifest
from rankmill.assemble.spec import Assembly
from rankmill.errors import StageError
from rankmill.export import AssemblyInput, Exported, Ids, Labelled, Written, write, write_frame
from rankmill.tables import REJECTIONS

_MISSING = pl.DataFrame(schema={"export": pl.String, **REJECTIONS.columns})


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What a dataset folder holds.

    Attributes:
        files: What was written, those without a row left out.
        missing: Kept lists that an export could not use, by export and rule. They are in every
            other config, and named among the rejections.
    """

    files: Sequence[Written]
    missing: Mapping[str, Mapping[str, int]]

    @property
    def rows(self) -> Mapping[str, Mapping[str, int]]:
        """Rows by config and split."""
        found: dict[str, dict[str, int]] = {}
        for file in self.files:
            if file.config:
                found.setdefault(file.config, {})[file.split] = file.rows
        return found


def assemble(spec: Assembly, tables: AssemblyInput, folder: Path, facts: CardFacts) -> Assembled:
    """Write every config's files, README.md and MANIFEST.json into an empty folder.

    The same tables, spec and facts give the same bytes.

    Raises:
        TableError: An id leads nowhere, or a document is in another split than its query. Nothing
            is written then.
        StageError: No list was kept, so there is nothing to train on.
    """
    tables.check()
    if tables.labels.is_empty():
        raise StageError(f"assemble: expected a kept list, found 0 of {len(tables.lists):,}")
    labelled = Labelled(tables, spec.policy)
    missing = _missing(spec.exports, labelled)
    rejections = pl.concat([tables.rejections, missing.drop("export")])
    files = write((*spec.exports, Ids()), labelled, folder)
    files += write_frame(REJECTIONS, "rejected", rejections, folder)
    counts = missing.group_by("export", "rule").len().sort("export", "rule")
    made = Assembled(
        files=files,
        missing={
            str(name): dict(some.select("rule", "len").iter_rows())
            for (name,), some in counts.group_by("export", maintain_order=True)
        },
    )
    card = render(spec, facts, made.files, measure(tables))
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_manifest(folder)
    return made


def _missing(exports: Sequence[Exported], labelled: Labelled) -> pl.DataFrame:
    """REJECTIONS of lists that an export could not use, and the export."""
    lacking = [
        one.missing(labelled.pairs, labelled.policy).select(
            pl.lit(one.folder).alias("export"),
            pl.lit("assemble").alias("stage"),
            "id",
            "rule",
            pl.format("{}: {}", pl.lit(one.folder), "detail").alias("detail"),
        )
        for one in exports
    ]
    return pl.concat([_MISSING.clear(), *lacking])
