import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kept_replies import TEACHER, numbered, put
from rankmill.errors import StorageError
from rankmill.records import Attention, Chat, Continuation, Message, Reply
from rankmill.teachers.store import ReplyStore, journal, key_of, places

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


VLLM = {
    "model": "Qwen/Qwen2.5",
    "kind": "vllm",
    "revision": "",
    "extra": {"z": 1, "a": {"y": [1, 2.5, None, True], "b": "é\n"}},
}
ODD = 'Frage: ¿qué? \u2028 \x00 "q" \\ 日本 😀'
HI = (Message(role="user", content="hi"),)
TURNS = (
    Message(role="system", content=ODD),
    Message(role="user", content="a\tb"),
    Message(role="assistant", content=""),
)
GOLDEN = [
    (
        Chat(messages=HI, max_tokens=3),
        "d9b1e582a9661b3f5a5d0460fdbf0040",
        "3e65692bd979bcb9ebf7aa963a3aec43",
    ),
    (
        Chat(messages=TURNS, max_tokens=512, temperature=0.7, stop=("\n", "###"), top_logprobs=20),
        "96ba029467b23e644e912b4ad5f6c106",
        "61eda9d22013ee98b34afa4d32d042a1",
    ),
    (
        Chat(messages=HI, max_tokens=1, top_logprobs=5, labels=("Yes", "No")),
        "714646d94dbb79b2a8887a12264ab43a",
        "019413665ecc42e6a62d748a9d79427c",
    ),
    (
        Chat(messages=HI, max_tokens=100, permutes=20),
        "55b2f686270689df65464991c04b5778",
        "528f334a12890f4307b23feaff6be60b",
    ),
    (
        Chat(messages=(), max_tokens=1, temperature=1e-7, labels=("1", ""), permutes=3),
        "74eedacee26ae9e0d5c94461d23dc652",
        "2d0f365bf7e9616f487a3cf1e633d406",
    ),
    (
        Chat(messages=(Message(role="user", content="x"),), max_tokens=2**40, temperature=1),
        "2aacd57c0448c2941954c734ac63325e",
        "fd7355f662b430cfbc3b56e613b5ea1a",
    ),
    (
        Chat(messages=HI, max_tokens=8, choices=("A", "B")),
        "9fe731ba24ccfeb27e6b4edbc8b8a32d",
        "8e4b085699ee9d75a48834478d3aa311",
    ),
    (
        Chat(messages=HI, max_tokens=8, schema="{}"),
        "ba0c7900150f0f3b4ef598ba77246668",
        "d04fa4107d4f3ce2ddc4ef99ab632a49",
    ),
    (
        Continuation(prefix="hi", text=" there"),
        "e182c7ecf93939cf07c513e618c4cf4f",
        "60bb3297a734ad4b26dd1b5c6058ec75",
    ),
    (
        Continuation(prefix="", text=""),
        "31c8e8b018e2308194b8a8fa7d1b3139",
        "0b7c9d9e098b9bbd2ee7199cd6378bd8",
    ),
    (
        Continuation(prefix=ODD, text=ODD),
        "04525a86520c37cf7b2dd44024714215",
        "71c5bad90d7ee8437b9babb0c803a819",
    ),
    (
        Attention(prefix="doc one doc two", spans=((0, 7), (8, 15)), text=" q", blank=" N/A"),
        "16ac98b3651570b0bb27bea0d6ac5795",
        "e3ccd3a3021772c0f29d2663e8faffa1",
    ),
    (
        Attention(prefix="", spans=(), text="", blank=""),
        "802724c8666b5d3109168116cd3a1731",
        "990be6dd35a92015fca8916b26adbe46",
    ),
]


@pytest.mark.parametrize(("request_", "first", "eighth"), GOLDEN)
def test_keys_are_those_of_every_store_that_was_ever_written(request_, first, eighth):
    assert key_of(TEACHER, request_, 0) == first
    assert key_of(VLLM, request_, 7) == eighth


