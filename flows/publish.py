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

from rankmill.audit.findings import Finding
from rankmill.cli_publish import dataset_of
from rankmill.publish import Gate
from rankmill.publish.gate import inspect
from rankmill.publish.hub import Hub
from rankmill.publish.publish import Plan, Published, carry_out, plan, refuse
from rankmill.publish.wanted import Wanted
from rankmill.settings import Settings


def _task(step: Any) -> Any:  # noqa: ANN401 - a Task of any step
    """A step as a task, of which nothing is kept: the hub knows what is done."""
    return task(step, task_run_name=step.__name__, cache_policy=NO_CACHE, persist_result=False)


@flow(name="publish", persist_result=False)
def publish(build: str, wanted: Wanted, go: bool = False, data: Path | None = None) -> str:
    """Send the dataset of a build to the hub, or look what would be sent.

    Args:
        build: Name or folder of a build, or a dataset folder.
        wanted: What the options of the command say: where it goes, as what, and for which reasons.
        go: Send it; without, only the gate and the plan are made.
        data: Where builds are kept.

    Returns:
        The repository's address, and the tag or pull request that was made; without `go`, the tag
        that would be, or the pull request that holds the same files already.
    """
    folder, gate = dataset_of(Settings(data=data) if data else Settings(), build)
    hub = Hub(wanted.name)
    findings: Sequence[Finding] = _task(inspect)(folder, gate or Gate())
    rows = [
        {"rule": one.rule, "found": one.found, "expected": one.limit, "passed": one.passed}
        for one in findings
    ]
    key = "gate-" + re.sub(r"[^a-z0-9]+", "-", wanted.name.lower()).strip("-")
    create_table_artifact(table=rows, key=key, description=hub.url)
    refuse(findings, wanted.reasons)
    planned: Plan = _task(plan)(hub, folder, findings, wanted)
    if not go:
        return f"{hub.url} {planned.proposed or planned.tag}".strip()
    done: Published = _task(carry_out)(hub, planned)
    return f"{hub.url} {done.pull_request or done.tag}".strip()
