import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.errors import StorageError
from rankmill.records import Chat, Continuation, Message, Reply
from rankmill.teachers.store import ReplyStore, key_of

TEACHER = {"kind": "openai", "model": "m"}
CHAT = Chat(messages=(Message(role="user", content="hi"),), max_tokens=3)
KEY = key_of(TEACHER, CHAT, 0)
REPLY = Reply(
    text="Ja.",
    reasoning="hm",
    top_logprobs=(("Ja", -0.1), ("Nein", -2.5)),
    logprobs=(-1.5, -0.25),
    scores=(0.5, -2.0),
    tokens_in=7,
    tokens_out=2,
)


def numbered(number):
    return Chat(messages=(Message(role="user", content=str(number)),), max_tokens=1)


def put(store, number, text):
    key = key_of(TEACHER, numbered(number), 0)
    store.put(key, TEACHER, numbered(number), 0, Reply(text=text))
    return key


def only_file(folder):
    (path,) = folder.glob("*.jsonl")
    return path


def test_a_key_is_the_same_on_every_machine():
    asked = (
        b'[{"kind":"openai","model":"m"},"Chat",{"max_tokens":3,'
        b'"messages":[{"content":"hi","role":"user"}],"stop":[],"temperature":0.0,'
        b'"top_logprobs":0},0]'
    )
    assert hashlib.sha256(asked).hexdigest()[:32] == KEY


@pytest.mark.parametrize(
    "other",
    [
        key_of({"kind": "openai", "model": "n"}, CHAT, 0),
        key_of(TEACHER, CHAT, 1),
        key_of(TEACHER, Chat(messages=CHAT.messages, max_tokens=4), 0),
        key_of(TEACHER, Chat(messages=CHAT.messages, max_tokens=3, temperature=0.5), 0),
        key_of(TEACHER, Continuation(prefix="hi", text=" there"), 0),
    ],
)
def test_a_key_changes_with_everything_that_is_asked(other):
    assert other != KEY


def test_a_key_does_not_depend_on_the_order_of_the_identity():
    assert key_of(dict(reversed(TEACHER.items())), CHAT, 0) == KEY


def test_a_reply_comes_back_as_it_was_put_also_after_the_store_is_opened_again(tmp_path):
    with ReplyStore(tmp_path) as store:
        store.put(KEY, TEACHER, CHAT, 0, REPLY)
        assert store.get(KEY) == REPLY
    with ReplyStore(tmp_path) as store:
        assert store.get(KEY) == REPLY
        assert len(store) == 1
        assert KEY in store


def test_a_reply_from_before_there_were_scores_can_be_read(tmp_path):
    with ReplyStore(tmp_path) as store:
        put(store, 1, "old")
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"scores":[],', b""))
    assert b"scores" not in path.read_bytes()
    with ReplyStore(tmp_path) as store:
        assert store.get(key_of(TEACHER, numbered(1), 0)) == Reply(text="old")


def test_a_record_says_who_was_asked_what(tmp_path):
    with ReplyStore(tmp_path) as store:
        store.put(KEY, TEACHER, CHAT, 0, REPLY)
        record = store.record(KEY)
    assert record["teacher"] == TEACHER
    assert record["request"]["messages"] == [{"role": "user", "content": "hi"}]
    assert record["trial"] == 0
    assert record["reply"]["text"] == "Ja."


def test_an_unknown_key_has_no_reply(tmp_path):
    with ReplyStore(tmp_path) as store:
        assert store.get(KEY) is None
        assert store.record(KEY) is None
        assert KEY not in store


def test_a_store_that_is_only_read_leaves_no_file(tmp_path):
    with ReplyStore(tmp_path) as store:
        assert store.get(KEY) is None
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_two_replies_to_one_request_counts(tmp_path):
    with ReplyStore(tmp_path) as store:
        put(store, 1, "first")
        key = put(store, 1, "second")
        assert store.get(key).text == "first"
    assert only_file(tmp_path).read_bytes().count(b"\n") == 1


def test_of_two_files_with_one_key_the_older_counts(tmp_path):
    with ReplyStore(tmp_path) as one, ReplyStore(tmp_path) as other:
        put(one, 1, "older")
        key = put(other, 1, "newer")
        assert other.get(key).text == "newer"
    with ReplyStore(tmp_path) as store:
        assert store.get(key).text == "older"


