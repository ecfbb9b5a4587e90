import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from rankmill.errors import StorageError, TeacherUnavailable
from rankmill.teachers import serve
from rankmill.teachers.serve import PORT, Server, Servers
from rankmill.teachers.serverlog import Phase

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
again = Path(notes).exists()
Path(notes).write_text(" ".join(map(str, started)))
sick = Path(notes).with_name("sick")
sick.unlink(missing_ok=True)
if "once" in orders and again:
    sys.exit("OSError: the weights are gone")
if "phases" in orders:
    for words in ("\x1b[1mLoading shards:  50%", "Compiling a graph"):
        print(words, flush=True)
        time.sleep(0.5)
if "die" in orders:
    print("loading weights")
    sys.exit("OSError: no weights in the folder")
if "silent" in orders:
    time.sleep(600)

began = time.monotonic()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        loading = "slow" in orders and time.monotonic() - began < 0.6
        self.send_response(503 if loading or sick.exists() else 200)
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
            folder=tmp_path / "logs",
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


def run(server, said, during=lambda running: None):
    async def work():
        async with server.running(said.append) as running:
            return during(running)

    return asyncio.run(work())


def mend(server, said, during):
    """Run a coroutine function with a running server."""

    async def work():
        async with server.running(said.append) as running:
            return await during(running)

    return asyncio.run(work())


@pytest.fixture
def hasty(monkeypatch):
    """Restarts wait a twentieth of a second, and the next ones no longer."""
    monkeypatch.setattr(serve, "_FIRST_WAIT", 0.05)
    monkeypatch.setattr(serve, "_GROWS", 1.0)


def test_a_server_answers_inside_its_context_and_is_gone_after(server, said, tmp_path):
    toy = server("children")
    url = run(toy, said, lambda running: running.url)
    port = int(url.removeprefix("http://127.0.0.1:").removesuffix("/v1"))
    assert 1024 < port < 65536
    assert len(pids_in(tmp_path)) == 3
    assert alive(pids_in(tmp_path)) == []
    assert said[0] == f"toy: starting, log in {toy.log}"
    assert toy.log.parent == tmp_path / "logs"
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
    toy = server("die")
    with pytest.raises(TeacherUnavailable) as caught:
        run(toy, said)
    assert str(caught.value) == (
        "toy ended with exit code 1 before it answered: OSError: no weights in the folder "
        f"(log: {toy.log})"
    )


def test_a_command_that_cannot_be_started_is_told(server, said, tmp_path):
    broken = Server(name="toy", command=("/no/such/program",), folder=tmp_path)
    with pytest.raises(TeacherUnavailable, match="cannot start /no/such/program: No such file"):
        run(broken, said)


def test_a_server_that_never_answers_is_given_up_and_ended(server, said, tmp_path):
    with pytest.raises(TeacherUnavailable, match="toy does not answer within 1 s: it said nothing"):
        run(server("silent", start_seconds=1.0), said)
    assert alive(pids_in(tmp_path)) == []


def test_why_it_is_not_ready_is_said_now_and_then(server, said, monkeypatch):
    monkeypatch.setattr(serve, "_NEWS_SECONDS", 0.1)
    run(server("slow"), said)
    assert any(line.startswith("toy: /health answers 503, ") for line in said)


def test_the_environment_reaches_the_server_and_its_output_the_log(server, said, tmp_path):
    toy = server(environment={"FLAVOUR": "mint"})
    run(toy, said)
    assert toy.log.read_text() == "mint\n"


def test_another_program_on_the_port_does_not_pass_for_the_server(server, said, monkeypatch):
    stranger = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--cgi", str(port := free())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        monkeypatch.setattr(serve.health, "free_port", lambda: port)
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
    with pytest.raises(StorageError, match=r"toy-\w+\.log: cannot be opened: Permission denied"):
        run(server(), said)