TEXT = st.text(max_size=8)
TEXTS = st.tuples() | st.tuples(TEXT, TEXT)
CHATS = st.builds(
    Chat,
    messages=st.lists(
        st.builds(Message, role=st.sampled_from(["system", "user"]), content=TEXT), max_size=3
    ).map(tuple),
    max_tokens=st.integers(0, 2**40),
    temperature=st.floats(0, 2) | st.integers(0, 2),
    stop=TEXTS,
    top_logprobs=st.integers(0, 20),
    labels=TEXTS,
    permutes=st.integers(0, 20),
    choices=TEXTS,
    schema=TEXT,
)


@given(CHATS | st.builds(Continuation, prefix=TEXT, text=TEXT), st.integers(0, 9))
def test_a_key_is_the_digest_of_plain_json_less_the_later_fields_that_are_not_used(asked, trial):
    plain = orjson.loads(orjson.dumps(asked))
    later = {"labels", "permutes", "choices", "schema"}
    plain = {name: value for name, value in plain.items() if value or name not in later}
    whole = [TEACHER, type(asked).__name__, plain, trial]
    text = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
    assert key_of(TEACHER, asked, trial) == hashlib.sha256(text).hexdigest()[:32]


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


def test_a_reply_from_before_there_were_scores_and_cached_tokens_can_be_read(tmp_path):
    with ReplyStore(tmp_path) as store:
        put(store, 1, "old")
    path = only_file(tmp_path)
    line = path.read_bytes().replace(b'"scores":[],', b"").replace(b',"tokens_cached":0', b"")
    assert b"scores" not in line
    assert b"tokens_cached" not in line
    path.write_bytes(line)
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


def test_a_file_that_is_deleted_while_it_is_written_is_missed(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "_SYNC_SECONDS", 0.01)
    store = ReplyStore(tmp_path)
    put(store, 1, "a")
    path = only_file(tmp_path)
    path.unlink()
    with pytest.raises(StorageError, match=f"{path.name}: .* the file was deleted"):
        [put(store, number, "b") for number in range(2, 10**5)]
    with pytest.raises(StorageError, match="the file was deleted"):
        store.close()


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from kept_replies import put
from rankmill.teachers.store import ReplyStore, places
places._MANY, places._WORTH_IT = 40, 10
store = ReplyStore(Path({folder!r}))
for number in range({first}, 10**6):
    put(store, number, "text " * 50)
    sys.stdout.write(f"{{number}}\\n")
    sys.stdout.flush()
"""


def write_until_killed(folder, first, replies):
    """The last number whose `put` returned before the writer was killed."""
    here = str(Path(__file__).parents[1])
    code = WRITER.format(here=here, folder=str(folder), first=first)
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for _ in range(replies):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read().split("\n")
    writer.wait()
    writer.stdout.close()
    return max([first + replies - 1, *(int(line) for line in rest[:-1] if line)])


def test_kill_9_loses_nothing_that_put_returned(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "_WORTH_IT", 10)
    draw, first = random.Random(0), 0
    for _ in range(4):
        last = write_until_killed(tmp_path, first, draw.randrange(1, 300))
        with ReplyStore(tmp_path) as store:
            kept = [store.get(key_of(TEACHER, numbered(n), 0)) for n in range(last + 1)]
        assert kept == [Reply(text="text " * 50)] * (last + 1)
        first = last + 1


def test_a_line_holds_plain_json_that_begins_with_its_key(tmp_path):
    with ReplyStore(tmp_path) as store:
        store.put(KEY, TEACHER, CHAT, 0, REPLY)
    line = only_file(tmp_path).read_bytes()
    assert line.startswith(b'{"key":"' + KEY.encode() + b'",')
    assert list(orjson.loads(line)) == ["key", "teacher", "request", "trial", "reply"]
