"""An event loop in a thread of its own, that any other thread may have work done on."""

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

_RARELY = 50_000, 20, 20
T = TypeVar("T")


class LoopThread:
    """Runs coroutines from when it is made until it is closed.

    Meanwhile the process looks for garbage less often: what thousands of requests on their way
    hold is young for long, and to look at it again and again takes a fifth of the time.
    """

    def __init__(self, name: str) -> None:
        self._often = gc.get_threshold()
        gc.set_threshold(*_RARELY)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()
        self._running: set[Future[Any]] = set()

    @property
    def in_use(self) -> bool:
        """Whether anybody waits for a coroutine to end."""
        return bool(self._running)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, and return what it returns. An interruption cancels it."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._running.add(running)
        try:
            return running.result()
        finally:
            self._running.discard(running)
            running.cancel()

    def call(self, act: Callable[..., object], *given: object) -> None:
        """Have the loop call a function soon."""
        self._loop.call_soon_threadsafe(act, *given)

    def close(self) -> None:
        """End the loop and its threads."""
        try:
            self.run(self._loop.shutdown_default_executor())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            gc.set_threshold(*self._often)