def test_every_open_store_writes_a_file_of_its_own(tmp_path):
    with ReplyStore(tmp_path) as one, ReplyStore(tmp_path) as other:
        put(one, 1, "a")
        put(other, 2, "b")
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    with ReplyStore(tmp_path) as store:
        assert len(store) == 2


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_line_cut_anywhere_costs_that_reply_only_and_spoils_nothing_after(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("replies")
    with ReplyStore(folder) as store:
        keys = [put(store, number, "é\n" * number) for number in range(4)]
    whole = only_file(folder).read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    only_file(folder).write_bytes(whole[:cut])
    left = whole[:cut].count(b"\n")
    with ReplyStore(folder) as store:
        assert [key in store for key in keys] == [number < left for number in range(4)]
        put(store, 9, "after")
    with ReplyStore(folder) as store:
        assert len(store) == left + 1


@pytest.mark.parametrize("bad", [b"nonsense\n", b"\n", b'{"key":"abc"}\n', b'{"text":"x"}\n'])
def test_a_bad_line_in_the_middle_is_named_by_file_and_line(tmp_path, bad):
    with ReplyStore(tmp_path) as store:
        put(store, 1, "a")
        put(store, 2, "b")
    path = only_file(tmp_path)
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + bad + second)
    with pytest.raises(StorageError, match=rf"{path.name}, line 2: expected a reply"):
        ReplyStore(tmp_path)


def test_a_line_whose_inside_is_damaged_is_named_when_it_is_read(tmp_path):
    with ReplyStore(tmp_path) as store:
        put(store, 1, "a")
        key = put(store, 2, "b")
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"text":"b"', b'"text":"b,'))
    with ReplyStore(tmp_path) as store, pytest.raises(StorageError, match="line 2"):
        store.get(key)


def test_a_full_disk_is_one_line_and_what_was_half_written_is_no_reply(tmp_path, monkeypatch):
    write = os.write
    room = [40]  # bytes

    def fill_up(descriptor, line):
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, line[: room.pop()])

    with ReplyStore(tmp_path) as store:
        put(store, 1, "a")
        monkeypatch.setattr(os, "write", fill_up)
        with pytest.raises(StorageError, match="the disk is full"):
            put(store, 2, "b")
        monkeypatch.undo()
        assert store.get(key_of(TEACHER, numbered(2), 0)) is None
        put(store, 3, "c")
    with ReplyStore(tmp_path) as store:
        assert [key_of(TEACHER, numbered(n), 0) in store for n in (1, 2, 3)] == [True, False, True]


def test_what_the_disk_did_not_keep_is_said(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, "Input/output error")

    store = ReplyStore(tmp_path)
    put(store, 1, "a")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match="did not keep what was written: Input/output error"):
        store.close()


def test_many_threads_lose_nothing(tmp_path):
    with ReplyStore(tmp_path) as store:
        threads = [
            threading.Thread(target=lambda t=t: [put(store, (t, n), "x") for n in range(200)])
            for t in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with ReplyStore(tmp_path) as store:
        assert len(store) == 1600


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_reply_store import put
from rankmill.teachers.store import ReplyStore
store = ReplyStore(Path({folder!r}))
for number in range(10**6):
    put(store, number, "text " * 50)
    sys.stdout.write(f"{{number}}\\n")
    sys.stdout.flush()
"""


def test_kill_9_loses_nothing_that_put_returned(tmp_path):
    here = os.path.dirname(__file__)  # noqa: PTH120
    code = WRITER.format(here=here, folder=str(tmp_path))
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for _ in range(300):
        last = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read().split("\n")
    writer.wait()
    writer.stdout.close()
    last = max([last, *(int(line) for line in rest[:-1] if line)])
    with ReplyStore(tmp_path) as store:
        kept = [store.get(key_of(TEACHER, numbered(n), 0)) for n in range(last + 1)]
    assert kept == [Reply(text="text " * 50)] * (last + 1)


def test_a_line_holds_plain_json_that_begins_with_its_key(tmp_path):
    with ReplyStore(tmp_path) as store:
        store.put(KEY, TEACHER, CHAT, 0, REPLY)
    line = only_file(tmp_path).read_bytes()
    assert line.startswith(b'{"key":"' + KEY.encode() + b'",')
    assert list(orjson.loads(line)) == ["key", "teacher", "request", "trial", "reply"]
