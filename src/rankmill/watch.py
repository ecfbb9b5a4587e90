"""How a build's teachers are doing, for whoever looks: a terminal, the manifest, Prometheus."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread

from rankmill.progress import Progress
from rankmill.pulse import Pulse, Pulses, Work, short
from rankmill.teachers import Meter, Teachers

_BEAT_SECONDS, _BEATS_A_RECORD = 0.5, 4


class Watch:
    """Looks after the teachers of a build; whoever counts does nothing but count.

    Attributes:
        teachers: Who is looked after.
        works: How far the stages are that ask them, by stage.
        pulse: How they were doing when they were last looked at; None while no stage asks them.
    """

    def __init__(self, teachers: Teachers, progress: Progress) -> None:
        self.teachers = teachers
        self.works: dict[str, Work] = {}
        self.pulse: Pulse | None = None
        self._progress = progress
        self._pulses = Pulses()

    def begin(self, stage: str, total: int) -> Work:
        """Where to count what a stage has done of `total` requests."""
        return self.works.setdefault(stage, Work(stage=stage, total=total))

    def end(self, stage: str) -> None:
        """The stage asks nothing more."""
        self.works.pop(stage, None)

    @contextmanager
    def beating(self, record: Callable[[Pulse], None] | None = None) -> Iterator[None]:
        """Look twice a second while a stage asks, in a thread of its own.

        Args:
            record: Called every two seconds, to put the pulse on record.
        """
        leave = Event()

        def beat() -> None:
            for beats in count(1):
                if leave.wait(_BEAT_SECONDS):
                    return
                pulse = self._look()
                if record and pulse and beats % _BEATS_A_RECORD == 0:
                    record(pulse)

        thread = Thread(target=beat, name="pulse", daemon=True)
        thread.start()
        try:
            yield
        finally:
            leave.set()
            thread.join()

    def _look(self) -> Pulse | None:
        """Take the pulse and show it, if there is work."""
        works = list(self.works.values())
        if not works:
            self.pulse = None
            return None
        queues = self.teachers.queues.values()
        flying, waiting = (sum(queue[place] for queue in queues) for place in (0, 1))
        self.pulse = self._pulses.take(self.teachers.meter, (flying, waiting), works)
        self._progress.beat(self.pulse)
        for work in works:
            self._progress.advance(work.stage, work.done, work.total)
        return self.pulse

    def left(self, spent: Meter, *, later: int = 0) -> str:
        """How far the stages are that ask teachers, and about what they have left to do.

        Args:
            spent: Tells how many tokens a call has.
            later: Requests of stages that have not begun.
        """
        done = [
            f"{one.stage}: {one.done:,} of {one.total:,} calls done" for one in self.works.values()
        ]
        calls = sum(work.left for work in self.works.values()) + later
        each = spent.tokens / spent.calls if spent.calls else 0.0
        tokens = f" and {short(calls * each)} tokens" if each else ""
        return f"{', '.join(done)}; about {calls:,} calls{tokens} left"
