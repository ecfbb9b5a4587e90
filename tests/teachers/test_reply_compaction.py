import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from kept_replies import filled, put, replies, texts
from rankmill.errors import StorageError
from rankmill.teachers.store import Compacted, ReplyStore, compact, places


def names(folder):
    return sorted(path.name.partition("-")[0] for path in folder.glob("*.jsonl"))


def contents(folder):
    """Every file that is no lock and no cache."""
    wanted = (path for path in folder.iterdir() if path.suffix in {".jsonl", ".partial"})
    return {path.name: path.read_bytes() for path in wanted}


def three(folder):
    """The keys of three journals; the second also has what the first has, with other words."""
    keys = filled(folder, 10)
    (first,) = folder.glob("*.jsonl")
    hidden = first.rename(folder / "away")
    with ReplyStore(folder) as store:
        keys += [put(store, number, f"late {number}") for number in range(5)]
        keys += [put(store, number, f"reply {number}") for number in range(10, 20)]
    (second,) = folder.glob("*.jsonl")
    second.rename(second.with_name(second.name.replace("000001", "000002")))
    hidden.rename(first)
    return sorted({*keys, *filled(folder, 10, first=20)})


def test_many_journals_become_one_and_the_oldest_replies_stay(tmp_path):
    keys = three(tmp_path)
    before = texts(tmp_path, keys)
    assert sorted(before) == sorted(replies(*range(30)))
    assert compact(tmp_path) == Compacted(before=3, after=1, living=0, dropped=5)
    assert texts(tmp_path, keys) == before
    (path,) = tmp_path.glob("*.jsonl")
    assert path.name.startswith("000001-")
    assert path.read_bytes().count(b"\n") == 30


def test_it_tells_how_many_bytes_it_read(tmp_path):
    three(tmp_path)
    size = sum(map(len, contents(tmp_path).values()))
    seen = []
    compact(tmp_path, seen=seen.append)
    assert sum(seen) == size


def test_what_is_compact_is_left_as_it_is(tmp_path):
    three(tmp_path)
    compact(tmp_path)
    before = contents(tmp_path)
    assert compact(tmp_path) == Compacted(before=1, after=1, living=0, dropped=0)
    assert contents(tmp_path) == before


def test_an_empty_folder_is_compact(tmp_path):
    assert compact(tmp_path) == Compacted(before=0, after=0, living=0, dropped=0)


def test_a_store_can_be_compacted_again_and_again(tmp_path):
    keys = []
    for turn in range(4):
        keys += filled(tmp_path, 3, first=3 * turn)
        compact(tmp_path)
    assert len([*tmp_path.glob("*.jsonl")]) == 1
    assert texts(tmp_path, keys) == replies(*range(12))


def test_a_torn_tail_is_left_out(tmp_path):
    keys = filled(tmp_path, 3)
    (path,) = tmp_path.glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-5])
    keys += filled(tmp_path, 3, first=3)
    compact(tmp_path)
    assert texts(tmp_path, keys) == [*replies(0, 1), None, *replies(3, 4, 5)]


def test_a_journal_that_is_written_stays_between_its_neighbours(tmp_path):
    keys = filled(tmp_path, 2) + filled(tmp_path, 2, first=2)
    with ReplyStore(tmp_path) as writing:
        keys.append(put(writing, 4, "reply 4"))
        keys += filled(tmp_path, 2, first=5) + filled(tmp_path, 2, first=7)
        assert compact(tmp_path) == Compacted(before=5, after=3, living=1, dropped=0)
        assert names(tmp_path) == ["000001", "000003", "000004"]
        keys.append(put(writing, 9, "reply 9"))
        assert [writing.get(key).text for key in (keys[0], keys[4], keys[9])] == replies(0, 4, 9)
    assert texts(tmp_path, keys) == replies(*range(10))
    assert compact(tmp_path) == Compacted(before=3, after=1, living=0, dropped=0)
    assert texts(tmp_path, keys) == replies(*range(10))


def test_a_reply_whose_older_one_is_still_being_written_is_kept(tmp_path):
    with ReplyStore(tmp_path) as writing:
        put(writing, 0, "in memory")
        keys = filled(tmp_path, 2, first=1)
        other = ReplyStore(tmp_path)
        keys.append(put(writing, 9, "older"))
        put(other, 9, "newer")
        other.close()
        assert compact(tmp_path).dropped == 0
        assert texts(tmp_path, keys)[-1] == "older"
    assert compact(tmp_path).dropped == 1
    assert texts(tmp_path, keys)[-1] == "older"


