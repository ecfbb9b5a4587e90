"""One execution of a recipe: its folder, its tables, its teachers, and what it says of itself."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from rankmill import prompts, tablestore
from rankmill.disk import storage
from rankmill.errors import (
    BudgetSpent,
    Interrupted,
    RankmillError,
    StageError,
    StorageError,
    TooManyRejected,
)
from rankmill.folders import link
from rankmill.interrupt import interruptible
from rankmill.manifest import Manifest, read_manifest
from rankmill.metrics import served
from rankmill.progress import Progress, Silent
from rankmill.prompts import Prompt
from rankmill.pulse import Pulse
from rankmill.recipe import Recipe
from rankmill.records import Request
from rankmill.report import StageReport
from rankmill.settings import Settings
from rankmill.speeds import Speeds
from rankmill.tablestore import Draft, Output
from rankmill.teachers import Meter, Teachers
from rankmill.teachers.engine import Answer, Send, Surroundings
from rankmill.watch import Watch

Make = Callable[[Draft], StageReport]


class NotMade(Exception):
    """A table is not there, and the build is not to make any."""


@dataclass(kw_only=True)
class Build:
    """A recipe being made. Stages read their settings from it and keep their tables in it.

    Attributes:
        base: The recipe's folder; its paths and its own prompts are relative to it.
        makes: Whether a table that is not there is made; else it is a `NotMade`.
        until: The last stage that is wanted; "" for all of them.
    """

    recipe: Recipe
    base: Path
    settings: Settings
    progress: Progress
    teachers: Teachers
    manifest: Manifest
    watch: Watch
    makes: bool = True
    until: str = ""
    _begun: dict[str, tuple[float, Mapping[str, Meter]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def folder(self) -> Path:
        """`manifest.json`, links to the tables, and `dataset/` once it is whole."""
        return self.manifest.folder

    @property
    def tables(self) -> Path:
        """Where the tables of all builds are; two recipes share what they share."""
        return self.settings.data / "tables"

    def prompt(self, name: str) -> Prompt:
        """A prompt of the recipe's own `prompts` folder, or of the package."""
        return prompts.find(name, self.prompt_folders)

    @property
    def prompt_folders(self) -> tuple[Path, ...]:
        """Where the recipe's own prompts are."""
        return self.base / "prompts", self.base

    def once(
        self, stage: str, depends: Mapping[str, str], make: Make, *, resume: bool = False
    ) -> Output:
        """Make a stage's tables unless they are there; see `tablestore.once`.

        Raises:
            TooManyRejected: The stage rejected a larger share than the recipe allows. Its tables
                stay, with every rejection; raising the limit takes up from there.
        """
        if not (reused := self._is_there(stage, depends)):
            self._begin(stage, depends)
        output = tablestore.once(self.tables, stage, depends, make, resume=resume)
        self._record(output, reused=reused)
        self._check_limit(output.report)
        return output

    def part(
        self, stage: str, depends: Mapping[str, str], make: Make, *, of: str, resume: bool = False
    ) -> Output:
        """Make the tables of a share of the stage `of`, unless they are there."""
        if not self._is_there(stage, depends):
            self._begin(of, depends)
        return tablestore.once(self.tables, stage, depends, make, resume=resume)

    def _is_there(self, stage: str, depends: Mapping[str, str]) -> bool:
        return (self.tables / stage / tablestore.key_of(stage, depends)).is_dir()

    def _begin(self, stage: str, depends: Mapping[str, str]) -> None:
        if not self.makes:
            raise NotMade(stage)
        with self._lock:
            if stage in self._begun:
                return
            self._begun[stage] = time.monotonic(), self.teachers.meters
        self.progress.begin(stage, self.manifest.why(stage, depends))

    def _record(self, output: Output, *, reused: bool) -> None:
        if not self.makes:
            return
        with self._lock:
            took = self._end(output.stage)
            known = self.manifest.seconds(output) if reused else None
            self.manifest.add(output, seconds=took if known is None else known)
            link(output.folder, self.folder / "tables" / output.stage)
            self.manifest.write("running", self.teachers.totals)
        self.progress.end(output.report, seconds=took, reused=reused)

    def _check_limit(self, report: StageReport) -> None:
        limit = getattr(self.recipe.limits, report.stage, 1.0)
        if report.rejected_share > limit:
            rejections = self.folder / "tables" / report.stage / "rejections.parquet"
            raise TooManyRejected(
                f"{report}: {report.rejected_share:.0%} rejected, limits.{report.stage} allows "
                f"{limit:.0%}; every rejection is in {rejections}"
            )

    def _end(self, stage: str) -> float:
        """A stage is over, whole or not: how long it took. Speeds of its teachers are kept."""
        self.watch.end(stage)
        if stage not in self._begun:
            return 0.0
        begun, before = self._begun.pop(stage)
        speeds, asked = Speeds(self.settings.data), self._asked(before)
        for name, meter in asked.items():
            speeds.note(self.recipe.teachers[name].fingerprint, stage, meter)
        self.manifest.asked[stage] = asked
        return time.monotonic() - begun

    def _asked(self, before: Mapping[str, Meter]) -> dict[str, Meter]:
        """What each teacher was asked since its meter was read before, and what that cost."""
        asked = {}
        for name, meter in self.teachers.meters.items():
            if (spent := meter - before[name]) != Meter():
                price = self.teachers.accounts[name].price
                asked[name] = replace(spent, money=price.of(spent) if price else None)
        return asked

    def left(self) -> str:
        """How far the stages are that ask teachers, and what is left of those and of later ones."""
        depth, views = self.recipe.retrieve.depth, self.recipe.views
        calls = self.recipe.queries_at_most(self.base) * sum(view.calls(depth) for view in views)
        spent = sum(self.teachers.totals.values(), Meter())
        return self.watch.left(spent, later=0 if "generate" in self.manifest.stages else calls)

    def keep_pulse(self, pulse: Pulse) -> None:
        """Put on record how the teachers are doing; a disk that will not have it ends the build."""
        try:
            with self._lock:
                for stage, (_, before) in self._begun.items():
                    self.manifest.asked[stage] = self._asked(before)
                self.manifest.write("running", self.teachers.totals, pulse=pulse)
        except StorageError as error:
            self.teachers.stop(error)

    def close(self, status: str, error: str = "") -> None:
        """Say how the build ended; for good."""
        for stage in list(self._begun):
            self._end(stage)
        self.manifest.write(status, self.teachers.totals, error=error)

    def sender(self, teacher: str, stage: str, total: int) -> Send:
        """A function that asks `teacher`, and counts each answer as a row of `stage`."""
        work = self.watch.begin(stage, total)

        async def send(request: Request, trial: int) -> Answer:
            answer = await self.teachers.ask(teacher, request, trial=trial)
            work.done += 1
            return answer

        return send


