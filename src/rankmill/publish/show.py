"""What a person sees of a publication: what the gate found, and what would go where."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from rankmill.audit.findings import Finding
from rankmill.publish.publish import Plan


def gate_table(findings: Sequence[Finding], reasons: Mapping[str, str]) -> Table:
    """One row for every rule of the gate."""
    table = Table("rule", "found", "expected", "", "first rows, or the reason given", box=None)
    for finding in findings:
        reason = "" if finding.binding else reasons.get(finding.rule, "")
        if finding.passed:
            mark, rows = Text("ok"), ""
        elif reason:
            mark, rows = Text("allowed", style="yellow"), f"{reason} (goes into the card)"
        else:
            mark, rows = Text("stops", style="bold red"), "\n".join(_rows(finding))
        table.add_row(finding.rule, Text(finding.found), finding.limit, mark, Text(rows))
    return table


def plan_table(plan: Plan) -> Table:
    """One row for every file that is added, changed or deleted."""
    table = Table("", "file", "bytes", "digest", box=None)
    table.columns[2].justify = "right"
    for change in plan.changes:
        table.add_row(change.what, Text(change.path), f"{change.size:,}", change.digest[:16])
    return table


def plan_lines(plan: Plan, url: str) -> Sequence[str]:
    """Where it goes, in a few lines."""
    wanted, state = plan.wanted, plan.state
    new = not state.exists
    private = not wanted.public if new else state.private
    branch = "a pull request" if wanted.pull_request else wanted.revision
    if state.exists and not state.head:
        branch += " (new)"
    kept = len(plan.files) - sum(change.what != "deleted" for change in plan.changes)
    return [
        f"repository  {url} ({'new, ' if new else ''}{'private' if private else 'public'})",
        f"revision    {branch}" + (f", now at {state.head[:7]}" if state.head else ""),
        f"tag         {plan.tag or 'none'}",
        f"files       {_counted(plan)}, {kept:,} there already",
        *plan.notes,
    ]


def _counted(plan: Plan) -> str:
    kinds = ("added", "changed", "deleted")
    counts = [(kind, [c.size for c in plan.changes if c.what == kind]) for kind in kinds]
    return ", ".join(f"{len(sizes):,} {kind} ({sum(sizes):,} bytes)" for kind, sizes in counts)


def _rows(finding: Finding) -> list[str]:
    return [*finding.rows, *([f"and {finding.more:,} more"] if finding.more else [])]
