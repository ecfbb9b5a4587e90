"""The report of a build, from a whole build of the toy corpus."""

import re

import polars as pl
import pytest

from knowing_teacher import TOPICS, knowing, recipe
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.page import report
from rankmill.page.sources import Sources
from rankmill.settings import Settings
from rankmill.tables import CLUSTERS

OVERRIDES = ("views.listwise.trials={start=2,step=2,cap=4,k=3}", "name=a-toy")
PICTURES = (
    "What became of everything?",
    "Which topics have queries?",
    "Do a teacher&#39;s trials agree?",
    "Do the views agree with each other?",
    "Does the place in the prompt decide?",
    "How many trials did a list need?",
    "Does the consensus find the source?",
    "How are the grades spread?",
    "Does the view tell documents apart?",
    "Where did the time go?",
    "Where did the tokens go?",
)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    settings = Settings(data=folder / "data")
    with knowing() as teacher:
        path = recipe(folder, teacher.url)
        build(path, overrides=OVERRIDES, settings=settings)
        yield path, settings


@pytest.fixture(scope="module")
def page(toy):
    _, settings = toy
    return (settings.data / "builds" / "a-toy" / "report.html").read_text(encoding="utf-8")


def cells_of(page, first):
    """The cells of the row that begins with a word, as they stand in the page."""
    row = re.search(rf"<tr><td>{first}</td>(.*?)</tr>", page, re.DOTALL)
    return re.findall(r"<td[^>]*>(.*?)</td>", row[1], re.DOTALL)


@pytest.mark.parametrize("question", PICTURES)
def test_every_picture_is_there_with_its_question(page, question):
    drawn = re.findall(r'<figure[^>]*aria-label="([^"]*)"><svg', page)
    assert drawn.count(question) == (2 if question == PICTURES[8] else 1)  # two views score


def test_every_view_has_its_line(page):
    strategy, teacher, questions, malformed, trials, tau, *_ = cells_of(page, "listwise")
    assert (strategy, teacher, malformed) == ("listwise", "knowing", "0 %")
    assert int(questions) == 18 * float(trials)
    assert tau.startswith("1.00")  # of a teacher that knows the truth
    assert "(0.00)" in tau  # and by chance
    assert {"pointwise", "likelihood"} <= set(re.findall(r"<tr><td>(\w+)</td>", page))


def test_every_stage_has_its_line_and_says_what_it_asked(page):
    for stage in ("ingest", "cluster", "generate", "retrieve", "label", "settle", "assemble"):
        assert f"<tr><td>{stage}</td>" in page
    read, written, _, calls, tokens_in, tokens_out, money, _ = cells_of(page, "generate")
    assert (read, written, calls) == ("18", "18", "18")
    assert int(tokens_in.replace(",", "")) > int(tokens_out.replace(",", "")) > 0
    assert money == "?"  # nobody knows what a scripted teacher costs
    assert cells_of(page, "embed")[3:7] == ["", "", "", ""]


def test_the_tokens_of_the_stages_are_the_tokens_of_the_teachers(toy):
    _, settings = toy
    manifest = Finished.find(settings, "a-toy").manifest
    for count in ("calls", "tokens_in", "tokens_out"):
        by_stage = [asked["knowing"][count] for asked in manifest["asked"].values()]
        assert sum(by_stage) == manifest["teachers"]["knowing"][count] > 0


def test_every_topic_has_its_line(page, toy):
    _, settings = toy
    finished = Finished.find(settings, "a-toy")
    sizes = finished.read("cluster", CLUSTERS)["cluster"].value_counts().iter_rows()
    rows = re.findall(r'<tr><td>(\d+)</td><td class="words">(\w+), .*?</td>(.*?)</tr>', page)
    counts = {int(number): re.findall(r">(\d+)<", cells) for number, _, cells in rows}
    assert {number: int(found[0]) for number, found in counts.items()} == dict(sizes)
    assert sum(int(queries) for _, queries, _ in counts.values()) == 18
    assert sum(int(kept) for _, _, kept in counts.values()) == 18
    assert {word for _, word, _ in rows} <= set(TOPICS)


def test_a_build_leaves_the_bytes_that_the_command_writes(toy, page):
    _, settings = toy
    path = report(Finished.find(settings, "a-toy"))
    assert path == settings.data / "builds" / "a-toy" / "report.html"
    assert path.read_text(encoding="utf-8") == page


def test_a_build_that_makes_nothing_leaves_the_report_that_is_there(toy):
    path, settings = toy
    written = settings.data / "builds" / "a-toy" / "report.html"
    before = written.stat().st_mtime_ns
    build(path, overrides=OVERRIDES, settings=settings)
    assert written.stat().st_mtime_ns == before


def test_a_build_that_makes_other_tables_writes_another_report(toy):
    path, settings = toy
    written = settings.data / "builds" / "b-toy" / "report.html"
    build(path, overrides=("name=b-toy",), settings=settings)
    before = written.read_bytes()
    build(path, overrides=("name=b-toy", "settle.top_k=2"), settings=settings)
    assert written.read_bytes() != before


def test_a_list_that_the_dataset_leaves_out_is_not_kept_and_one_that_an_export_lacks_is(toy):
    path, settings = toy
    overrides = (
        "name=c-toy",
        "assemble.near_duplicate=0.4",
        "assemble.positive_grade=9",
    )
    build(path, overrides=overrides, settings=settings)
    made = Finished.find(settings, "c-toy")
    rejections = pl.read_parquet(made.folder / "dataset/rejections/rejected.parquet")
    gone = rejections.filter(rule="near_duplicate_split")
    assert rejections.filter(rule="no_positive").height == 18 - gone.height
    assert 0 < gone.height < 18
    sources = Sources.of(made)
    reasons = {qid: (rule, detail) for _, qid, rule, detail in gone.iter_rows()}
    assert sources.reasons == reasons
    kept = set(sources.lists.filter("kept")["qid"])
    assert kept == set(sources.labels["qid"]) == set(sources.lists["qid"]) - set(reasons)
    page = (made.folder / "report.html").read_text(encoding="utf-8")
    assert f"<dd>{18 - gone.height} <small>of 18</small>" in page


def test_the_page_reaches_for_nothing_and_runs_one_script(page):
    assert not re.findall(r'(?:src|href|action)\s*=\s*"(?!#|data:image/png)', page)
    assert not re.findall(r"url\((?!#)", page)
    assert not re.findall(r"<[^>]*\son\w+\s*=", page)
    assert page.count("<script>") == 1
    assert "default-src 'none'; script-src 'sha256-" in page
