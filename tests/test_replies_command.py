import math
import os
import subprocess
import sys

import orjson
import pytest
from typer.testing import CliRunner

from kept_replies import filled
from rankmill.cli import app
from rankmill.records import Attention, Chat, Continuation, Message, Reply
from rankmill.teachers.store import ReplyStore, key_of

VLLM = {"kind": "vllm", "model": "Qwen/Qwen3-8B", "revision": ""}
CHAT = Chat(
    messages=(
        Message(role="system", content="Judge [b]this[/b]."),
        Message(role="user", content="Query: bread\nPassage: flour"),
    ),
    max_tokens=1,
    top_logprobs=2,
    labels=("Yes", "No"),
)
SURE = Reply(
    text="Yes",
    reasoning="Flour makes bread.",
    top_logprobs=(("Yes", math.log(0.75)), (" no", math.log(0.25))),
    tokens_in=1200,
    tokens_out=1,
    tokens_cached=1024,
)
LIKELY = Continuation(prefix="flour", text=" bread")
LOOK = Attention(prefix="ab", spans=((0, 1), (1, 2)), text=" q", blank=" N/A")


@pytest.fixture
def data(tmp_path):
    """Thirty replies of one teacher, and three of another, in two files."""
    folder = tmp_path / "data" / "replies"
    filled(folder)
    with ReplyStore(folder) as store:
        for request, reply in (
            (CHAT, SURE),
            (LIKELY, Reply(logprobs=(-1.5, -0.25), tokens_in=3)),
            (LOOK, Reply(scores=(0.5, -2.0), tokens_in=4)),
        ):
            store.put(key_of(VLLM, request, 2), VLLM, request, 2, reply)
    return tmp_path / "data"


def run(*words, data):
    done = CliRunner().invoke(app, ["replies", *words, "--data", str(data)], env={"COLUMNS": "200"})
    return done.exit_code, done.stdout, done.stderr


def words(text):
    return [line.split() for line in text.splitlines()]


def test_stats_count_replies_and_tokens_teacher_by_teacher(data):
    code, out, _ = run("stats", data=data)
    assert code == 0
    size = sum(path.stat().st_size for path in (data / "replies").glob("*.jsonl"))
    assert words(out) == [
        ["teacher", "replies", "tokens", "in", "cached", "tokens", "out", "MB"],
        ["openai/m", "30", "0", "0", "0", "0.0"],
        ["vllm/Qwen/Qwen3-8B", "3", "1,207", "1,024", "1", "0.0"],
        [],
        ["33", "replies", "in", "2", "files,", f"{size / 1e6:.1f}", "MB"],
    ]


def test_stats_say_how_much_does_not_count(data):
    first = min((data / "replies").glob("*.jsonl"))
    with (data / "replies" / "000009-copy.jsonl").open("wb") as copy:
        copy.writelines([first.read_bytes()] * 20)
    _, out, _ = run("stats", data=data)
    idle = 20 * first.stat().st_size / 1e6
    assert f", {idle:.1f} MB of them replies that do not count" in out
    assert "33 replies in 3 files" in out


def test_stats_of_an_empty_store_are_none(tmp_path):
    (tmp_path / "replies").mkdir()
    assert run("stats", data=tmp_path)[:2] == (0, "0 replies in 0 files, 0.0 MB\n")


def test_show_prints_a_conversation_and_how_sure_its_answer_is(data):
    code, out, _ = run("show", key_of(VLLM, CHAT, 2), data=data)
    assert code == 0
    assert [line.rstrip() for line in out.splitlines()] == [
        key_of(VLLM, CHAT, 2),
        "vllm/Qwen/Qwen3-8B, trial 2",
        "1,200 tokens in, 1 out, 1,024 cached",
        "max_tokens 1, temperature 0.0, top_logprobs 2, labels ['Yes', 'No']",
        "",
        "system",
        "  Judge [b]this[/b].",
        "",
        "user",
        "  Query: bread",
        "  Passage: flour",
        "",
        "reasoning",
        "  Flour makes bread.",
        "",
        "reply, stop",
        "  Yes",
        "",
        " first token  log-probability  probability",
        " 'Yes'                 -0.288        75.0%",
        " ' no'                 -1.386        25.0%",
    ]


def test_show_prints_the_figures_of_requests_that_generate_nothing(data):
    _, out, _ = run("show", key_of(VLLM, LIKELY, 2), data=data)
    assert "prefix\n  flour" in out.replace(" \n", "\n")
    assert "log-probabilities of the text's tokens, mean -0.875" in out
    assert "-1.500 -0.250" in out
    _, out, _ = run("show", key_of(VLLM, LOOK, 2), data=data)
    assert "spans [[0, 1], [1, 2]]" in out
    assert "attention to each document\n  0.5 -2" in out


