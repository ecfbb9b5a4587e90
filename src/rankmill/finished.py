"""A build as it lies on disk: what `rankmill show` and `rankmill status` read."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from rankmill import tablestore
from rankmill.errors import ConfigError, StageError
from rankmill.manifest import read_manifest
from rankmill.recipe import Recipe
from rankmill.report import StageReport
from rankmill.screen.passed import Passed, passed
from rankmill.settings import Settings
from rankmill.tables import LISTS, REJECTIONS, SCREENED, Table
from rankmill.tablestore import Output

DATASET = "dataset"
"""The dataset's folder, in a build's and in the stage's that made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A build folder and its manifest."""

    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def find(cls, settings: Settings, name: str) -> "Finished":
        """Open a build by its name or its folder.

        Raises:
            ConfigError: There is none; names the builds there are.
        """
        builds = settings.data / "builds"
        for folder in (Path(name), builds / name):
            if manifest := read_manifest(folder):
                return cls(folder=folder, manifest=manifest)
        known = sorted(path.parent.name for path in builds.glob("*/manifest.json"))
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"builds there: {', '.join(known) or 'none'}"
        raise ConfigError(f"no build {name} in {builds}; {hint}")

    @property
    def recipe(self) -> Recipe:
        """The recipe as it was resolved.

        Raises:
            ConfigError: This rankmill does not know it; another version resolved it.
        """
        try:
            return Recipe.model_validate(self.manifest["recipe"])
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ConfigError(
                f"{self.folder / 'manifest.json'}: made by another version of rankmill (recipe."
                f"{place}: {first['msg']}); rankmill build makes it anew, from the replies it has"
            ) from error

    @property
    def reports(self) -> list[StageReport]:
        """The counts of every stage, in the order they were made."""
        return [StageReport.from_json(s["report"]) for s in self.manifest["stages"].values()]

    def output(self, stage: str) -> Output:
        """A stage's tables.

        Raises:
            StageError: The build has not come that far.
        """
        folder = self.folder / "tables" / stage
        if stage not in self.manifest["stages"] or not folder.is_dir():
            raise StageError(f"{self.folder}: {stage} is not made yet; run rankmill build first")
        return tablestore.load(folder.resolve())

    @property
    def passed(self) -> list[Passed]:
        """The tests that its queries went through, in order; nothing before they are written."""
        if "generate" not in self.manifest["stages"]:
            return []
        made = self.output("generate")
        told = made.path(SCREENED).is_file()  # older builds do not tell the tests apart
        return passed(self.reports, made.read(SCREENED) if told else SCREENED.empty())

    def read(self, stage: str, table: Table) -> pl.DataFrame:
        """One table of one stage."""
        return self.output(stage).read(table)

    @property
    def left_out(self) -> pl.DataFrame:
        """REJECTIONS of the lists that the dataset left out of everything.

        The rules that its stage counts are those of whole lists. A list that one export could not
        use is in the others, and its rule is not counted.
        """
        if "assemble" not in self.manifest["stages"]:
            return REJECTIONS.empty()
        made = self.output("assemble")
        if not made.report.rejected:
            return REJECTIONS.empty()
        return (
            pl.scan_parquet(made.folder / DATASET / REJECTIONS.name)
            .filter(stage="assemble")
            .filter(pl.col("rule").is_in(list(made.report.rejected)))
            .collect()
        )

    @property
    def lists(self) -> pl.DataFrame:
        """LISTS; where the build has a dataset, those that it left out are not kept.

        Raises:
            StageError: The build has not come as far as `settle`.
        """
        out = self.left_out.select(qid="id", kept=False, reason="rule")
        return self.read("settle", LISTS).update(out, on="qid")
