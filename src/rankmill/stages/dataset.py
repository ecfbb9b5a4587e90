"""Labels to a dataset folder: assemble, publish."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from rankmill import __version__
from rankmill.assemble import AssemblyInput, CardFacts
from rankmill.assemble import assemble as write_dataset
from rankmill.build import Build
from rankmill.depends import inputs
from rankmill.folders import copy_whole
from rankmill.report import StageReport
from rankmill.tables import (
    CANDIDATES,
    CLUSTERS,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    LISTS,
    QUERIES,
    REJECTIONS,
)
from rankmill.tablestore import Draft, Output

DATASET = "dataset"


def assemble(build: Build, stages: Sequence[Output]) -> Output:
    """The tables of all stages to a dataset folder."""
    recipe = build.recipe
    names = [recipe.generate.prompt, *(view.prompt for view in recipe.views)]
    prompts = {name: build.prompt(name).fingerprint for name in names}

    def make(draft: Draft) -> StageReport:
        facts = CardFacts(
            name=recipe.name,
            version=__version__,
            recipe=recipe.identity(),
            prompts=prompts,
            reports=[output.report for output in stages],
        )
        folder = draft.folder / DATASET
        folder.mkdir()
        tables = _tables({output.stage: output for output in stages})
        written = write_dataset(recipe.assemble, tables, folder, facts)
        kept = int(tables.lists["kept"].sum())
        rows = {config: sum(splits.values()) for config, splits in written.rows.items()}
        return StageReport(stage="assemble", read=kept, written=kept, facts=rows)

    depends = {
        "recipe": recipe.fingerprint,
        "version": __version__,
        **{f"prompt {name}": fingerprint for name, fingerprint in prompts.items()},
        **inputs(*stages),
    }
    return build.once("assemble", depends, make)


def _tables(made: Mapping[str, Output]) -> AssemblyInput:
    rejections = [o.read(REJECTIONS) for o in made.values() if o.path(REJECTIONS).is_file()]
    return AssemblyInput(
        documents=made["ingest"].path(DOCUMENTS),
        clusters=made["cluster"].read(CLUSTERS),
        queries=made["generate"].read(QUERIES),
        candidates=made["retrieve"].read(CANDIDATES),
        judgments=made["label"].read(JUDGMENTS),
        labels=made["settle"].read(LABELS),
        lists=made["settle"].read(LISTS),
        rejections=pl.concat(rejections),
    )


def publish(build: Build, assembled: Output) -> Path:
    """Copy the dataset into the build's own folder, and return where it is."""
    place = build.folder / DATASET
    if build.makes:
        copy_whole(assembled.folder / DATASET, place)
    return place