PARENT = """
import asyncio, sys, time
from pathlib import Path
from rankmill.teachers.serve import PORT, Server, Servers
from rankmill.teachers.serverlog import Phase

script, notes, folder = sys.argv[1:]
server = Server(
    name="toy", command=(sys.executable, script, PORT, notes, "children"),
    folder=Path(folder), grace_seconds=1.0,
)

async def work():
    async with server.running(lambda line: None):
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
    assert pids_in(tmp_path)


def test_what_a_server_is_busy_with_is_said_when_it_changes(server, said):
    phases = (Phase(words="loading", told="Loading"), Phase(words="compiling", told="Compiling"))
    run(server("phases", phases=phases), said)
    busy = [line.partition(",")[0] for line in said if "loading" in line or "compiling" in line]
    assert busy == ["toy: loading", "toy: compiling"]


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: alive([pid]) == [])


def status(running):
    with urllib.request.urlopen(f"{running.url}/models", timeout=5) as response:
        return response.status


def test_a_server_that_dies_is_started_again_at_its_url(server, said, tmp_path, hasty):
    toy = server("children")

    async def die(running):
        before, url = pids_in(tmp_path), running.url
        kill(before[0])
        await running.recover()
        assert running.url == url
        assert status(running) == 200
        assert alive(before) == []
        return pids_in(tmp_path)

    after = mend(toy, said, die)
    assert alive(after) == []
    told = f"toy was killed (out of memory?) (log: {toy.log})"
    assert f"{told}; starts again in 0 s (1 of 3 times)" in said
    assert sum("ready after" in line for line in said) == 2


def test_a_server_that_is_well_is_left_alone(server, said, tmp_path):
    async def ask(running):
        before = pids_in(tmp_path)
        await asyncio.gather(*(running.recover() for _ in range(20)))
        assert pids_in(tmp_path) == before

    mend(server(), said, ask)
    assert len(said) == 2


def test_one_death_that_many_notice_is_one_restart(server, said, tmp_path, hasty):
    async def die(running):
        kill(pids_in(tmp_path)[0])
        first = asyncio.create_task(running.recover())
        others = [asyncio.create_task(running.recover()) for _ in range(20)]
        await asyncio.sleep(0.01)
        first.cancel()  # whoever gives up does not stop the others
        await asyncio.gather(*others)
        assert status(running) == 200

    mend(server(), said, die)
    assert sum("starts again" in line for line in said) == 1


def test_a_server_that_dies_again_and_again_is_given_up_with_the_cause(
    server, said, tmp_path, hasty
):
    toy = server("once", restarts=2)

    async def die(running):
        kill(pids_in(tmp_path)[0])
        with pytest.raises(TeacherUnavailable) as first:
            await running.recover()
        with pytest.raises(TeacherUnavailable, match="OSError: the weights are gone"):
            await running.recover()
        return str(first.value)

    words = mend(toy, said, die)
    assert words == (
        "toy ended with exit code 1 before it answered: OSError: the weights are gone "
        f"(log: {toy.log}); it was started again 2 times"
    )
    assert sum("starts again" in line for line in said) == 2


def test_a_row_of_restarts_ends_with_a_while_of_health(server, said, tmp_path, hasty, monkeypatch):
    monkeypatch.setattr(serve, "_STEADY_SECONDS", 0.0)

    async def die(running):
        for _ in range(3):
            kill(pids_in(tmp_path)[0])
            await running.recover()
        return status(running)

    assert mend(server(restarts=1), said, die) == 200


def test_a_server_that_stays_ill_is_started_again(server, said, tmp_path, hasty, monkeypatch):
    monkeypatch.setattr(serve, "_MUTE_SECONDS", 0.5)

    async def fall_ill(running):
        before = pids_in(tmp_path)
        (tmp_path / "sick").touch()
        await running.recover()
        assert alive(before) == []
        return status(running)

    assert mend(server(), said, fall_ill) == 200
    assert any("toy has not been well for 0 s (/health answers 503)" in line for line in said)


def test_a_server_that_was_ill_for_a_moment_is_not_started_again(server, said, tmp_path):
    async def fall_ill(running):
        before = pids_in(tmp_path)
        (tmp_path / "sick").touch()
        mending = asyncio.create_task(running.recover())
        await asyncio.sleep(0.5)
        assert not mending.done()
        (tmp_path / "sick").unlink()
        await mending
        assert pids_in(tmp_path) == before

    mend(server(), said, fall_ill)


def test_a_build_that_ends_during_a_restart_leaves_nothing(server, said, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "_FIRST_WAIT", 0.0)
    toy = server("children", "slow")

    async def die(running):
        kill(pids_in(tmp_path)[0])
        (tmp_path / "pids").unlink()
        mending = asyncio.create_task(running.recover())
        while not (tmp_path / "pids").exists():
            await asyncio.sleep(0.01)
        mending.cancel()

    mend(toy, said, die)
    assert alive(pids_in(tmp_path)) == []


def shared(*servers, said):
    """The URLs of servers that are all needed at once, and whether the first outlives the rest."""

    async def work():
        held = Servers()
        async with held.running(servers[0], said.append) as first:
            urls = [first.url]
            for one in servers[1:]:
                async with held.running(one, said.append) as running:
                    urls.append(running.url)
            return urls, status(first)

    return asyncio.run(work())


def test_teachers_that_need_the_same_server_share_it(server, said, tmp_path):
    urls, answer = shared(server(), server(), server(), said=said)
    assert len(set(urls)) == 1
    assert answer == 200
    assert sum("starting" in line for line in said) == 1
    assert alive(pids_in(tmp_path)) == []


def test_servers_with_another_environment_are_others(server, said):
    urls, _ = shared(server(), server(environment={"FLAVOUR": "mint"}), said=said)
    assert len(set(urls)) == 2


def test_a_server_that_is_needed_again_is_started_again(server, said):
    async def work():
        held = Servers()
        for _ in range(2):
            async with held.running(server(), said.append) as running:
                assert status(running) == 200

    asyncio.run(work())
    assert sum("starting" in line for line in said) == 2


def test_a_shared_server_that_failed_is_tried_again_by_the_next(server, said, tmp_path):
    async def work():
        held = Servers()
        for _ in range(2):
            with pytest.raises(TeacherUnavailable, match="no weights in the folder"):
                async with held.running(server("die"), said.append):
                    pass

    asyncio.run(work())


def test_a_shared_server_outlives_whoever_started_it(server, said, tmp_path):
    async def hold(held, leave, holding):
        async with held.running(server(), said.append) as running:
            holding.set()
            await leave.wait()
            return status(running)

    async def work():
        held, first_leaves, second_leaves = Servers(), asyncio.Event(), asyncio.Event()
        tasks = []
        for leave in (first_leaves, second_leaves):
            holding = asyncio.Event()
            tasks.append(asyncio.create_task(hold(held, leave, holding)))
            await holding.wait()
        first_leaves.set()
        await tasks[0]
        still = alive(pids_in(tmp_path))
        second_leaves.set()
        return still, await tasks[1]

    still, answer = asyncio.run(work())
    assert len(still) == 1
    assert answer == 200
    assert alive(pids_in(tmp_path)) == []
