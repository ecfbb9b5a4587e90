"""How fast teachers were, in a small file beside the tables: what `rankmill plan` goes by."""

import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from rankmill.disk import storage
from rankmill.spec import digest
from rankmill.teachers.meter import Meter

_ENOUGH_CALLS = 50
_FIGURES = ("calls", "tokens_in", "tokens_out", "characters", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What a stage asked of a teacher, and how long that took."""

    calls: int
    tokens_in: int
    tokens_out: int
    characters: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Tokens of prompts and replies together."""
        return (self.tokens_in + self.tokens_out) / self.seconds

    @property
    def characters_per_token(self) -> float:
        """Of prompts, as this teacher cuts them."""
        return self.characters / self.tokens_in


class Speeds:
    """Measured speeds of teachers on this machine, by stage.

    Args:
        data: Folder of tables, replies and builds; the file is `speeds.json` in it.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / "speeds.json"

    def note(self, teacher: str, stage: str, asked: Meter) -> None:
        """Remember how fast a teacher was; a handful of calls does not replace what is known.

        Args:
            teacher: The fingerprint of its spec.
            stage: What it was asked for.
            asked: What it was asked, and nothing else.
        """
        if not asked.seconds or not asked.tokens_in:
            return
        with storage(self._path), FileLock(self._path.with_suffix(".lock")):
            known = self._read()
            stages = known.setdefault(_here(teacher), {})
            before = stages.get(stage, {}).get("calls", 0)
            if asked.calls >= min(_ENOUGH_CALLS, before):
                stages[stage] = {name: getattr(asked, name) for name in _FIGURES}
                partial = self._path.with_suffix(".partial")
                partial.write_text(json.dumps(known, indent=2))
                partial.replace(self._path)

    def of(self, teacher: str, stage: str) -> Speed | None:
        """How fast a teacher was at a stage, or else at whatever it was last asked for."""
        stages = self._read().get(_here(teacher), {})
        found = stages.get(stage) or next(iter(reversed(stages.values())), None)
        return Speed(**found) if found else None

    def _read(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads(self._path.read_text()) if self._path.is_file() else {}
        return known


def _here(teacher: str) -> str:
    """A teacher on this machine."""
    return digest(f"{platform.node()}\n{teacher}")
