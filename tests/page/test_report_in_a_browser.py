"""The report in a real browser: search, filter, click, look; and nothing in a corpus ever runs."""

import pytest

from chromium import browser
from made_up_build import MadeUp
from rankmill.page import report
from rankmill.tables import LISTS, QUERIES

WICKED = (
    "<script>window.ran = 1</script>",
    "</script><script>window.ran = 2</script><img src=x onerror='window.ran = 3'> "
    "{{ 7 * 7 }} $a_b$ \u202egnp.exe",
)
THOUGHT = "<b onmouseover='window.ran = 4'>It is about</b> <script>window.ran = 5</script>"
LISTS_THERE = 60


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made-up")
    made = MadeUp(folder, lists=LISTS_THERE, depth=6, texts=[WICKED], thought=THOUGHT).made()
    report(made)
    return made


@pytest.fixture(scope="module")
def tabs(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as tab:
        yield tab


@pytest.fixture
def tab(tabs, build):
    opened(tabs, build)
    return tabs


def opened(tab, build, fragment=""):
    tab.look()
    tab.visit("about:blank")
    tab.visit((build.folder / "report.html").as_uri() + fragment)
    tab.until("!document.getElementById('browser').hidden")


def text(tab, selector):
    return tab.run(f"document.querySelector({selector!r}).innerText")


def found(tab):
    """Queries on the screen, in order."""
    return tab.run("[...document.querySelectorAll('.query')].map((one) => one.firstChild.data)")


def number_found(tab):
    return int(text(tab, "#count").split(" of ")[1].split()[0])


def open_first(tab):
    tab.click(".query")
    tab.until("document.querySelector('.opened table')")


def complaints(tab):
    """What a page says when something goes wrong or runs that should not."""
    methods = {"Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening"}
    return [event for event in tab.events if event["method"] in methods]


def test_the_first_page_shows_the_first_lists_and_the_next_page_the_next(tab, build):
    queries = build.read("generate", QUERIES).sort("qid")["text"].to_list()
    assert text(tab, "#count") == f"1 to 25 of {LISTS_THERE} lists"
    assert found(tab)[1:] == queries[1:25]
    tab.click("#after")
    assert text(tab, "#count") == f"26 to 50 of {LISTS_THERE} lists"
    assert found(tab) == queries[25:50]
    tab.click("#before")
    assert found(tab)[1:] == queries[1:25]


def test_a_search_finds_the_queries_with_all_its_words(tab, build):
    queries = build.read("generate", QUERIES).sort("qid")["text"].to_list()
    one, other = queries[30].split()[2:4]
    tab.type("#search", f"{other.upper()} {one}")
    assert queries[30] in found(tab)
    assert found(tab) == [query for query in queries if one in query and other in query]
    tab.type("#search", "no such words")
    assert text(tab, "#count") == "no list"


def test_a_search_finds_a_list_by_its_id(tab, build):
    tab.type("#search", "q000041")
    assert found(tab) == build.read("generate", QUERIES).filter(qid="q000041")["text"].to_list()


@pytest.mark.parametrize(("filter_", "value"), [("kind", "keywords"), ("topic", "4")])
def test_lists_are_filtered_by_what_is_known_of_their_queries(tab, build, filter_, value):
    queries = build.read("generate", QUERIES).sort("qid")
    column = "cluster" if filter_ == "topic" else filter_
    chosen = queries.filter(queries[column].cast(str) == value)
    tab.choose(f"#{filter_}", value)
    assert 0 < len(chosen) < LISTS_THERE
    assert number_found(tab) == len(chosen)


def test_lists_are_filtered_by_whether_and_why_they_were_rejected(tab, build):
    kept = int(build.read("settle", LISTS)["kept"].sum())
    assert 0 < kept < LISTS_THERE
    tab.choose("#state", "kept")
    assert number_found(tab) == kept
    tab.choose("#state", "rule self_consistency")
    assert number_found(tab) == LISTS_THERE - kept


def test_lists_are_filtered_and_ordered_by_agreement(tab, build):
    lists = build.read("settle", LISTS)
    taus = lists["tau"].to_list()
    tab.choose("#agreement", "1")
    assert number_found(tab) == sum(0.6 <= tau < 0.8 for tau in taus)
    tab.choose("#agreement", "")
    tab.choose("#order", "lowest")
    worst = lists.sort("tau", "qid")["qid"][0]
    queries = dict(build.read("generate", QUERIES).select("qid", "text").iter_rows())
    assert found(tab)[0] == queries[worst]


def test_a_click_opens_a_list_and_another_closes_it(tab):
    tab.choose("#state", "kept")
    before = tab.screenshot()
    open_first(tab)
    assert tab.screenshot() != before
    heads = tab.run("[...document.querySelectorAll('.opened th')].map((one) => one.innerText)")
    assert heads[1:6] == ["label", "pointwise", "listwise", "consensus", "retrieval"]
    assert heads[6:] == [
        *("document, best first", "grade", "t1", "all", "t1", "t2", "t3", "score", "rank")
    ]
    assert tab.run("document.querySelectorAll('.opened tbody tr').length") == 6
    tab.click(".query")
    assert tab.run("document.querySelector('.opened')") is None


def test_the_trials_stand_side_by_side_by_rank_score_or_place_shown(tab):
    tab.type("#search", "q000041")
    open_first(tab)
    column = """[...document.querySelectorAll('.opened tbody tr')]
        .map((row) => Number(row.querySelectorAll('.cell')[PLACE].innerText))"""
    start = tab.run("document.querySelectorAll('.opened tbody tr:first-child .cell').length") - 5
    for place in range(start, start + 3):  # three trials of listwise
        ranks = tab.run(column.replace("PLACE", str(place)))
        assert sorted(ranks) == [1, 2, 3, 4, 5, 6]
    tab.choose(".opened select", "shown")
    shown = [tab.run(column.replace("PLACE", str(place))) for place in range(start, start + 3)]
    assert all(sorted(one) == [1, 2, 3, 4, 5, 6] for one in shown)
    assert shown[0] != shown[1]


def test_a_rejected_list_says_why(tab):
    tab.choose("#state", "rejected")
    open_first(tab)
    assert text(tab, ".opened .warning").startswith("Rejected by self_consistency: listwise: mean")


def test_reasoning_is_there_to_be_read(tab):
    open_first(tab)
    assert tab.run("document.querySelectorAll('.opened details').length") == 3
    tab.click(".opened summary")
    assert text(tab, ".opened .said") == THOUGHT


def test_an_excerpt_unfolds(tab):
    tab.type("#search", "q000041")
    open_first(tab)
    height = "document.querySelector('.excerpt').getBoundingClientRect().height"
    folded = tab.run(height)
    tab.look(width=390)
    tab.click(".excerpt")
    assert tab.run(height) > folded


def test_nothing_of_a_corpus_or_a_teacher_runs(tab, build):
    open_first(tab)
    tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert WICKED[1].replace("\u202e", "[U+202E]") in text(tab, "#found")
    assert WICKED[0] in text(tab, ".opened")
    assert THOUGHT in text(tab, ".opened")
    assert tab.run("window.ran") is None
    assert (
        tab.run("document.querySelectorAll('#browser img, #browser script, #browser b b').length")
        == 0
    )
    assert complaints(tab) == []
    asked_for = [e for e in tab.events if e["method"] == "Network.requestWillBeSent"]
    addresses = {event["params"]["request"]["url"] for event in asked_for}
    page = (build.folder / "report.html").as_uri()
    assert {one for one in addresses if not one.startswith("data:")} <= {page, "about:blank"}


@pytest.mark.parametrize(
    "deed",
    [
        "document.body.innerHTML = '<b>bold</b>'",
        "document.body.setAttribute('onclick', 'window.ran = 6')",
        "document.createElement('script').text = 'window.ran = 7'",
        "setTimeout('window.ran = 8', 0)",
    ],
)
def test_the_page_itself_lets_no_text_become_markup_or_script(tab, deed):
    tried = (
        f"(() => {{ try {{ {deed}; return 'done'; }} catch (fault) {{ return fault.name; }} }})()"
    )
    assert tab.run(tried) == "TypeError"


def test_an_address_with_a_list_opens_it(tabs, build):
    opened(tabs, build, "#list-q000041")
    tabs.until("document.querySelector('.opened table')")
    assert text(tabs, "#count") == f"26 to 50 of {LISTS_THERE} lists"
    assert "list q000041" in text(tabs, ".opened")


def test_a_list_that_was_opened_has_an_address(tab):
    open_first(tab)
    assert tab.run("location.hash") == "#list-q000000"


@pytest.mark.parametrize("dark", [False, True])
def test_by_day_and_by_night_the_ink_stands_out(tab, dark):
    tab.look(dark=dark)
    colours = tab.run("""[getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector('svg text')).fill]""")
    paper, ink = ([int(part) for part in one[4:-1].split(",")] for one in colours)
    assert (sum(paper) < 120) == dark
    assert abs(sum(paper) - sum(ink)) > 500


def test_a_phone_shows_everything_in_its_width(tab):
    tab.look(width=390, height=800)
    open_first(tab)
    assert tab.run("document.documentElement.scrollWidth") == 390
    assert tab.run("document.querySelector('figure svg').getBoundingClientRect().width") > 300
