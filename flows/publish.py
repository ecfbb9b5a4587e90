"""A dataset to the hub, as a Prefect flow: inspect, plan, send.

The steps are those of `rankmill publish`, and so is the default: nothing is sent unless `go` says
so. What was interrupted goes on when the flow runs again.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from rankmill.cli_publish import dataset_of, reasons_of
from rankmill.publish.findings import Finding
from rankmill.publish.gate import inspect
from rankmill.publish.hub import Hub
from rankmill.publish.publish import Plan, Published, carry_out, plan, refuse
from rankmill.publish.wanted import Wanted
from rankmill.settings import Settings


def _task(step: Any) -> Any:  # noqa: ANN401 - a Task of any step
    """A step as a task, of which nothing is kept: the hub knows what is done."""
    return task(step, task_run_name=step.__name__, cache_policy=NO_CACHE, persist_result=False)


@flow(name="publish", persist_result=False)
def publish(
    build: str,
    repo: str,
    go: bool = False,
    public: bool = False,
    allow: Sequence[str] = (),
    data: Path | None = None,
) -> str:
    """Send the dataset of a build to the hub, as the next of v1, v2, … , or look what would be.

    Args:
        build: Name or folder of a build, or a dataset folder.
        repo: `ORG/NAME` on the hub.
        go: Send it; without, only the gate and the plan are made.
        public: Whether everybody may see it.
        allow: Rules of the gate that may fail, such as `licences=with the authors' consent`.
        data: Where builds are kept.

    Returns:
        The repository's address, and the tag that it has now or would get.
    """
    wanted = Wanted(repo=repo, public=public, reasons=reasons_of(list(allow)))
    folder, gate = dataset_of(Settings(data=data) if data else Settings(), build)
    hub = Hub(wanted.name)
    findings: Sequence[Finding] = _task(inspect)(folder, gate)
    rows = [
        {"rule": one.rule, "found": one.found, "expected": one.limit, "passed": one.passed}
        for one in findings
    ]
    key = "gate-" + re.sub(r"[^a-z0-9]+", "-", wanted.name.lower()).strip("-")
    create_table_artifact(table=rows, key=key, description=hub.url)
    refuse(findings, wanted.reasons)
    planned: Plan = _task(plan)(hub, folder, findings, wanted)
    if not go:
        return f"{hub.url} {planned.tag}".strip()
    done: Published = _task(carry_out)(hub, planned)
    return f"{hub.url} {done.tag}".strip()
