"""What opens a teacher when it is first needed, holds it open, and closes it."""

import asyncio
from collections.abc import Mapping

from rankmill.errors import TeacherUnavailable
from rankmill.teachers.engine import Engine, Need, Openable, Surroundings
from rankmill.teachers.probe import probe


class Holder:
    """Holds one teacher open, in a task of its own: a context is left by the task that entered it.

    Args:
        name: What the recipe calls the teacher.
        spec: What is opened.
        where: Where it is opened.
        views: What the views that use it need; it is probed for that.

    Attributes:
        engine: The teacher once it is open, else None. It stays here when it is closed.
    """

    def __init__(
        self, name: str, spec: Openable, where: Surroundings, views: Mapping[str, Need]
    ) -> None:
        self.engine: Engine | None = None
        self._name, self._spec, self._where, self._views = name, spec, where, views
        self._task: asyncio.Task[None] | None = None
        self._opened, self._leave = asyncio.Event(), asyncio.Event()

    async def open(self) -> Engine:
        """The open teacher. Whoever comes first has it opened, and all wait for that.

        One that could not be opened is tried again by whoever asks after those who waited.
        """
        if self._task is None:
            self._opened.clear()
            self._task = asyncio.create_task(self._hold())
            self._task.add_done_callback(lambda _: self._opened.set())
        task = self._task
        await self._opened.wait()
        if self.engine is None:
            if self._task is task:
                self._task = None
            if not task.cancelled():
                task.result()  # raises why it could not be opened
            raise TeacherUnavailable(f"teacher {self._name} is closed")
        return self.engine

    async def close(self) -> None:
        """Close the teacher, and end every process that it started."""
        if self._task is None:
            return
        if self.engine is None:
            self._task.cancel()
            await asyncio.wait([self._task])
        else:
            self._leave.set()
            await self._task

    async def _hold(self) -> None:
        async with self._spec.open(self._where) as engine:
            await probe(self._name, engine, self._views)
            self.engine = engine
            self._opened.set()
            await self._leave.wait()
