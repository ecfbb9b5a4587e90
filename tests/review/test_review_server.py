"""The review page over HTTP: whom it lets in, what it keeps, and how it ends."""

import asyncio
import json
import shutil
import signal
import socket
import subprocess

import polars as pl
import pytest

from rankmill.finished import Finished
from rankmill.review import read
from rankmill.settings import Settings
from rankmill.tables import LABELS, REVIEWS
from reviewing import command, reviewing


@pytest.fixture
def site(data):
    with reviewing(data) as served:
        yield served


@pytest.fixture(scope="module")
def untouched(built, tmp_path_factory):
    """A page where nothing is decided; whoever asks it makes sure of that."""
    folder = tmp_path_factory.mktemp("untouched") / "data"
    shutil.copytree(built, folder, symlinks=True)
    with reviewing(folder) as served:
        yield served
        assert read(folder / "builds" / "toy") == []


def table(data):
    return REVIEWS.check(pl.read_parquet(data / "builds" / "toy" / "reviews.parquet"))


def labels(data, qid):
    made = Finished.find(Settings(data=data), "toy")
    return made.read("settle", LABELS).filter(qid=qid).sort("rank")


def first(site):
    return site.get("list", params={"qid": site.get("lists")["lists"][0]["qid"]})


def test_a_list_is_shown_best_first_with_its_grades(untouched, built):
    one = first(untouched)
    expected = labels(built, one["qid"])
    assert [d["docid"] for d in one["documents"]] == expected["docid"].to_list()
    assert [d["teacher"] for d in one["documents"]] == expected["grade"].to_list()
    assert [d["source"] for d in one["documents"]] == [True] + [False] * 7
    assert one["documents"][0]["text"].startswith("All about ")
    assert (one["hidden"], one["verdict"], one["graded"], one["size"]) == (False, None, 0, 8)


def test_a_decision_is_in_the_table_when_the_page_is_told_so(site, data):
    one = first(site)
    said = {"qid": one["qid"], "verdict": "rejected", "note": "no such thing"}
    assert site.post("verdict", said)["verdict"] == "rejected"
    docid = one["documents"][2]["docid"]
    site.post("grade", {"qid": one["qid"], "docid": docid, "grade": 0})
    rows = table(data).sort("docid", nulls_last=False).to_dicts()
    assert [(r["docid"], r["verdict"], r["grade"], r["note"]) for r in rows] == [
        (None, "rejected", None, "no such thing"),
        (docid, None, 0, ""),
    ]
    assert rows[0]["docids"] == [d["docid"] for d in one["documents"]]
    assert [row["teacher_grade"] for row in rows] == [None, one["documents"][2]["teacher"]]
    assert {(row["reviewer"], row["blind"]) for row in rows} == {("ann", False)}


def test_what_is_taken_back_is_in_the_log_and_not_in_the_table(site, data):
    qid = first(site)["qid"]
    site.post("verdict", {"qid": qid, "verdict": "accepted"})
    assert site.post("verdict", {"qid": qid, "verdict": None})["verdict"] is None
    assert table(data).is_empty()
    assert [review.verdict for review in read(data / "builds" / "toy")] == ["accepted", None]


def test_every_file_of_the_page_comes_with_the_headers_that_guard_it(untouched):
    for name, kind in (("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript")):
        status, headers, text = untouched.ask(
            "GET", name, headers={"Origin": "", "Content-Type": ""}
        )
        assert (status, headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "<script>" not in text
        assert "innerHTML" not in text


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"X-Rankmill-Token": ""}, 403, "the address that rankmill review printed"),
        ({"X-Rankmill-Token": "guess"}, 403, "the address that rankmill review printed"),
        ({"X-Rankmill-Token": "gu\xe9ss"}, 403, "the address that rankmill review printed"),
        ({"Host": "evil.example"}, 403, "found evil.example"),
        ({"Origin": "http://evil.example"}, 403, "from the review page itself"),
        ({"Origin": "null"}, 403, "from the review page itself"),
        ({"Origin": ""}, 403, "from the review page itself"),
        ({"Content-Type": "text/plain"}, 415, "found text/plain"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "application/json"),
    ],
)
def test_a_decision_that_another_site_could_send_is_refused(untouched, change, status, words):
    body = json.dumps({"qid": first(untouched)["qid"], "verdict": "accepted"})
    found, headers, text = untouched.ask("POST", "verdict", headers=change, data=body)
    assert (found, words in json.loads(text)["error"]) == (status, True)
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["", "page.js", "lists", "list?qid=x", "measures", "nothing"])
def test_nothing_is_shown_without_the_token(untouched, path):
    for token in ("wrong", untouched.token[:-1], untouched.token + "x"):
        status, _, text = untouched.ask("GET", f"{untouched.origin}/{token}/{path}")
        assert status == 403
        assert untouched.token not in text
    assert untouched.ask("GET", f"{untouched.origin}/")[0] == 403


