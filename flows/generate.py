"""Corpus in, dataset out, as a Prefect flow: the stages of `rankmill.line` are its tasks.

Prefect adds the calendar, the UI, retries of a stage, and the task runner; the tables and their
bytes are the same as without it. With `PREFECT_API_URL` set the run shows there; without it,
Prefect's own server runs inside this process for as long as the flow does.
"""

import asyncio
import re
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from prefect import flow, task, unmapped
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.settings import (
    PREFECT_LOGGING_TO_API_ENABLED,
    get_current_settings,
    temporary_settings,
)
from prefect.tasks import Task

from rankmill.build import Build, open_build
from rankmill.errors import RankmillError, TeacherUnavailable
from rankmill.line import finished, leave_report, line
from rankmill.progress import Progress
from rankmill.report import StageReport
from rankmill.settings import Settings
from rankmill.tablestore import Output

_watcher: ContextVar[Progress | None] = ContextVar("watcher", default=None)
_machine: ContextVar[Settings | None] = ContextVar("machine", default=None)


async def passing(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a stage is worth another try: its teacher was away, or the fault is not ours."""
    error = await state.aresult(raise_on_failure=False)
    final = isinstance(error, RankmillError | CancelledError | asyncio.CancelledError)
    return isinstance(error, TeacherUnavailable) or not final


class Tasks:
    """Runs stages as Prefect tasks."""

    def __init__(self, retries: int, delay: float) -> None:
        self.retries, self.delay = retries, delay

    def run(self, stage: Any, build: Build, *inputs: Any) -> Output:  # noqa: ANN401
        """Run one stage as a task and wait for it."""
        output: Output = self._task(stage, stage.__name__)(build, *inputs)
        return output

    def map(self, stage: Any, build: Build, *inputs: Any, parts: Sequence[Any]) -> list[Output]:  # noqa: ANN401
        """Map a task over the parts."""
        shared = [unmapped(one) for one in (build, *inputs)]
        futures = self._task(stage, "label {part}").map(*shared, list(parts))
        outputs: list[Output] = futures.result()
        return outputs

    def _task(self, stage: Any, name: str) -> Any:  # noqa: ANN401 - a Task of any stage
        return task(
            stage,
            task_run_name=name,
            retries=self.retries,
            retry_delay_seconds=self.delay,
            retry_condition_fn=passing,
            cache_policy=NO_CACHE,  # what is done is a file; Prefect need not know
            persist_result=False,
        )


def rejected(report: StageReport) -> str:
    """Rows rejected, by rule, in words."""
    return ", ".join(f"{rule} {count:,}" for rule, count in sorted(report.rejected.items()))


def artifact_key(build: Build) -> str:
    """The key of the funnel: lower-case letters, digits and dashes, as Prefect wants it."""
    return "funnel-" + re.sub(r"[^a-z0-9]+", "-", build.recipe.name.lower()).strip("-")


@flow(name="generate", persist_result=False)
def generate(
    recipe: Path,
    overrides: Sequence[str] = (),
    data: Path | None = None,
    retries: int = 2,
    retry_delay_seconds: float = 30.0,
    until: str = "",
) -> str:
    """Build the dataset of a recipe; tables that are there are not made again.

    Args:
        recipe: A TOML file.
        overrides: Texts such as `sample.documents=100`.
        data: Where tables, replies and builds are kept.
        retries: How often a stage is tried again when its teacher was away.
        retry_delay_seconds: The wait before that.
        until: The last stage that is wanted; "" for all of them.

    Returns:
        The dataset's folder; the build's, if a stage before it is the last that is wanted.
    """
    settings = _machine.get() or (Settings(data=data) if data else Settings())
    with open_build(
        recipe, overrides=overrides, settings=settings, progress=_watcher.get()
    ) as build:
        build.until = until
        folder = line(build, Tasks(retries, retry_delay_seconds))
        funnel = [
            {"stage": r.stage, "read": r.read, "written": r.written, "rejected": rejected(r)}
            for r in build.manifest.reports
        ]
        create_table_artifact(table=funnel, key=artifact_key(build), description=str(folder))
    leave_report(build)
    return str(folder)


def build(
    recipe: Path,
    *,
    overrides: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Progress | None = None,
    until: str = "",
) -> Path:
    """Run the flow from a terminal, with a watcher that lives in this process.

    A build with nothing left to make is told so at once, unless a Prefect server is there to hear.
    """
    alone = not get_current_settings().api.url
    if alone:
        whole = finished(
            recipe, overrides=overrides, settings=settings, progress=progress, until=until
        )
        if whole:
            return whole
    # Prefect's own server ends with the flow; lines on their way to it would land on the terminal.
    logging = {PREFECT_LOGGING_TO_API_ENABLED: False} if alone else {}
    watcher, machine = _watcher.set(progress), _machine.set(settings)
    try:
        with temporary_settings(updates=logging):
            data = settings.data if settings else None
            return Path(generate(recipe, list(overrides), data, until=until))
    finally:
        _watcher.reset(watcher)
        _machine.reset(machine)
