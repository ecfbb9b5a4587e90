"""What a build says of itself, on disk as it changes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rankmill.disk import storage
from rankmill.pulse import Pulse
from rankmill.recipe import Recipe
from rankmill.report import StageReport
from rankmill.tablestore import Output
from rankmill.teachers import Meter

MANIFEST = "manifest.json"


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a build says of itself; empty for a folder that is no build yet."""
    path = folder / MANIFEST
    manifest: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return manifest


@dataclass(kw_only=True)
class Manifest:
    """The manifest of one build.

    Attributes:
        folder: The build's folder.
        previous: What the build said before this run.
        stages: What this run has come by, by stage, in order.
        asked: What each stage asked of each teacher in this run, by stage and teacher.
    """

    folder: Path
    recipe: Recipe
    previous: Mapping[str, Any]
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: dict[str, dict[str, Meter]] = field(default_factory=dict)

    def before(self, stage: str) -> Mapping[str, Any]:
        """What was said of a stage before this run; empty if nothing was."""
        known: Mapping[str, Any] = self.previous.get("stages", {}).get(stage, {})
        return known

    def why(self, stage: str, depends: Mapping[str, str]) -> str:
        """Why a stage has to be made: what of its dependencies is not as it was."""
        before = self.before(stage).get("depends")
        if before is None:
            return "new"
        changed = [name for name in sorted(depends) if before.get(name) != depends[name]]
        return f"changed: {', '.join(changed)}" if changed else "not whole"

    @property
    def spent(self) -> dict[str, Meter]:
        """What each teacher was asked by earlier runs."""
        known = self.previous.get("teachers", {})
        return {name: Meter.from_json(values) for name, values in known.items()}

    def seconds(self, output: Output) -> float | None:
        """How long a stage took that was made by an earlier run, if that is known."""
        before = self.before(output.stage)
        return before.get("seconds") if before.get("key") == output.key else None

    def add(self, output: Output, *, seconds: float) -> None:
        """Note a finished stage, and what it took when it was made."""
        self.stages[output.stage] = {
            "key": output.key,
            "depends": dict(output.depends),
            "report": output.report.to_json(),
            "seconds": round(seconds, 3),
        }

    def _asked(self) -> dict[str, dict[str, Any]]:
        """What each stage asked of each teacher in all runs."""
        said: dict[str, dict[str, Any]] = {**self.previous.get("asked", {})}
        for stage, meters in self.asked.items():
            if not meters:
                continue
            before = {n: Meter.from_json(m) for n, m in said.get(stage, {}).items()}
            said[stage] = {n: asdict(before.get(n, Meter()) + m) for n, m in meters.items()}
        return said

    @property
    def reports(self) -> list[StageReport]:
        """The counts of the stages so far."""
        return [StageReport.from_json(stage["report"]) for stage in self.stages.values()]

    @property
    def was_whole(self) -> bool:
        """Whether an earlier run has come to the end of this very recipe."""
        known = self.previous.get("recipe") == self.recipe.model_dump(mode="json")
        return known and self.previous.get("status") == "complete"

    @property
    def is_news(self) -> bool:
        """Whether this run has come by other tables than the runs before it."""
        return any(
            self.before(stage).get("key") != made["key"] for stage, made in self.stages.items()
        )

    def _still_true(self) -> dict[str, Any]:
        """Stages of earlier runs, less those whose inputs this run has made anew."""
        earlier: Mapping[str, Any] = self.previous.get("stages", {})
        keys = {stage: made["key"] for stage, made in self.stages.items()}
        true = {}
        for stage, made in earlier.items():
            inputs = {name: key for name, key in made["depends"].items() if name in earlier}
            if stage not in keys and all(keys.get(name) == key for name, key in inputs.items()):
                keys[stage], true[stage] = made["key"], made
        return true

    def write(
        self,
        status: str,
        meters: Mapping[str, Meter],
        *,
        error: str = "",
        pulse: Pulse | None = None,
    ) -> None:
        """Replace the file on disk, whole.

        Args:
            status: running, complete, failed, interrupted or `stopped: budget`.
            meters: What each teacher was asked in all runs.
            error: What went wrong.
            pulse: How the teachers are doing, while they work.
        """
        whole = status == "complete"
        manifest = {
            "name": self.recipe.name,
            "status": status,
            "error": error,
            "recipe": self.recipe.model_dump(mode="json"),
            "stages": self.stages if whole else {**self._still_true(), **self.stages},
            "teachers": {name: asdict(meter) for name, meter in meters.items()},
            "asked": self._asked(),
            **({"now": pulse.to_json()} if pulse else {}),
        }
        partial = self.folder / f"{MANIFEST}.partial"
        with storage(self.folder):
            partial.write_text(json.dumps(manifest, indent=2))
            partial.replace(self.folder / MANIFEST)
