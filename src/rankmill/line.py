"""The whole system on one screen: corpus in, dataset out.

    ingest - embed - cluster - sample - generate - retrieve - label - settle - assemble

Between embed and cluster, `curate` and `quality` leave documents out where a recipe asks for it.

`flows/generate.py` runs this line as a Prefect flow whose tasks are the stages; here it runs plain.
"""

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from rankmill import stages
from rankmill.build import Build, NotMade, open_build
from rankmill.check import preflight
from rankmill.errors import Stopped
from rankmill.finished import Finished
from rankmill.manifest import read_manifest
from rankmill.page import REPORT, report
from rankmill.progress import Progress
from rankmill.settings import Settings
from rankmill.tablestore import Output


class Runner(Protocol):
    """Who runs a stage: this process, or Prefect."""

    def run(self, stage: Any, build: Build, *inputs: Any) -> Output:  # noqa: ANN401
        """Run one stage and wait for it."""
        ...

    def map(self, stage: Any, build: Build, *inputs: Any, parts: Sequence[Any]) -> list[Output]:  # noqa: ANN401
        """Run one stage for every part, side by side, and wait for all."""
        ...


def line(build: Build, do: Runner) -> Path:
    """Run every stage that is not done, up to the last that is wanted.

    Returns:
        The dataset's folder; the build's, where a stage before it was the last.
    """
    try:
        return _line(build, _Until(do))
    except _Enough:
        return build.folder


def _line(build: Build, do: Runner) -> Path:
    """Run every stage that is not done, and return the dataset's folder.

    What later stages read is looked at first: what is wrong with it costs no token.
    """
    recipe = build.recipe
    preflight(build)
    documents = do.run(stages.ingest, build)
    vectors = do.run(stages.embed, build, documents)
    curated = do.run(stages.curate, build, documents, vectors) if recipe.curates else None
    quality = None
    if recipe.curate.quality:
        quality = do.run(stages.quality, build, documents, vectors, curated)
    clusters = do.run(stages.cluster, build, documents, vectors, quality or curated)
    seeds = do.run(stages.sample, build, documents, vectors, clusters, quality)
    queries = do.run(stages.generate, build, documents, vectors, clusters, seeds)
    candidates = do.run(stages.retrieve, build, documents, vectors, clusters, queries)
    judged: list[Output] = []
    for cascaded in (False, True):
        if parts := stages.parts(build, cascaded=cascaded):
            read = (documents, queries, candidates, list(judged))
            judged += do.map(stages.label_part, build, *read, parts=parts)
    judgments = do.run(stages.label, build, documents, queries, candidates, judged)
    labels = do.run(stages.settle, build, queries, candidates, judgments)
    chosen = [one for one in (curated, quality) if one]
    tables = [documents, *chosen, clusters, seeds, queries, candidates, judgments, labels]
    return stages.publish(build, do.run(stages.assemble, build, tables))


class _Enough(Exception):
    """The last stage that is wanted is done."""


@dataclass(frozen=True)
class _Until:
    """Runs stages by another runner, up to the last that is wanted."""

    do: Runner

    def run(self, stage: Any, build: Build, *inputs: Any) -> Output:  # noqa: ANN401
        """Run one stage.

        Raises:
            _Enough: It was the last.
        """
        output = self.do.run(stage, build, *inputs)
        if stage.__name__ == build.until:
            raise _Enough
        return output

    def map(self, stage: Any, build: Build, *inputs: Any, parts: Sequence[Any]) -> list[Output]:  # noqa: ANN401
        """Run one stage for every part."""
        return self.do.map(stage, build, *inputs, parts=parts)


class Plain:
    """Runs stages as the functions they are."""

    def run(self, stage: Any, build: Build, *inputs: Any) -> Output:  # noqa: ANN401
        """Call the stage."""
        output: Output = stage(build, *inputs)
        return output

    def map(self, stage: Any, build: Build, *inputs: Any, parts: Sequence[Any]) -> list[Output]:  # noqa: ANN401
        """Call the stage in a thread for every part; the first fault stops the others."""
        with ThreadPoolExecutor(max_workers=len(parts)) as threads:
            running = [threads.submit(partial(stage, build, *inputs, part)) for part in parts]
            try:
                ended, _ = wait(running, return_when=FIRST_EXCEPTION)
                for one in ended:
                    one.result()  # raises its fault
            finally:
                if not all(one.done() for one in running):
                    for one in running:
                        one.cancel()
                    build.teachers.stop(Stopped("another part of the labelling has failed"))
            return [one.result() for one in running]


def leave_report(build: Build) -> None:
    """Write the report of a whole build, unless the one there is of the same tables."""
    if build.until:
        return
    if build.manifest.is_news or not (build.folder / REPORT).is_file():
        report(Finished(folder=build.folder, manifest=read_manifest(build.folder)))


def build(
    recipe: Path,
    *,
    overrides: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Progress | None = None,
    until: str = "",
) -> Path:
    """Build a recipe's dataset in this process, without Prefect.

    Returns:
        The dataset's folder, which `datasets.load_dataset` reads; the build's, if a stage before
        it is the last that is wanted.

    Raises:
        RankmillError: As `rankmill.errors` says. What was finished stays; a second call goes on.
    """
    with open_build(recipe, overrides=overrides, settings=settings, progress=progress) as opened:
        opened.until = until
        folder = line(opened, Plain())
    leave_report(opened)
    return folder


def finished(
    recipe: Path,
    *,
    overrides: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Progress | None = None,
    until: str = "",
) -> Path | None:
    """What `build` returns, when every table that is wanted is there already; else None.

    Raises:
        RankmillError: As `build`.
    """
    with open_build(recipe, overrides=overrides, settings=settings, record=False) as opened:
        opened.makes, opened.until = False, until
        try:
            line(opened, Plain())
        except NotMade:
            return None
    return build(recipe, overrides=overrides, settings=settings, progress=progress, until=until)
