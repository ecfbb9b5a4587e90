"""Everything that a stage asks of teachers, so that its cost can be told."""

from dataclasses import dataclass, field

import polars as pl

from rankmill.build import Build
from rankmill.records import Request
from rankmill.tables import REQUESTS
from rankmill.teachers.engine import Answer, Send


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Sends a stage's requests, and notes each: also those that nothing kept comes of."""

    build: Build
    stage: str
    _keys: set[tuple[str, str]] = field(default_factory=set)

    def sender(self, teacher: str, total: int) -> Send:
        """See `Build.sender`."""
        send = self.build.sender(teacher, self.stage, total)

        async def noted(request: Request, trial: int) -> Answer:
            answer = await send(request, trial)
            self._keys.add((teacher, answer.key))
            return answer

        return noted

    @property
    def table(self) -> pl.DataFrame:
        """REQUESTS so far, sorted."""
        return REQUESTS.frame(sorted(self._keys))