@contextmanager
def open_build(
    recipe_path: Path,
    *,
    overrides: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Progress | None = None,
    record: bool = True,
) -> Iterator[Build]:
    """Open the build of a recipe; leaving it ends every server that its teachers started.

    Args:
        recipe_path: The recipe's file.
        overrides: See `Recipe.load`.
        settings: Those of the environment, unless given.
        progress: Watches.
        record: Whether the manifest is to say what happens; not so for one who only looks.

    Raises:
        ConfigError: The recipe is not valid.
        StageError: Another process is building into the same folder.
    """
    recipe = Recipe.load(recipe_path, overrides)
    settings, progress = settings or Settings(), progress or Silent()
    with ExitStack() as stack:
        if record:
            stack.enter_context(_alone(settings.data / "builds" / recipe.name))
        build = _build(recipe, recipe_path, settings, progress, record=record)
        if record:
            stack.enter_context(_recorded(build))
        stack.enter_context(build.watch.beating(build.keep_pulse if record else None))
        if settings.metrics_port:
            stack.enter_context(served(build.watch, settings.metrics_port))
        stack.enter_context(interruptible(build.teachers))
        stack.enter_context(build.teachers)
        yield build


def _build(
    recipe: Recipe, path: Path, settings: Settings, progress: Progress, *, record: bool
) -> Build:
    """A build that is not open yet. Only one on record counts what earlier runs have spent."""
    folder = settings.data / "builds" / recipe.name
    manifest = Manifest(folder=folder, recipe=recipe, previous=read_manifest(folder))
    teachers = Teachers(
        recipe.teachers,
        settings.data / "replies",
        Surroundings(settings=settings, folder=folder / "logs", say=progress.say),
        views=recipe.needs,
        budget=recipe.budget if recipe.budget.caps else None,
        before=manifest.spent if record else {},
    )
    return Build(
        recipe=recipe,
        base=path.resolve().parent,
        settings=settings,
        progress=progress,
        teachers=teachers,
        manifest=manifest,
        watch=Watch(teachers, progress),
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from building into the same folder."""
    with storage(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise StageError(f"{folder}: another process is building {folder.name}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _recorded(build: Build) -> Iterator[None]:
    """Say in the manifest how the build ended, once its teachers have nothing in flight."""
    try:
        yield
    except BudgetSpent as error:
        line = f"stopped: {error}; {build.left()}; a higher cap goes on from here"
        build.close("stopped: budget", line)
        raise BudgetSpent(line) from error
    except Interrupted as error:
        build.close("interrupted", str(error))
        raise
    except RankmillError as error:
        build.close("failed", str(error))
        raise
    except BaseException as error:
        build.close("interrupted", type(error).__name__)
        raise
    build.close(f"stopped: after {build.until}" if build.until else "complete")
