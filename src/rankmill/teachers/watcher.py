"""Run as a script: starts a server and ends it, and all that it started, with its parent.

`python watcher.py GRACE COMMAND...` holds on to its standard input. When that closes, because
whoever holds the other end said so or was killed, everything below this process is asked to end,
and GRACE seconds later made to. Ends with the server's exit code.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

import psutil

PR_SET_CHILD_SUBREAPER = 36
KILLS = 10  # each waits a second; what survives them hangs in the kernel


def main(grace: float, command: list[str]) -> int:
    """Start `command`; return when it has ended and nothing that it started is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: end_everything(grace))
    if sys.platform == "linux":  # so that what daemonizes stays below this process
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.stderr.write(f"error: cannot start {command[0]}: {error.strerror}\n")
        return 127
    threading.Thread(target=until_alone, args=(grace,), daemon=True).start()
    code = server.wait()
    end_everything(grace)
    return code


def until_alone(grace: float) -> None:
    """Wait until nobody holds the other end of standard input; then end everything."""
    while os.read(0, 4096):
        pass
    end_everything(grace)


def end_everything(grace: float) -> None:
    """Ask every process below this one to end; kill what has not within `grace` seconds."""
    below = psutil.Process().children(recursive=True)
    for process in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(below, timeout=grace)
    for _ in range(KILLS):
        left = alive()
        if not left:
            return
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=1)


def alive() -> list[psutil.Process]:
    """Processes below this one that still run."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


if __name__ == "__main__":
    code = main(float(sys.argv[1]), sys.argv[2:])
    sys.exit(128 - code if code < 0 else code)