def test_a_name_that_was_bound_to_this_machine_is_no_way_in(untouched):
    port = untouched.origin.rsplit(":", 1)[1]
    for host in (f"rebound.example:{port}", "127.0.0.1", f"127.0.0.1.example:{port}"):
        assert untouched.ask("GET", "lists", headers={"Host": host})[0] == 403
    assert untouched.ask("GET", "lists", headers={"Host": f"localhost:{port}"})[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("verdict", "{", 400, "the body: Invalid JSON"),
        ("verdict", "[]", 400, "the body: "),
        ("verdict", '{"qid": "Q", "verdict": "perhaps"}', 400, "verdict: Input should be"),
        ("verdict", '{"qid": "Q", "verdict": "accepted", "by": "eve"}', 400, "by: Extra inputs"),
        ("verdict", '{"qid": "nowhere", "verdict": "accepted"}', 404, "no list nowhere"),
        ("grade", '{"qid": "Q", "docid": "D", "grade": "1"}', 400, "grade: Input should be"),
        ("grade", '{"qid": "Q", "docid": "D", "grade": true}', 400, "grade: Input should be"),
        ("grade", '{"qid": "Q", "docid": "nothing", "grade": 1}', 404, "no document nothing"),
        ("grade", '{"qid": "nowhere", "docid": "D", "grade": 1}', 404, "no list nowhere"),
        ("grade", '{"qid": "Q", "docid": "D", "grade": 4}', 422, "from 0 to 3, found 4"),
        ("grade", '{"qid": "Q", "docid": "D", "grade": -1}', 422, "from 0 to 3, found -1"),
        ("verdict", '"' + "x" * 70_000 + '"', 413, ""),
        ("elsewhere", "{}", 403, "the address"),
    ],
)
def test_what_makes_no_sense_is_named_and_leaves_no_trace(untouched, path, body, status, words):
    one = first(untouched)
    sent = body.replace('"Q"', json.dumps(one["qid"]))
    sent = sent.replace('"D"', json.dumps(one["documents"][0]["docid"]))
    found, _, text = untouched.ask("POST", path, data=sent)
    assert (found, words in json.loads(text)["error"]) == (status, True)


def test_decisions_that_come_at_once_are_all_kept(site, data):
    lists = [site.get("list", params={"qid": one["qid"]}) for one in site.get("lists")["lists"][:3]]
    said = {
        (one["qid"], d["docid"]): n % 4 for one in lists for n, d in enumerate(one["documents"])
    }

    async def go():
        async with site.session() as session:
            return await asyncio.gather(
                *(
                    site.send(
                        session,
                        "POST",
                        "grade",
                        data=json.dumps({"qid": qid, "docid": docid, "grade": grade}),
                    )
                    for (qid, docid), grade in said.items()
                )
            )

    assert {status for status, _, _ in asyncio.run(go())} == {200}
    found = table(data).select("qid", "docid", "grade").rows()
    assert {(qid, docid): grade for qid, docid, grade in found} == said


def test_a_killed_server_loses_nothing_that_it_called_saved(data):
    saved = {}
    for start in (0, 4):
        with reviewing(data) as site:
            one = first(site)
            before = {d["docid"]: d["mine"] for d in one["documents"] if d["mine"] is not None}
            assert before == saved
            for document in one["documents"][start : start + 4]:
                said = {"qid": one["qid"], "docid": document["docid"], "grade": 3}
                site.post("grade", said)
                saved[document["docid"]] = 3
            site.process.send_signal(signal.SIGKILL)
            site.process.wait(20)
        log = data / "builds" / "toy" / "reviews.jsonl"
        log.write_bytes(log.read_bytes() + b'{"reviewer":"ann","qid":"q')  # half a decision
    with reviewing(data) as site:
        assert {d["docid"]: d["mine"] for d in first(site)["documents"]} == saved
    assert len(table(data)) == len(saved) == 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_summary(data, number):
    with reviewing(data) as site:
        site.post("verdict", {"qid": first(site)["qid"], "verdict": "accepted"})
        site.process.send_signal(number)
        printed, errors = site.process.communicate(timeout=20)
    assert site.process.returncode == 0
    assert "lists accepted: 1, rejected: 0" in printed
    assert errors == ""


def test_two_reviews_of_one_build_do_not_run_at_once(site, data):
    other = subprocess.run(command(data), capture_output=True, text=True, timeout=60, check=False)
    assert other.returncode == 6
    assert other.stderr.startswith("error: ")
    assert "another process reviews toy" in " ".join(other.stderr.split())


def test_a_port_that_is_taken_is_named(data):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            command(data, "--port", str(port)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    expected = f"error: 127.0.0.1:{port} cannot be used: Address already in use"
    assert " ".join(done.stderr.split()) == expected


def test_it_listens_on_this_machine_alone(untouched):
    import psutil

    server = psutil.Process(untouched.process.pid)
    listening = [c for c in server.net_connections() if c.status == psutil.CONN_LISTEN]
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


def test_an_unknown_list_and_an_unknown_build_are_named(data):
    done = subprocess.run(
        command(data, "--qid", "q0"), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "no labelled list q0" in done.stderr
