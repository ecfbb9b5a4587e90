"""Labels to a dataset folder: assemble, publish."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from rankmill import __version__
from rankmill.assemble import Assembled, AssemblyInput, CardFacts
from rankmill.assemble import assemble as write_dataset
from rankmill.build import Build
from rankmill.curate.qurating import COMPARISONS
from rankmill.depends import decontamination_of, evaluation_of, inputs
from rankmill.finished import DATASET
from rankmill.folders import copy_whole
from rankmill.provenance import packages, spent, weights
from rankmill.recipe import Recipe
from rankmill.report import StageReport
from rankmill.rounds import follows, since
from rankmill.tables import (
    CANDIDATES,
    CLUSTERS,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    LISTS,
    QUERIES,
    REJECTIONS,
    REQUESTS,
)
from rankmill.tablestore import Draft, Output
from rankmill.teachers.prices import PriceList


def assemble(build: Build, stages: Sequence[Output]) -> Output:
    """The tables of all stages to a dataset folder."""
    recipe = build.recipe
    prompts = {name: build.prompt(name).fingerprint for name in _prompts(recipe)}
    made = {output.stage: output for output in stages}

    def make(draft: Draft) -> StageReport:
        facts = CardFacts(
            name=recipe.name,
            version=__version__,
            recipe=recipe.identity(),
            prompts=prompts,
            reports=[output.report for output in stages],
            corpus=made["ingest"].depends["the corpus's content"],
            packages=packages(),
            weights=weights(recipe.identity()),
            spent=_spent(build, made),
            since=since(build, made["retrieve"].read(CANDIDATES)),
        )
        folder = draft.folder / DATASET
        folder.mkdir()
        written = write_dataset(recipe.assemble, _tables(build, made), folder, facts)
        for line in _said(written, facts):
            build.progress.say(line)
        rows = {config: sum(splits.values()) for config, splits in written.rows.items()}
        return replace(written.report, facts={**written.report.facts, **rows})

    depends = {
        "recipe": recipe.fingerprint,
        "version": __version__,
        **{f"prompt {name}": fingerprint for name, fingerprint in prompts.items()},
        **decontamination_of(build),
        **follows(build),
        **inputs(*stages),
    }
    return build.once("assemble", depends, make)


def _prompts(recipe: Recipe) -> list[str]:
    """The names of all prompts behind a dataset."""
    names = [name for how in recipe.generate for name in how.prompts]
    names += [view.prompt for view in recipe.views]
    names += [name for export in recipe.assemble.exports for name in export.prompts]
    return names + ([recipe.curate.quality.prompt] if recipe.curate.quality else [])


def _said(written: Assembled, facts: CardFacts) -> Iterator[str]:
    """What is new in a second round, and a line for every export that could not use all lists."""
    if facts.since:
        yield str(facts.since)
    for name, rules in written.missing.items():
        lost = ", ".join(f"{rule} {count:,}" for rule, count in rules.items())
        kept = written.report.written
        yield f"{name}: no row of {sum(rules.values()):,} of {kept:,} lists ({lost})"


def _spent(build: Build, made: Mapping[str, Output]) -> dict[str, Any]:
    """What the replies took behind queries and judgments, kept or not, at list prices.

    Prices are the recipe's and the package's; those of this machine's user are none of the
    dataset's business.
    """
    teachers, known = build.recipe.teachers, PriceList.load()
    asked = {"generate": made["generate"].read(REQUESTS), "label": made["label"].read(JUDGMENTS)}
    if "quality" in made:
        asked["quality"] = made["quality"].read(COMPARISONS)
    prices = {name: known.price_of(teacher) for name, teacher in teachers.items()}
    return spent(build.settings.data / "replies", asked, prices)


def _tables(build: Build, made: Mapping[str, Output]) -> AssemblyInput:
    recipe = build.recipe
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
        voting=tuple(view.name for view in recipe.views if recipe.settle.weight(view.name)),
        prompts=build.prompt_folders,
        evaluation=evaluation_of(build),
        decontaminate=recipe.curate.decontaminate,
        round=recipe.round,
        dealt=recipe.splits.by,
    )


def publish(build: Build, assembled: Output) -> Path:
    """Copy the dataset into the build's own folder, and return where it is."""
    place = build.folder / DATASET
    if build.makes:
        copy_whole(assembled.folder / DATASET, place)
    return place
