"""Signals that end a build cleanly."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rankmill.teachers import Teachers

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible(teachers: Teachers) -> Iterator[None]:
    """Have SIGINT and SIGTERM close the teachers' door while somebody asks, and raise nothing.

    Whoever asks then gets `Interrupted`, and what is in flight is let finish; a second signal cuts
    that short. While nobody asks, signals do what they did before. In any thread but the main one
    this does nothing, for no signal comes there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        earlier = before[signal.Signals(number)]
        if teachers.in_use:
            teachers.interrupt()
        elif callable(earlier):
            earlier(number, frame)
        else:
            raise KeyboardInterrupt

    for number in _SIGNALS:  # this undoes, too, what polars does: an endless wait goes on after one
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
