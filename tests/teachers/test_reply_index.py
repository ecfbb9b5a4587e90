import errno
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kept_replies import filled, put, replies, texts
from rankmill.errors import StorageError
from rankmill.teachers.store import ReplyStore, places
from rankmill.teachers.store.index import PARTS, Cover, DamagedIndex, write_index

COVERS = [Cover("a.jsonl", 7, 1), Cover("b.jsonl", 9, 2)]


def write(path, records):
    parts = [b"" for _ in range(PARTS)]
    for key, place in records:
        parts[key[0]] += key + place.to_bytes(8, "big")
    return write_index(path, COVERS, parts, len(records))


@pytest.fixture
def eager(monkeypatch):
    """Have an index from the tenth reply on, and hold no more than twenty keys in memory."""
    monkeypatch.setattr(places, "_WORTH_IT", 10)
    monkeypatch.setattr(places, "_MANY", 20)


# The file

NEAR = st.sampled_from([bytes(16), bytes(15) + b"\1", b"\1" + bytes(15), b"\xff" * 16])
KEYS = NEAR | st.binary(min_size=16, max_size=16)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(KEYS, st.integers(0, 2**63)), max_size=300), st.lists(KEYS, max_size=9))
def test_an_index_finds_what_a_dictionary_finds(tmp_path_factory, records, others):
    lowest = {}
    for key, place in records:
        lowest[key] = min(place, lowest.get(key, place))
    index = write(tmp_path_factory.mktemp("index") / "index", records)
    assert index.count == len(lowest)
    assert index.covers == COVERS
    for key in (*lowest, *others):
        assert index.find(key) == lowest.get(key)
    assert [*index.between(bytes(16), b"\xff" * 16)] == sorted(lowest)
    index.close()


def test_a_key_that_crosses_two_records_is_not_found(tmp_path):
    index = write(tmp_path / "index", [(bytes(8) + b"\2" * 8, 0), (bytes(7) + b"\2" + bytes(8), 1)])
    assert index.find(bytes(16)) is None
    index.close()


def test_places_are_renumbered_with_their_journals(tmp_path):
    here, there = (1 << 40) + 5, 6
    index = write(tmp_path / "index", [(bytes(16), here), (b"\0" * 15 + b"\1", there)])
    part = index.part(0, [3, 0])
    assert part == bytes(16) + (5).to_bytes(8, "big") + bytes(15) + b"\1" + (
        (3 << 40) + 6
    ).to_bytes(8, "big")
    index.close()