def test_the_beginning_of_a_key_is_enough_if_no_other_begins_so(data):
    key = key_of(VLLM, CHAT, 2)
    assert run("show", key[:12], data=data) == run("show", key, data=data)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("0" * 32, "no reply's key begins with 00000000000000000000000000000000"),
        ("xyz", "expected a key, which is 32 hex digits, or its beginning, found xyz"),
        ("0" * 33, "expected a key, which is 32 hex digits"),
    ],
)
def test_a_key_that_names_no_reply_is_refused_in_one_line(data, key, said):
    code, _, err = run("show", key, data=data)
    assert code == 2
    assert err.startswith(f"error: {said}")
    assert err.count("\n") == 1


def test_a_key_that_several_begin_with_names_some_of_them(tmp_path):
    keys = filled(tmp_path / "replies", 60)
    digit = max("0123456789abcdef", key=lambda one: sum(key.startswith(one) for key in keys))
    code, _, err = run("show", digit, data=tmp_path)
    assert code == 2
    assert f"several keys begin with {digit}: {digit}" in err
    assert "…" in err


def test_export_writes_every_reply_once_the_oldest_first(data):
    code, out, _ = run("export", data=data)
    assert code == 0
    records = [orjson.loads(line) for line in out.splitlines()]
    assert [record["reply"]["text"] for record in records[:30]] == [f"reply {n}" for n in range(30)]
    assert len({record["key"] for record in records}) == len(records) == 33
    assert list(records[0]) == ["key", "teacher", "request", "trial", "reply"]


def test_export_of_one_teacher_into_a_file(data, tmp_path):
    to = tmp_path / "some.jsonl"
    code, out, err = run("export", "--teacher", "vllm/Qwen/Qwen3-8B", "--out", str(to), data=data)
    assert (code, out) == (0, "")
    assert f"{to}: 3 replies" in err
    models = [orjson.loads(line)["teacher"]["model"] for line in to.open("rb")]
    assert models == ["Qwen/Qwen3-8B"] * 3


def test_an_unknown_teacher_is_refused_with_the_known_ones_and_leaves_no_file(data, tmp_path):
    to = tmp_path / "some.jsonl"
    code, _, err = run("export", "--teacher", "openai/n", "--out", str(to), data=data)
    assert code == 2
    assert "no reply of openai/n; there are those of openai/m, vllm/Qwen/Qwen3-8B" in err
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_file_that_cannot_be_written_is_one_line(data, tmp_path):
    code, _, err = run("export", "--out", str(tmp_path / "no" / "such.jsonl"), data=data)
    assert code == 8
    assert "such.jsonl" in err
    assert err.count("\n") == 1


def test_a_reader_that_goes_away_is_no_fault(data):
    command = [sys.executable, "-c", "from rankmill.cli import main; main()", "replies", "export"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*command, "--data", str(data)],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert done.stderr == b""


def test_compact_says_what_it_did(data):
    code, out, _ = run("compact", data=data)
    folder = data / "replies"
    assert (code, out) == (0, f"{folder}: 2 files before, 1 now; 0 replies dropped\n")
    with ReplyStore(folder) as store:
        assert len(store) == 33
        store.put(key_of(VLLM, CHAT, 3), VLLM, CHAT, 3, SURE)
        _, out, _ = run("compact", data=data)
        assert (
            out == f"{folder}: 2 files before, 2 now, 1 of them being written; 0 replies dropped\n"
        )


@pytest.mark.parametrize("command", [["stats"], ["show", "0"], ["export"], ["compact"]])
def test_a_folder_without_replies_is_named(tmp_path, command):
    code, _, err = run(*command, data=tmp_path)
    assert code == 2
    assert err.startswith(f"error: {tmp_path / 'replies'}: no such folder; --data says where")
    assert err.count("\n") == 1


def test_a_damaged_store_is_one_line(data):
    first = min((data / "replies").glob("*.jsonl"))
    first.write_bytes(b"nonsense\n" + first.read_bytes())
    code, _, err = run("stats", data=data)
    assert code == 8
    assert f"{first.name}, line 1: expected a reply with its key" in err


@pytest.mark.parametrize("command", [["stats"], ["export"]])
def test_a_reply_that_is_damaged_inside_is_one_line(data, command):
    first = min((data / "replies").glob("*.jsonl"))
    first.write_bytes(first.read_bytes().replace(b'"request":{', b'"request":\0', 1))
    code, _, err = run(*command, data=data)
    assert code == 8
    assert "of the store is damaged: " in err
    assert err.count("\n") == 1
