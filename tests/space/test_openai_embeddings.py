import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rankmill.errors import TeacherIncapable, TeacherRefused, TeacherUnavailable
from rankmill.settings import Settings
from rankmill.space import OpenAIEmbeddings


@contextmanager
def serving(answer):
    """An endpoint whose `answer(body)` gives a status and a JSON value; yields it and its log."""
    log = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            log.append({"path": self.path, "key": self.headers["Authorization"], **body})
            status, value = answer(body)
            reply = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.send_header("retry-after-ms", "1")
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", log
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def lengths(body):
    """Each text's length and 1, in reverse order, as a server may."""
    items = [
        {"object": "embedding", "index": index, "embedding": [len(text), 1.0]}
        for index, text in enumerate(body["input"])
    ]
    return 200, {"object": "list", "model": body["model"], "data": items[::-1]}


def ask(answer, texts=("abc",), *, kind="document", **settings):
    with (
        serving(answer) as (endpoint, log),
        OpenAIEmbeddings(model="m", endpoint=endpoint, **settings).open(
            Settings(), lambda line: None
        ) as encoder,
    ):
        return encoder.encode(list(texts), kind), log


def test_vectors_come_back_normalised_and_in_the_order_of_the_texts():
    rows, log = ask(lengths, ["abcd" * 3, "", "abc"], batch=2)
    roots = [145**0.5, 1, 10**0.5]
    expected = [12 / roots[0], 1 / roots[0], 0, 1, 3 / roots[2], 1 / roots[2]]
    assert rows.ravel().tolist() == pytest.approx(expected)
    assert [call["input"] for call in log] == [["abcd" * 3, ""], ["abc"]]
    assert {call["path"] for call in log} == {"/v1/embeddings"}


def test_prefixes_dimensions_and_the_key_reach_the_endpoint(monkeypatch):
    monkeypatch.setenv("MY_KEY", "sesame")
    settings = {"dimensions": 2, "query_prefix": "q: ", "api_key_env": "MY_KEY"}
    _, [call] = ask(lengths, ["abc"], kind="query", **settings)
    assert (call["input"], call["dimensions"], call["key"]) == (["q: abc"], 2, "Bearer sesame")


def failing(status):
    return lambda body: (status, {"error": {"message": "no\nsuch luck"}})


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (401, TeacherRefused, "answered 401: it wants a key, and OPENAI_API_KEY is empty or not"),
        (404, TeacherRefused, "answered 404 .no such luck.: it has no model m, or this is no base"),
        (400, TeacherRefused, "embeddings of m at .* rejects a text: no such luck"),
        (429, TeacherUnavailable, "after 2 tries, the last one: answered 429: no such luck"),
        (503, TeacherUnavailable, "after 2 tries, the last one: answered 503: no such luck"),
    ],
)
def test_an_endpoint_s_error_is_one_line_that_says_what_it_answered(
    monkeypatch, status, error, message
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(error, match=message) as caught:
        ask(failing(status), tries=2)
    assert "\n" not in str(caught.value)


def test_a_passing_error_is_tried_again():
    answers = iter([failing(503), failing(429), lengths])
    _, log = ask(lambda body: next(answers)(body), tries=3)
    assert len(log) == 3


def test_no_server_is_unavailable():
    with serving(lengths) as (endpoint, _):
        gone = endpoint
    spec = OpenAIEmbeddings(model="m", endpoint=gone, tries=1)
    with (
        spec.open(Settings(), lambda line: None) as encoder,
        pytest.raises(TeacherUnavailable, match="no teacher answers at"),
    ):
        encoder.encode(["abc"], "document")


@pytest.mark.parametrize(
    "vectors", [[], [(0, [1.0])], [(0, [1.0]), (0, [1.0])], [(0, [1.0]), (1, [1.0, 2.0])]]
)
def test_an_answer_without_one_vector_for_each_text_is_refused(vectors):
    items = [{"object": "embedding", "index": index, "embedding": v} for index, v in vectors]
    with pytest.raises(TeacherIncapable, match="expected 2 vectors of one length"):
        ask(lambda body: (200, {"object": "list", "data": items}), ["a", "b"])


@pytest.mark.parametrize(
    "answer", [{}, {"data": 3}, {"data": [{"index": 0, "embedding": "AACAPw=="}]}]
)
def test_an_answer_that_never_holds_vectors_is_told(answer):
    with pytest.raises(TeacherUnavailable, match=r"m at .*: the answer is not vectors"):
        ask(lambda body: (200, answer), tries=2)


@pytest.mark.parametrize("answer", ["<html>", []])
def test_an_answer_that_is_no_object_is_tried_again(answer):
    answers = iter([lambda body: (200, answer), lengths])
    _, log = ask(lambda body: next(answers)(body), tries=2)
    assert len(log) == 2


def test_a_password_in_the_endpoint_is_refused():
    with pytest.raises(ValueError, match="has credentials in its URL") as caught:
        OpenAIEmbeddings(model="m", endpoint="http://me:hunter2@host/v1")
    assert "hunter2" not in str(caught.value)