def test_an_index_that_cannot_be_written_leaves_no_trace(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "index", [(bytes(16), 0)])
    assert [*tmp_path.iterdir()] == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A folder with an index, and its keys."""
    folder = tmp_path_factory.mktemp("sound")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_WORTH_IT", 10)
        keys = filled(folder)
    return folder, keys


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_index_that_is_damaged_anywhere_costs_nothing(sound, tmp_path_factory, data):
    folder = shutil.copytree(sound[0], tmp_path_factory.mktemp("damaged") / "replies")
    index = folder / "index"
    whole = index.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    index.write_bytes(whole[:at] if cut else whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with ReplyStore(folder) as store:
        assert [store.get(key).text for key in sound[1]] == replies(*range(30))
        assert len(store) == 30
        assert store.get("0" * 32) is None
        assert store.named("", 99) == sorted(sound[1])


# Belief in it


def test_few_replies_need_no_index(tmp_path):
    keys = filled(tmp_path)
    assert not (tmp_path / "index").exists()
    assert texts(tmp_path, keys) == replies(*range(30))


def test_journals_that_an_index_knows_are_not_read(tmp_path, eager):
    keys = filled(tmp_path)
    (path,) = tmp_path.glob("*.jsonl")
    state = path.stat()
    path.write_bytes(b"x" + path.read_bytes()[1:])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    with ReplyStore(tmp_path) as store:
        assert len(store) == 30
        assert keys[29] in store


def test_what_an_index_does_not_know_yet_is_read(tmp_path, eager):
    keys = filled(tmp_path) + filled(tmp_path, 5, first=30)
    with (tmp_path / "000003-1.jsonl").open("wb") as torn:
        torn.write(b'{"key":"')
    assert texts(tmp_path, keys) == replies(*range(35))


def test_a_journal_that_is_still_written_is_read_from_where_the_index_ends(tmp_path, eager):
    with ReplyStore(tmp_path) as writing:
        keys = [put(writing, number, f"reply {number}") for number in range(15)]
        with ReplyStore(tmp_path):
            assert (tmp_path / "index").exists()
        keys += [put(writing, number, f"reply {number}") for number in range(15, 18)]
        assert texts(tmp_path, keys) == replies(*range(18))


def test_keys_leave_memory_while_a_store_is_written(tmp_path, eager):
    with ReplyStore(tmp_path) as store:
        keys = [put(store, number, f"reply {number}") for number in range(50)]
        assert (tmp_path / "index").exists()
        assert [store.get(key).text for key in keys] == replies(*range(50))
        put(store, 3, "again")
        assert len(store) == 50
    assert texts(tmp_path, keys) == replies(*range(50))


def shorten(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))


def reverse(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(reversed(lines)))
    os.utime(path, ns=(1, 1))


def reverse_unseen(path):
    state = path.stat()
    reverse(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "left"),
    [(shorten, 29), (reverse, 30), (reverse_unseen, 30), (lambda path: path.unlink(), 0)],
    ids=["shorter", "of another time", "changed unseen", "gone"],
)
def test_an_index_that_does_not_fit_the_journals_is_made_anew(tmp_path, eager, change, left):
    keys = filled(tmp_path)
    change(next(tmp_path.glob("*.jsonl")))
    assert texts(tmp_path, keys) == replies(*range(left)) + [None] * (30 - left)
    assert texts(tmp_path, keys) == replies(*range(left)) + [None] * (30 - left)


def test_a_journal_that_is_gone_while_the_store_is_open_is_named(tmp_path, eager):
    keys = filled(tmp_path)
    with ReplyStore(tmp_path) as store:
        (path,) = tmp_path.glob("*.jsonl")
        path.unlink()
        with pytest.raises(StorageError, match=f"{path.name}: cannot be opened"):
            store.get(keys[0])


def test_a_folder_in_which_no_index_can_be_written_is_read_all_the_same(tmp_path, eager):
    (tmp_path / "index" / "in the way").mkdir(parents=True)
    keys = filled(tmp_path, 90)
    assert texts(tmp_path, keys) == replies(*range(90))
    assert not [*tmp_path.glob("*.partial")]


def test_two_stores_that_write_one_folder_lose_nothing(tmp_path, eager):
    with ReplyStore(tmp_path) as one, ReplyStore(tmp_path) as other:
        keys = []
        for number in range(0, 100, 2):
            keys.append(put(one, number, f"reply {number}"))
            keys.append(put(other, number + 1, f"reply {number + 1}"))
    assert texts(tmp_path, keys) == replies(*range(100))


STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 12)), max_size=60)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_with_an_index_the_same_replies_count_as_without_one(tmp_path_factory, steps):
    """Three stores write, each sees what was there when it was opened; -1 opens one again."""
    folder = tmp_path_factory.mktemp("replies")
    keys = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "_WORTH_IT", 2)
        patch.setattr(places, "_MANY", 4)
        stores = [ReplyStore(folder) for _ in range(3)]
        for turn, (which, number) in enumerate(steps):
            if number < 0:
                stores[which].close()
            else:
                keys.add(put(stores[which], number, f"turn {turn}"))
        for store in stores:
            store.close()
        with_index = texts(folder, sorted(keys))
        with ReplyStore(folder) as store:
            assert len(store) == len(keys)
            assert store.named("", 99) == sorted(keys)
            assert len([*store.lines()]) == len(keys)
    (folder / "index").unlink(missing_ok=True)
    assert with_index == texts(folder, sorted(keys))


def test_the_keys_that_begin_alike_are_found_in_memory_and_on_disk(tmp_path, eager):
    keys = filled(tmp_path)
    with ReplyStore(tmp_path) as store:
        keys.append(put(store, 99, "new"))
        for key in keys:
            assert store.named(key[:7], 9) == [key]
        assert len(store.named("", 5)) == 5
        assert set(store.named("a", 99)) == {key for key in keys if key.startswith("a")}


def test_what_is_no_index_is_not_opened(tmp_path):
    (tmp_path / "index").write_bytes(b"something else")
    with pytest.raises(DamagedIndex):
        places.Index(tmp_path / "index")
