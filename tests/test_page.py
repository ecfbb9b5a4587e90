"""The report of a build, from a whole build of the toy corpus."""

import re

import pytest

from knowing_teacher import knowing, recipe
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.page import report
from rankmill.settings import Settings

OVERRIDES = ("views.listwise.trials={start=2,step=2,cap=4,k=3}", "name=a-toy")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    settings = Settings(data=folder / "data")
    with knowing() as teacher:
        build(recipe(folder, teacher.url), overrides=OVERRIDES, settings=settings)
    path = report(Finished.find(settings, "a-toy"))
    assert path == settings.data / "builds" / "a-toy" / "report.html"
    return path.read_text(encoding="utf-8")


def test_the_report_shows_agreement_position_trials_and_sources(page):
    assert page.count("<svg") == 4
    for words in ("Do a teacher's trials agree?", "Does the place in the prompt decide?"):
        assert words in page
    assert "place in the prompt" in page
    assert "Kendall's tau between the trials of a list" in page


def test_every_view_has_its_line(page):
    rows = dict(re.findall(r"<tr><td>(\w+)</td>(.*?)</tr>", page, re.DOTALL))
    assert {"pointwise", "likelihood", "listwise"} <= set(rows)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", rows["listwise"], re.DOTALL)
    assert cells[0] == "listwise"
    assert cells[3] == "0 %"  # malformed
    assert cells[5].startswith("1.00")  # tau of a teacher that knows the truth
    assert "(0.00)" in cells[5]  # and by chance


def test_every_stage_has_its_line(page):
    for stage in ("ingest", "cluster", "generate", "retrieve", "label", "settle", "assemble"):
        assert f"<tr><td>{stage}</td>" in page


def test_the_page_reaches_for_nothing_and_runs_nothing(page):
    assert not re.findall(r'(?:src|href|action)\s*=\s*"(?!#)', page)
    assert not re.findall(r"url\((?!#)", page)
    assert "<script" not in page
    assert "default-src 'none'" in page