@pytest.mark.parametrize("worth", [10, 10**6], ids=["with an index", "without"])
def test_an_open_store_finds_its_replies_in_their_new_places(tmp_path, monkeypatch, worth):
    monkeypatch.setattr(places, "_WORTH_IT", worth)
    keys = three(tmp_path)
    before = texts(tmp_path, keys)
    with ReplyStore(tmp_path) as store:
        compact(tmp_path)
        assert [store.get(key).text for key in keys] == before
        put(store, 99, "more")
        assert len(store) == 31


def test_a_store_whose_index_is_old_by_a_compaction_writes_no_wrong_one(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "_WORTH_IT", 10)
    monkeypatch.setattr(places, "_MANY", 20)
    keys = three(tmp_path)
    before = texts(tmp_path, keys)
    with ReplyStore(tmp_path) as store:
        compact(tmp_path)
        later = [put(store, number, f"reply {number}") for number in range(100, 150)]
    assert texts(tmp_path, keys) == before
    assert texts(tmp_path, later) == replies(*range(100, 150))


def test_one_process_compacts_at_a_time(tmp_path):
    three(tmp_path)
    with FileLock(tmp_path / ".compact.lock"), pytest.raises(StorageError, match="another process"):
        compact(tmp_path)


def test_a_bad_line_stops_it_and_nothing_is_changed(tmp_path):
    three(tmp_path)
    last = max(tmp_path.glob("*.jsonl"))
    last.write_bytes(last.read_bytes() + b"nonsense\n")
    before = contents(tmp_path)
    with pytest.raises(StorageError, match=rf"{last.name}, line 11: expected a reply"):
        compact(tmp_path)
    assert contents(tmp_path) == before


class Killed(BaseException):
    """Stands for a power cut: what comes after it does not happen."""


def kill_at(monkeypatch, moment):
    """Stop at a call that changes the folder; also what would clean up after it."""
    calls = iter(range(10**6))

    def counted(function):
        def call(*args, **kwargs):
            if next(calls) >= moment:
                raise Killed
            return function(*args, **kwargs)

        return call

    for owner, name in ((Path, "unlink"), (Path, "replace"), (os, "fsync")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))


@pytest.mark.parametrize("moment", range(14))
def test_a_compaction_that_ends_at_any_step_costs_nothing(tmp_path, monkeypatch, moment):
    keys = three(tmp_path)
    before = texts(tmp_path, keys)
    with monkeypatch.context() as patch:
        kill_at(patch, moment)
        try:
            compact(tmp_path)
        except Killed:
            killed = True
        else:
            killed = False
    assert killed == (moment < 10)
    assert texts(tmp_path, keys) == before
    compact(tmp_path)
    assert texts(tmp_path, keys) == before
    assert len(contents(tmp_path)) == 1


COMPACTOR = """
import sys
from pathlib import Path
from rankmill.teachers.store import compact
sys.stdout.write("ready\\n")
sys.stdout.flush()
compact(Path(sys.argv[1]))
"""


def test_kill_9_of_a_compaction_costs_nothing(tmp_path):
    keys = [key for part in range(4) for key in filled(tmp_path, 3000, first=3000 * part)]
    draw = random.Random(1)
    for _ in range(4):
        command = [sys.executable, "-c", COMPACTOR, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        time.sleep(draw.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with ReplyStore(tmp_path) as store:
            assert all(key in store for key in keys)
            assert len(store) == len(keys)
    compact(tmp_path)
    assert texts(tmp_path, keys[::50]) == replies(*range(0, 12000, 50))
    assert len(contents(tmp_path)) == 1


def test_a_full_disk_in_the_middle_is_one_line_and_costs_nothing(tmp_path):
    keys = [key for part in range(3) for key in filled(tmp_path, 50, first=50 * part)]
    before = contents(tmp_path)
    largest = max(map(len, before.values()))
    code = f"""
import resource, signal
from pathlib import Path
from rankmill.errors import StorageError
from rankmill.teachers.store import compact
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({largest}, {largest}))
try:
    compact(Path({str(tmp_path)!r}))
except StorageError as error:
    raise SystemExit(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "larger than this process may write" in done.stderr
    assert contents(tmp_path) == before
    assert texts(tmp_path, keys) == replies(*range(150))
