"""Which view, with my teacher, for my money? Every view of a recipe against human judgments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table as Grid

from rankmill.build import Build, open_build
from rankmill.check import prompts_of
from rankmill.errors import ConfigError
from rankmill.evaluate.collection import Collection, Wanted, load
from rankmill.evaluate.figures import Line, Trust
from rankmill.evaluate.judge import cost, judge
from rankmill.evaluate.quality import FirstStage
from rankmill.evaluate.show import table, write
from rankmill.label.view import View
from rankmill.polls import Poll, fuse_all
from rankmill.progress import Progress
from rankmill.recipe import Recipe
from rankmill.settings import Settings
from rankmill.settle import join
from rankmill.tables import JUDGMENTS
from rankmill.tablestore import Output
from rankmill.trials import Readings, read_trials


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a bench came to.

    Attributes:
        table: For a terminal.
        file: The figures as JSON; beside it a picture with the suffix `.svg`.
    """

    lines: Sequence[Line]
    table: Grid
    file: Path


def run(
    recipe: Path,
    folder: Path,
    wanted: Wanted,
    *,
    overrides: Sequence[str] = (),
    views: Sequence[str] = (),
    watched: tuple[Settings, Progress],
) -> Found:
    """Judge a collection's lists with a recipe's views, and compare with people's judgments.

    Args:
        recipe: A recipe's file; of its tables only teachers, views and settle matter.
        folder: The collection.
        wanted: Which of its lists.
        overrides: See `Recipe.load`.
        views: Names of the views to try; all when empty.
        watched: Where tables and replies are kept, and who watches.

    Raises:
        RankmillError: The recipe, the collection or a teacher is at fault.
    """
    settings, progress = watched
    collection = load(folder, wanted)
    with open_build(
        recipe, overrides=overrides, settings=settings, progress=progress, record=False
    ) as build:
        build.recipe = _only(build.recipe, views)
        found = bench(build, collection, progress.say)
    title = (
        f"{collection.name} ({wanted.split}), {len(collection.lists)} queries, "
        f"{wanted.candidates} top {wanted.depth}, {build.recipe.name}"
    )
    name = f"{collection.name}-{wanted.split}-{build.recipe.name}.json"
    file = settings.data / "bench" / name
    write(file, title, found)
    return Found(lines=found, table=table(title, found), file=file)


def _only(recipe: Recipe, views: Sequence[str]) -> Recipe:
    """The recipe with those views alone, and a consensus of them without filters or grades."""
    known = [view.name for view in recipe.views]
    if unknown := set(views) - set(known):
        raise ConfigError(f"--views {sorted(unknown)}: the recipe defines {', '.join(known)}")
    chosen = tuple(view for view in recipe.views if not views or view.name in views)
    for view in chosen:
        waits = set(view.where.views) if view.where else set()
        if left_out := sorted(waits - {one.name for one in chosen}):
            raise ConfigError(
                f"--views: {view.name} waits for {', '.join(left_out)}; name them too"
            )
    weights = {name: value for name, value in recipe.settle.weights.items() if name in known}
    bare = type(recipe.settle)(
        rule=recipe.settle.rule, fusion=recipe.settle.fusion, weights=weights
    )
    return recipe.model_copy(update={"views": chosen, "settle": bare})


def bench(build: Build, collection: Collection, say: Callable[[str], None]) -> list[Line]:
    """Label a collection's lists with every view of the recipe; what is done is not done again.

    Raises:
        ConfigError: A view cannot read these lists: they are too long, or there are no answers.
    """
    prompts_of(build)
    _check(build.recipe.views, collection)
    judged: dict[str, Output] = {}
    for view in sorted(build.recipe.views, key=lambda view: bool(view.where)):
        judged[view.name] = judge(build, collection, view, judged)
        spent = cost(judged[view.name])
        say(f"{view.name}: {spent.calls:,} calls, {spent.tokens_in:,} tokens in")
    return _lines(build, collection, judged)


def _check(views: Sequence[View], collection: Collection) -> None:
    longest = max(collection.lists.values(), key=len)
    for view in views:
        try:
            next(view.strategy.plan(longest), ())
        except ValueError as error:
            raise ConfigError(f"view {view.name}, lists of {len(longest)}: {error}") from error
        bare = [q.qid for q in collection.queries.values() if not q.answer]
        if "answer" in view.strategy.variables and bare:
            raise ConfigError(
                f"view {view.name} shows the known answer, but {collection.name} has none for "
                f"{len(bare)} of {len(collection.queries)} queries (metadata.answer of "
                "queries.jsonl); take it out with --views"
            )


def _lines(build: Build, collection: Collection, judged: Mapping[str, Output]) -> list[Line]:
    settle, views = build.recipe.settle, build.recipe.views
    first = FirstStage.of(collection)
    lines = [Line(name=f"first stage: {collection.first_stage}", quality=first.quality)]
    found: dict[str, Mapping[str, Readings]] = {}
    for view in views:
        judgments = judged[view.name].read(JUDGMENTS)
        found[view.name] = readings = read_trials([view], collection.lists, judgments)
        trials = {qid: one.trials[view.name] for qid, one in readings.items()}
        read = {qid: Poll(rankings=rankings) for qid, rankings in trials.items() if rankings}
        orders = [one.ranking for one in fuse_all(settle.rule, list(read.values()))]
        fused = dict(zip(read, orders, strict=True))
        quality, trust = first.compare(fused), Trust.of(judgments, trials)
        spent = cost(judged[view.name])
        lines.append(Line(name=view.name, quality=quality, trust=trust, cost=spent))
    if len(views) > 1:
        merged = {qid: _merged(qid, found) for qid in collection.lists}
        labelled, _ = join(settle, views, dict.fromkeys(collection.lists, ()), merged)
        consensus = {one.qid: one.consensus for one in labelled}
        lines.append(Line(name="consensus", quality=first.compare(consensus)))
    return lines


def _merged(qid: str, found: Mapping[str, Mapping[str, Readings]]) -> Readings:
    """One list's readings by all views."""
    return Readings(
        trials={name: lists[qid].trials[name] for name, lists in found.items()},
        begun={name: lists[qid].begun[name] for name, lists in found.items()},
    )
