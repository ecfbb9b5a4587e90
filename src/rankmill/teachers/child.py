"""Child processes that never outlive this one."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_WATCHER = Path(__file__).with_name("watcher.py")
Child = subprocess.Popen[bytes]


def spawn(
    command: Sequence[str], log: IO[bytes], environment: Mapping[str, str], *, grace: float
) -> Child:
    """Start a program below a watcher, which ends it when this process ends in any way.

    Args:
        command: Program and arguments.
        log: Takes what it says.
        environment: Variables added to this process's own.
        grace: Seconds that it may take to end before it is killed.

    Returns:
        The watcher, which ends with the program's exit code.
    """
    return subprocess.Popen(
        [sys.executable, "-I", str(_WATCHER), str(grace), *command],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1", **environment},
        start_new_session=True,
    )


async def end(child: Child) -> None:
    """Let go of the watcher, and wait until nothing below it is left."""
    if child.stdin:
        child.stdin.close()
    code = await asyncio.shield(asyncio.to_thread(child.wait))
    if code == -signal.SIGKILL:  # somebody killed the watcher itself: end its whole session
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


KILLED = "was killed (out of memory?)"
"""What is said of a program that was; its own last words tell nothing of it."""


def ended(code: int | None) -> str:
    """How a program ended, in words."""
    if code in {128 + signal.SIGKILL, -signal.SIGKILL}:
        return KILLED
    return f"ended with exit code {code}"
