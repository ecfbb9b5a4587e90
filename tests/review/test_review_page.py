"""The review page in a real browser, by keyboard and by mouse."""

import polars as pl
import pytest

from chromium import browser
from rankmill.tables import DOCUMENTS, REVIEWS
from reviewing import reviewing

QUIET = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture
def page(tab, data):
    """A function that opens the page of a review; it must have nothing to complain about."""
    served = []

    def opened(*options):
        served.append(reviewing(data, "--lists", "3", *options))
        site = served[-1].__enter__()
        tab.look()
        tab.visit(site.url)
        tab.until("document.querySelectorAll('#documents li').length === 8")
        return tab

    yield opened
    for one in served:
        one.__exit__(None, None, None)
    assert [event for event in tab.events if event["method"] in QUIET] == []


def press(tab, keys):
    for key in keys:
        event = {"key": key, "text": {"Enter": "\r", "Escape": ""}.get(key, key)}
        tab.send("Input.dispatchKeyEvent", type="keyDown", **event)
        tab.send("Input.dispatchKeyEvent", type="keyUp", key=key)


def saved(tab, words):
    tab.until(f"document.getElementById('said').textContent === 'saved: {words}'")


def text(tab, selector):
    return tab.run(f"document.querySelector('{selector}').textContent")


def decided(data):
    table = REVIEWS.check(pl.read_parquet(data / "builds" / "toy" / "reviews.parquet"))
    return table.sort("at").select("docid", "verdict", "grade", "note", "blind").rows()


def test_keys_judge_a_list_and_its_documents(page, data):
    tab = page()
    press(tab, "j3kk1")
    saved(tab, f"1 for {text(tab, '#documents h3').removeprefix('1. ')}")
    assert tab.run("document.querySelectorAll('.marked').length") == 1
    press(tab, "r")
    press(tab, "no query")
    press(tab, ["Enter"])
    saved(tab, "rejected")
    tab.until("document.getElementById('where').textContent.startsWith('List 2 of 3')")
    press(tab, "a")
    saved(tab, "accepted")
    tab.until("document.getElementById('where').textContent.startsWith('List 3 of 3')")
    assert text(tab, "#progress") == "2 of 3 lists judged · 2 of 24 documents graded"
    rows = decided(data)
    assert [row[1:] for row in rows] == [
        (None, 3, "", False),
        (None, 1, "", False),
        ("rejected", None, "no query", False),
        ("accepted", None, "", False),
    ]
    press(tab, "p")
    tab.until("document.getElementById('accept').getAttribute('aria-pressed') === 'true'")
    press(tab, "a")
    saved(tab, "no longer accepted")
    assert len(decided(data)) == 3


def test_what_was_decided_is_there_when_the_page_is_opened_again(page, data):
    tab = page()
    press(tab, "2")
    tab.until("document.querySelector('#documents [aria-pressed=true]')")
    tab.visit(tab.run("location.href.split('#')[0]"))
    tab.until("document.querySelector('#documents [aria-pressed=true]')?.textContent === '2'")
    assert len(decided(data)) == 1


def test_the_mouse_does_what_keys_do(page, data):
    tab = page()
    tab.click("#documents li:nth-child(2) .grades button:nth-child(1)")
    tab.until("document.querySelector('#documents li:nth-child(2) [aria-pressed=true]')")
    tab.click("#reject")
    tab.click("#why button[type=submit]")
    saved(tab, "rejected")
    assert [row[1:3] for row in decided(data)] == [(None, 0), ("rejected", None)]
    tab.click("#next")
    tab.until("document.getElementById('where').textContent.startsWith('List 3 of 3')")
    tab.click("#show-help")
    assert tab.run("document.getElementById('help').open")
    press(tab, ["a"])
    tab.click("#help button")
    assert not tab.run("document.getElementById('help').open")
    assert len(decided(data)) == 2


def test_blind_the_labels_appear_when_the_last_document_is_graded(page, data):
    tab = page("--blind")
    tab.until("document.getElementById('accept').disabled")
    assert tab.run("document.querySelector('#documents').innerText.includes('teacher')") is False
    press(tab, "a")
    assert text(tab, "#said") == "grade every document first"
    press(tab, "32211100")
    tab.until("document.querySelectorAll('.teacher:not(:empty)').length === 8")
    assert {row[4] for row in decided(data)} == {True}
    press(tab, "s")
    tab.until("document.getElementById('measures').open")
    assert "too few to say how sure kappa is" in text(tab, "#figures")
    assert tab.run("document.querySelectorAll('#figures table').length") == 2


def test_a_grade_beyond_the_scale_is_refused(page, data):
    tab = page()
    press(tab, "7")
    assert text(tab, "#said") == "grades go from 0 to 3"
    assert not (data / "builds" / "toy" / "reviews.jsonl").exists()


def test_a_server_that_is_gone_is_said_and_nothing_is_called_saved(tab, data):
    with reviewing(data) as site:
        tab.visit(site.url)
        tab.until("document.querySelectorAll('#documents li').length === 8")
        site.process.kill()
        site.process.wait(20)
        press(tab, "a")
        tab.until("document.getElementById('said').className === 'wrong'")
    assert "does not answer" in text(tab, "#said")
    assert tab.run("document.getElementById('accept').getAttribute('aria-pressed')") == "false"


EVIL = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"


def test_markup_in_a_document_is_text(page, data):
    (path,) = (data / "tables" / "ingest").glob("*/documents.parquet")
    table = DOCUMENTS.check(pl.read_parquet(path))
    evil = pl.lit(EVIL)
    table.with_columns(text=evil, title=evil).write_parquet(path)
    tab = page()
    assert text(tab, "#documents .text") == EVIL
    assert tab.run("document.querySelectorAll('main img, main script').length") == 0
    assert tab.run("document.title") == "rankmill review"


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_a_phone(page, dark):
    tab = page()
    tab.look(width=390, height=844, dark=dark)
    assert tab.run("document.documentElement.scrollWidth") == 390
    press(tab, "?")
    assert tab.run("document.getElementById('help').scrollWidth <= 390")


def test_long_documents_open_and_close(page, data):
    (path,) = (data / "tables" / "ingest").glob("*/documents.parquet")
    table = DOCUMENTS.check(pl.read_parquet(path))
    table.with_columns(text=pl.lit("a line\n" * 200)).write_parquet(path)
    tab = page()
    height = "document.querySelector('#documents .text').clientHeight"
    closed = tab.run(height)
    press(tab, "o")
    assert tab.run(height) > 10 * closed
    tab.click("#documents .more")
    assert tab.run(height) == closed
