import gzip
import io
import zlib

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from rankmill.corpora import Warc
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection

PAGE = "<title>Seite</title><h1>Eins</h1><p>Grüße<h2>Zwei</h2><p>mehr".encode("latin-1")


def response(writer, url, body, *more, status="200 OK", kind="text/html", record="response"):
    headers = StatusAndHeaders(status, [("Content-Type", kind), *more], protocol="HTTP/1.1")
    writer.write_record(
        writer.create_warc_record(url, record, payload=io.BytesIO(body), http_headers=headers)
    )


def crawl(*, packed=False) -> bytes:
    """A crawl of ten records."""
    file = io.BytesIO()
    writer = WARCWriter(file, gzip=packed)
    writer.write_record(writer.create_warcinfo_record("x.warc", {"software": "x"}))
    response(writer, "http://a/", PAGE, kind="text/html; charset=ISO-8859-1")
    response(writer, "http://a/", b"<p>again")
    response(writer, "http://b/", b"gone", status="404 Not Found")
    response(writer, "http://c/", b"%PDF", kind="application/pdf")
    response(writer, "http://d/", gzip.compress(b"<p>packed"), ("Content-Encoding", "gzip"))
    response(
        writer,
        "http://e/",
        b"5\r\n<p>in\r\n6\r\n parts\r\n0\r\n\r\n",
        ("Transfer-Encoding", "chunked"),
    )
    response(writer, "http://f/", b"x", ("Content-Encoding", "br"))
    response(writer, "http://g/", b"<nav>menu</nav>")
    writer.write_record(
        writer.create_warc_record(
            "http://h/", "conversion", payload=io.BytesIO(b"Text."), warc_content_type="text/plain"
        )
    )
    return file.getvalue()


DOCUMENTS = [
    ("http://a/#eins", "http://a/", "Seite > Eins", "Eins\n\nGrüße"),
    ("http://a/#zwei", "http://a/", "Seite > Eins > Zwei", "Zwei\n\nmehr"),
    ("http://d/", None, "", "packed"),
    ("http://e/", None, "", "in parts"),
    ("http://h/", None, "", "Text."),
]
REJECTIONS = [
    ("http://a/", "same_id", "this URL came before"),
    ("http://b/", "http_status", "404"),
    ("http://c/", "not_html", "application/pdf"),
    ("http://f/", "undecodable", "Content-Encoding br"),
    ("http://g/", "empty", "no words besides navigation and scripts"),
]


def read(folder, name, content, **settings):
    (folder / name).write_bytes(content)
    found = list(Warc(path=name, **settings).documents(folder))
    documents = [one for one in found if isinstance(one, Document)]
    return documents, [one for one in found if isinstance(one, Rejection)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.warc", crawl()),
        ("x.warc.gz", crawl(packed=True)),
        ("whole.warc.gz", gzip.compress(crawl())),
    ],
)
def test_html_pages_are_documents_and_the_rest_is_counted(tmp_path, name, content):
    documents, rejections = read(tmp_path, name, content, licence="CC-BY-4.0")
    assert [(d.docid, d.parent, d.title, d.text) for d in documents] == DOCUMENTS
    assert [(r.id, r.rule, r.detail.partition(": ")[2]) for r in rejections] == REJECTIONS
    assert rejections[0].detail.startswith(f"{name}:3: ")
    assert {(d.source.partition("#")[0], d.licence) for d in documents} == {
        (d.parent or d.docid, "CC-BY-4.0") for d in documents
    }


@pytest.mark.parametrize(
    ("name", "content", "kept", "reason"),
    [
        ("x.warc.gz", crawl(packed=True)[:-700], 4, "the packed file ends early"),
        ("x.warc", crawl()[:-3], 5, "the file ends early"),
        ("x.warc", b"", 0, "the file is empty"),
        ("x.warc", b"nonsense\n" * 40, 0, "Unknown archive format"),
        ("x.warc.gz", b"not packed", 0, "Not a gzipped file"),
    ],
)
def test_a_file_that_ends_early_is_broken_from_there(tmp_path, name, content, kept, reason):
    documents, rejections = read(tmp_path, name, content)
    assert len(documents) == kept
    assert (rejections[-1].id, rejections[-1].rule) == (name, "broken")
    assert reason in rejections[-1].detail


def test_a_page_that_is_too_long_is_counted(tmp_path):
    file = io.BytesIO()
    response(WARCWriter(file, gzip=False), "http://a/", b"<p>" + b"word " * 300_000)
    _, rejections = read(tmp_path, "x.warc", file.getvalue(), max_megabytes=1)
    assert [(r.id, r.rule) for r in rejections] == [("http://a/", "too_large")]


LONG = b"<p>" + "".join(f"Sentence {n * n}. " for n in range(9_000)).encode()


@pytest.mark.parametrize(
    ("coding", "body", "rule"),
    [
        ("gzip", gzip.compress(LONG), None),
        ("gzip", gzip.compress(LONG)[:-1], "broken"),
        ("gzip", gzip.compress(LONG)[:9_000], "broken"),
        ("gzip", gzip.compress(LONG)[:9_000] + b"\0" * 900, "broken"),
        ("gzip", b"\x1f\x8b\x08" + b"no gzip" * 9, "broken"),
        ("gzip", b" \n<p>kept unpacked by the crawler", None),
        ("deflate", zlib.compress(LONG), None),
        ("Deflate", zlib.compress(LONG)[2:-4], None),
        ("deflate", zlib.compress(LONG)[:9_000], "broken"),
        ("deflate", zlib.compress(LONG)[2:9_000], "broken"),
        ("identity", LONG, None),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_page_that_is_not_packed_as_it_says_is_broken(
    tmp_path, capfd, coding, body, rule, chunked
):
    more = [("Content-Encoding", coding)]
    if chunked:
        parts = [body[at : at + 4_000] for at in range(0, len(body), 4_000)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))
        more.append(("Transfer-Encoding", "chunked"))
    file = io.BytesIO()
    writer = WARCWriter(file, gzip=False)
    response(writer, "http://a/", body, *more)
    response(writer, "http://b/", b"<p>the next")
    documents, rejections = read(tmp_path, "x.warc", file.getvalue())
    urls = ["http://a/", "http://b/"]
    assert [d.docid for d in documents] == (urls[1:] if rule else urls)
    assert [(r.id, r.rule) for r in rejections] == ([(urls[0], rule)] if rule else [])
    assert capfd.readouterr().err == ""


def test_a_page_seen_before_in_another_file_is_counted_once(tmp_path):
    (tmp_path / "crawl").mkdir()
    for name in ("a.warc", "b.warc.gz"):
        (tmp_path / "crawl" / name).write_bytes(crawl(packed=name.endswith("gz")))
    found = list(Warc(path="crawl").documents(tmp_path))
    assert sum(isinstance(one, Document) for one in found) == len(DOCUMENTS)


def test_a_revisit_is_told_and_requests_are_no_documents(tmp_path):
    file = io.BytesIO()
    writer = WARCWriter(file, gzip=False)
    response(writer, "http://a/", b"", record="request", status="GET / HTTP/1.1")
    writer.write_record(
        writer.create_revisit_record("http://a/", "sha1:X", "http://a/", "2026-01-01T00:00:00Z")
    )
    documents, rejections = read(tmp_path, "x.warc", file.getvalue())
    assert (documents, [(r.id, r.rule) for r in rejections]) == ([], [("http://a/", "revisit")])


def test_a_folder_without_archives_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match=r"no file named \*.warc or"):
        list(Warc(path=".").documents(tmp_path))
