"""Tables in, dataset folder out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from rankmill.assemble.about import about
from rankmill.assemble.apart import set_apart
from rankmill.assemble.card import Shown, render
from rankmill.assemble.facts import CardFacts, measure
from rankmill.assemble.files import write_manifest
from rankmill.assemble.pictures import draw
from rankmill.assemble.spec import Assembly
from rankmill.contamination import Looked, look
from rankmill.errors import StageError
from rankmill.export import AssemblyInput, Exported, Ids, Labelled, Written, write, write_frame
from rankmill.report import StageReport
from rankmill.tables import CONTAMINATION, REJECTIONS

_MISSING = pl.DataFrame(schema={"export": pl.String, **REJECTIONS.columns})


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What a dataset folder holds.

    Attributes:
        files: What was written, those without a row left out.
        report: Kept lists that were read and written; a list whose query is nearly one of
            another split is rejected.
        missing: Kept lists that an export could not use, by export and rule. They are in every
            other config, and named among the rejections.
    """

    files: Sequence[Written]
    report: StageReport
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
    tables, near, report = set_apart(tables, spec.near_duplicate)
    if tables.labels.is_empty():
        raise StageError(f"assemble: expected a kept list, found 0 of {len(tables.lists):,}")
    labelled = Labelled(tables, spec.policy, spec.order)
    missing = _missing(spec.exports, labelled)
    rejections = pl.concat([tables.rejections, near, missing.drop("export")])
    touched, looked = _looked(tables)
    files = write((*spec.exports, Ids()), labelled, folder)
    files += write_frame(REJECTIONS, "rejected", rejections, folder)
    files += write_frame(CONTAMINATION, "found", touched, folder)
    measures = measure(labelled)
    if measures.false_negatives:
        estimate = str(measures.false_negatives[0])
        report = replace(report, facts={**report.facts, "false negatives": estimate})
    made = Assembled(files=files, report=report, missing=_counted(missing))
    facts = replace(facts, reports=(*facts.reports, report))
    shown = Shown(measures=measures, looked=looked, pictures=draw(measures, folder))
    card = render(spec, facts, made.files, shown)
    (folder / "README.md").write_text(card, encoding="utf-8")
    write_manifest(folder, about(spec, facts, made.files, looked))
    return made


def _looked(tables: AssemblyInput) -> tuple[pl.DataFrame, list[Looked]]:
    """CONTAMINATION of what the dataset holds, and the collections it was held against."""
    return look(
        tables.evaluation,
        tables.documents,
        tables.kept,
        spec=tables.decontaminate,
        within=tables.clusters["docid"],
    )


def _counted(missing: pl.DataFrame) -> dict[str, dict[str, int]]:
    """How many lists are missing, by export and rule."""
    counts = missing.group_by("export", "rule").len().sort("export", "rule")
    return {
        str(name): dict(some.select("rule", "len").iter_rows())
        for (name,), some in counts.group_by("export", maintain_order=True)
    }


def _missing(exports: Sequence[Exported], labelled: Labelled) -> pl.DataFrame:
    """REJECTIONS of lists that an export could not use, and the export."""
    lacking = [
        one.unusable(labelled).select(
            pl.lit(one.folder).alias("export"),
            pl.lit("assemble").alias("stage"),
            "id",
            "rule",
            pl.format("{}: {}", pl.lit(one.folder), "detail").alias("detail"),
        )
        for one in exports
    ]
    return pl.concat([_MISSING.clear(), *lacking])
