import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rankmill.errors import StorageError, TeacherUnavailable
from rankmill.teachers import serve
from rankmill.teachers.serve import PORT, Server

SERVER = """
import os, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

port, notes, *orders = sys.argv[1:]
sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
started = [os.getpid()]
if "children" in orders:
    started.append(subprocess.Popen(sleeper).pid)
    started.append(subprocess.Popen(sleeper, start_new_session=True).pid)
if "stubborn" in orders:
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(notes).write_text(" ".join(map(str, started)))
if "die" in orders:
    print("loading weights")
    sys.exit("OSError: no weights in the folder")
if "silent" in orders:
    time.sleep(600)

began = time.monotonic()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        loading = "slow" in orders and time.monotonic() - began < 0.6
        self.send_response(503 if loading else 200)
        self.end_headers()
        self.wfile.write(b"{}")
    def log_message(self, *_):
        pass

print(os.environ.get("FLAVOUR", "none"), flush=True)
HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


@pytest.fixture
def server(tmp_path):
    script = tmp_path / "server.py"
    script.write_text(SERVER)

    def make(*orders, **fields):
        return Server(
            name="toy",
            command=(sys.executable, str(script), PORT, str(tmp_path / "pids"), *orders),
            log=tmp_path / "logs" / "toy.log",
            **{"start_seconds": 20.0, "grace_seconds": 2.0, **fields},
        )

    return make


def alive(pids):
    def lives(pid):
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return [pid for pid in pids if lives(pid)]


def pids_in(folder):
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def wait_for(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def run(server, said, during=lambda url: None):
    async def work():
        async with server.running(said.append) as url:
            return during(url)

    return asyncio.run(work())


def test_a_server_answers_inside_its_context_and_is_gone_after(server, said, tmp_path):
    url = run(server("children"), said, lambda url: url)
    port = int(url.removeprefix("http://127.0.0.1:").removesuffix("/v1"))
    assert 1024 < port < 65536
    assert len(pids_in(tmp_path)) == 3
    assert alive(pids_in(tmp_path)) == []
    assert said[0] == f"toy: starting, log in {tmp_path / 'logs' / 'toy.log'}"
    assert said[-1].startswith("toy: ready after")


def test_a_server_ends_when_its_context_ends_in_an_error(server, said, tmp_path):
    def fail(_):
        raise KeyError("the build failed")

    with pytest.raises(KeyError):
        run(server("children"), said, fail)
    assert alive(pids_in(tmp_path)) == []


def test_a_server_that_will_not_end_is_killed_after_its_grace(server, said, tmp_path):
    began = time.monotonic()
    run(server("stubborn", grace_seconds=0.5), said)
    assert alive(pids_in(tmp_path)) == []
    assert time.monotonic() - began < 10


def test_a_server_that_dies_is_told_with_its_last_words(server, said, tmp_path):
    with pytest.raises(TeacherUnavailable) as caught:
        run(server("die"), said)
    assert str(caught.value) == (
        "toy ended with exit code 1 before it answered: OSError: no weights in the folder "
        f"(log: {tmp_path / 'logs' / 'toy.log'})"
    )


def test_a_command_that_cannot_be_started_is_told(server, said, tmp_path):
    broken = Server(name="toy", command=("/no/such/program",), log=tmp_path / "log")
    with pytest.raises(TeacherUnavailable, match="cannot start /no/such/program: No such file"):
        run(broken, said)


def test_a_server_that_never_answers_is_given_up_and_ended(server, said, tmp_path):
    with pytest.raises(TeacherUnavailable, match="toy does not answer within 1 s: it said nothing"):
        run(server("silent", start_seconds=1.0), said)
    assert alive(pids_in(tmp_path)) == []


def test_why_it_is_not_ready_is_said_now_and_then(server, said, monkeypatch):
    monkeypatch.setattr(serve, "_NEWS_SECONDS", 0.1)
    run(server("slow"), said)
    assert any("not ready after" in line and "answers 503" in line for line in said)


def test_the_environment_reaches_the_server_and_its_output_the_log(server, said, tmp_path):
    run(server(environment={"FLAVOUR": "mint"}), said)
    assert (tmp_path / "logs" / "toy.log").read_text() == "mint\n"


def test_another_program_on_the_port_does_not_pass_for_the_server(server, said, monkeypatch):
    stranger = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--cgi", str(port := free())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        monkeypatch.setattr(serve, "_free_port", lambda: port)
        with pytest.raises(TeacherUnavailable, match=r"(?i)address already in use"):
            run(server(), said)
    finally:
        stranger.kill()
        stranger.wait()


def free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_log_that_cannot_be_written_is_one_line(server, said, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageError, match=r"toy\.log: cannot be opened: Permission denied"):
        run(server(), said)


PARENT = """
import asyncio, sys, time
from pathlib import Path
from rankmill.teachers.serve import PORT, Server

script, notes, folder = sys.argv[1:]
server = Server(
    name="toy", command=(sys.executable, script, PORT, notes, "children"),
    log=Path(folder) / "toy.log", grace_seconds=1.0,
)

async def work():
    async with server.running(lambda line: None) as url:
        print("ready", flush=True)
        await asyncio.sleep(600)

asyncio.run(work())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_that_is_killed_leaves_no_orphan(server, tmp_path, number):
    server()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path / "server.py", tmp_path / "pids", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout.readline() == "ready\n"
    below = [process.pid for process in psutil.Process(parent.pid).children(recursive=True)]
    assert len(below) == 4  # the watcher, the server and its two children
    assert set(pids_in(tmp_path)) < set(below)
    parent.send_signal(number)
    parent.wait(15)
    parent.stdout.close()
    wait_for(lambda: alive(below) == [])


def test_a_watcher_that_is_killed_takes_its_session_with_it(server, said, tmp_path):
    def kill(_):
        (watcher,) = {psutil.Process(pids_in(tmp_path)[0]).ppid()}
        os.kill(watcher, signal.SIGKILL)

    run(server(), said, kill)
    wait_for(lambda: alive(pids_in(tmp_path)) == [])
