"""One execution of a recipe: its folder, its tables, its teachers, and what it says of itself."""

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from filelock import FileLock, Timeout

from rankmill import prompts, tablestore
from rankmill.errors import RankmillError, StageError, TooManyRejected
from rankmill.progress import Progress, Silent
from rankmill.prompts import Prompt
from rankmill.recipe import Recipe
from rankmill.records import Request
from rankmill.report import StageReport
from rankmill.settings import Settings
from rankmill.tablestore import Draft, Output, storage
from rankmill.teachers import Meter, Teachers
from rankmill.teachers.engine import Answer, Surroundings

MANIFEST = "manifest.json"


def folder_of(settings: Settings, recipe: Recipe) -> Path:
    """Where the build of a recipe lives."""
    return settings.data / "builds" / recipe.name


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a build says of itself; empty for a folder that is no build yet."""
    path = folder / MANIFEST
    manifest: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return manifest


@dataclass(kw_only=True)
class Build:
    """A recipe being made. Stages read their settings from it and keep their tables in it.

    Attributes:
        base: The recipe's folder; its paths and its own prompts are relative to it.
        previous: The manifest that the last build of this name left.
    """

    recipe: Recipe
    base: Path
    settings: Settings
    progress: Progress
    teachers: Teachers
    previous: Mapping[str, Any]
    _stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    _begun: dict[str, float] = field(default_factory=dict)
    _tokens_before: dict[str, int] = field(default_factory=dict)
    _ticks: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    @property
    def folder(self) -> Path:
        """`manifest.json`, links to the tables, and `dataset/` once it is whole."""
        return folder_of(self.settings, self.recipe)

    def prompt(self, name: str) -> Prompt:
        """A prompt of the recipe's own `prompts` folder, or of the package."""
        return prompts.find(name, [self.base / "prompts", self.base])

    def once(
        self,
        stage: str,
        depends: Mapping[str, str],
        make: Callable[[Draft], StageReport],
        *,
        resume: bool = False,
    ) -> Output:
        """Make a stage's tables unless they are there; see `tablestore.once`.

        Raises:
            TooManyRejected: The stage rejected a larger share than the recipe allows. Its tables
                stay, with every rejection; raising the limit takes up from there.
        """
        reused = (self.tables / stage / tablestore.key_of(stage, depends)).is_dir()
        if not reused:
            self._begin(stage, depends)
        output = tablestore.once(self.tables, stage, depends, make, resume=resume)
        self._record(output, reused=reused)
        self._check_limit(output.report)
        return output

    def part(
        self, stage: str, depends: Mapping[str, str], make: Callable[[Draft], StageReport], *, of: str
    ) -> Output:
        """Make the tables of a share of the stage `of`, unless they are there."""
        if not (self.tables / stage / tablestore.key_of(stage, depends)).is_dir():
            self._begin(of, depends)
        return tablestore.once(self.tables, stage, depends, make)

    @property
    def tables(self) -> Path:
        """Where the tables of all builds are; two recipes share what they share."""
        return self.settings.data / "tables"

    def _begin(self, stage: str, depends: Mapping[str, str]) -> None:
        with self._lock:
            if stage in self._begun:
                return
            self._begun[stage] = time.monotonic()
            self._tokens_before[stage] = self._tokens()
        before = self.previous.get("stages", {}).get(stage, {}).get("depends")
        if before is None:
            why = "new"
        else:
            changed = [name for name in sorted(depends) if before.get(name) != depends[name]]
            why = f"changed: {', '.join(changed)}" if changed else "not whole"
        self.progress.begin(stage, why)

    def _record(self, output: Output, *, reused: bool) -> None:
        now = time.monotonic()
        with self._lock:
            earlier = self.previous.get("stages", {}).get(output.stage, {})
            known = earlier if reused and earlier.get("key") == output.key else {}
            seconds = known.get("seconds", now - self._begun.get(output.stage, now))
            self._stages[output.stage] = {
                "key": output.key,
                "depends": dict(output.depends),
                "report": output.report.to_json(),
                "seconds": round(seconds, 3),
                "tokens_per_second": self._speed(output.stage, seconds),
                "reused": reused,
            }
            link(output.folder, self.folder / "tables" / output.stage)
            self.write_manifest("running")
        self.progress.end(output.report, seconds=seconds, reused=reused)

    def _speed(self, stage: str, seconds: float) -> float | None:
        """Tokens a second since the stage began; what it was before, where nothing was asked."""
        tokens = self._tokens() - self._tokens_before.get(stage, 0)
        if stage in self._begun and tokens and seconds:
            return round(tokens / seconds, 1)
        earlier = self.previous.get("stages", {}).get(stage, {})
        speed: float | None = earlier.get("tokens_per_second")
        return speed

    def _tokens(self) -> int:
        meter = self.teachers.meter
        return meter.tokens_in + meter.tokens_out

    def _check_limit(self, report: StageReport) -> None:
        limit = getattr(self.recipe.limits, report.stage, 1.0)
        if report.rejected_share > limit:
            raise TooManyRejected(
                f"{report}: {report.rejected_share:.0%} rejected, limits.{report.stage} allows "
                f"{limit:.0%}; every rejection is in "
                f"{self.folder / 'tables' / report.stage / 'rejections.parquet'}"
            )

    @property
    def reports(self) -> list[StageReport]:
        """The counts of the stages so far."""
        return [StageReport.from_json(stage["report"]) for stage in self._stages.values()]

    def tick(self, stage: str, total: int, *, rows: int = 1) -> None:
        """Count rows of a stage that are done, from any thread."""
        with self._lock:
            self._ticks[stage] += rows
            done = self._ticks[stage]
        self.progress.advance(stage, done, total, tokens=self._tokens())

    def sender(self, teacher: str, stage: str, total: int) -> Callable[[Request, int], Any]:
        """A function that asks `teacher`, and counts each answer as a row of `stage`."""

        async def send(request: Request, trial: int) -> Answer:
            answer = await self.teachers.ask(teacher, request, trial=trial)
            self.tick(stage, total)
            return answer

        return send

    @property
    def spent(self) -> dict[str, Meter]:
        """What each teacher was asked, in this run and in those of this build before it."""
        before = self.previous.get("teachers", {})
        return {
            name: Meter(**before.get(name, {})) + meter
            for name, meter in self.teachers.meters.items()
        }

    def write_manifest(self, status: str, error: str = "") -> None:
        """Say how far the build is; the file is replaced whole."""
        earlier = {} if status == "complete" else self.previous.get("stages", {})
        manifest = {
            "name": self.recipe.name,
            "status": status,
            "error": error,
            "recipe": self.recipe.model_dump(mode="json"),
            "stages": {**earlier, **self._stages},
            "teachers": {name: asdict(meter) for name, meter in self.spent.items()},
        }
        partial = self.folder / f"{MANIFEST}.partial"
        with storage(self.folder):
            partial.write_text(json.dumps(manifest, indent=2))
            partial.replace(self.folder / MANIFEST)


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
        progress: Watches the build.
        record: Whether the manifest is to say what happens; not so for one who only looks.

    Raises:
        ConfigError: The recipe is not valid.
        StageError: Another process is building the same recipe name into the same folder.
    """
    recipe = Recipe.load(recipe_path, overrides)
    settings, progress = settings or Settings(), progress or Silent()
    folder = folder_of(settings, recipe)
    with ExitStack() as stack:
        with storage(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / ".lock", timeout=0)
        try:
            stack.enter_context(lock)
        except Timeout as error:
            raise StageError(f"{folder}: another process is building {recipe.name}") from error
        where = Surroundings(settings=settings, folder=folder / "logs", say=progress.say)
        teachers = Teachers(
            recipe.teachers, settings.data / "replies", where, views=recipe.needs
        )
        build = Build(
            recipe=recipe,
            base=recipe_path.resolve().parent,
            settings=settings,
            progress=progress,
            teachers=stack.enter_context(teachers),
            previous=read_manifest(folder),
        )
        if not record:
            yield build
            return
        try:
            yield build
        except RankmillError as error:
            build.write_manifest("failed", str(error))
            raise
        except BaseException as error:
            build.write_manifest("interrupted", type(error).__name__)
            raise
        build.write_manifest("complete")


def link(target: Path, place: Path) -> None:
    """Point `place` at `target`, by a relative link that is replaced whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    relative = os.path.relpath(target, place.parent)
    if place.is_symlink() and place.readlink() == Path(relative):
        return
    partial = place.with_name(f"{place.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(relative)
    partial.replace(place)


def copy_whole(source: Path, place: Path) -> None:
    """Make `place` a copy of a finished dataset folder, in one step, unless it is one already."""
    if place.is_dir() and _digests(place) == _digests(source):
        return
    partial, old = place.with_name(f"{place.name}.partial"), place.with_name(f"{place.name}.old")
    with storage(place):
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(source, partial)
        if place.exists():
            place.rename(old)
        partial.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _digests(folder: Path) -> str:
    path = folder / "MANIFEST.json"
    return path.read_text() if path.is_file() else ""
