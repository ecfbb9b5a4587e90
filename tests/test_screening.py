"""Screens in a whole build: what they leave out, what they say of it, and what they cost."""

from io import StringIO
from itertools import pairwise

import polars as pl
import pytest
from rich.console import Console

from rankmill.build import open_build
from rankmill.errors import ConfigError, PromptError, TeacherUnavailable, TooManyRejected
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.plan import estimates
from rankmill.settings import Settings
from rankmill.show import funnel
from rankmill.stages.screening import screens_of
from rankmill.tables import QUERIES, REJECTIONS, SCREENED

SCREENS = (
    '{kind="standalone", language="en"}',
    '{kind="near_source", at_least=0.5}',
    '{kind="answerable", teacher="knowing", at_least=0.4}',
    '{kind="self_contained", teacher="knowing", at_least=0.1}',
)
ALL = f"queries.screens=[{', '.join(SCREENS)}]"


def made(toy, data, *overrides, until="generate"):
    settings = Settings(data=data)
    build(toy, overrides=("limits.generate=1.0", *overrides), settings=settings, until=until)
    return Finished.find(settings, "toy")


@pytest.fixture
def screened(toy, tmp_path):
    return made(toy, tmp_path / "data", ALL)


def test_every_query_that_was_written_is_kept_or_rejected_with_its_number(screened):
    queries, rejections = screened.read("generate", QUERIES), screened.read("generate", REJECTIONS)
    report = screened.output("generate").report
    assert report.read == 18 == len(queries) + len(rejections)
    fallen = rejections.filter(rule="not_answerable")
    assert 0 < len(fallen) < 18
    for detail in fallen["detail"]:
        assert detail.startswith("yes_probability by knowing 0.")
        assert " < 0.4: where to read on " in detail


def test_the_steps_add_up_from_the_first_to_the_last(screened):
    steps = screened.read("generate", SCREENED).group_by("screen", maintain_order=True)
    counts = [(name, *part.select("read", "kept").sum().row(0)) for (name,), part in steps]
    assert [name for name, _, _ in counts] == [
        "standalone",
        "duplicate",
        "near_duplicate",
        "near_source",
        "answerable by pointwise",
        "self_contained",
    ]
    for (_, _, kept), (_, read, _) in pairwise(counts):
        assert kept == read
    assert counts[-1][2] == len(screened.read("generate", QUERIES))


def test_the_build_shows_the_share_that_passed_each_test(screened):
    first, *others = screened.passed
    assert (first.name, first.read) == ("writing", 18)
    assert "answerable by pointwise" in [one.name for one in others]
    assert all(one.kept == one.read * one.share for one in others)
    console = Console(width=120, record=True, file=StringIO())
    console.print(funnel(screened))
    (line,) = (line for line in console.export_text().splitlines() if line.startswith(" answer"))
    assert line.split()[-1] == f"{others[-2].share:.0%}"


def test_the_report_shows_every_test(toy, tmp_path):
    whole = made(toy, tmp_path / "data", ALL, until="")
    page = (whole.folder / "report.html").read_text()
    assert "Which queries passed?" in page
    assert '<td class="words">near duplicate</td>' in page


def test_without_screens_the_queries_are_those_they_were(toy, tmp_path, teacher):
    plain = made(toy, tmp_path / "plain")
    asked = len(teacher.requests)
    lenient = 'queries.screens=[{kind="near_source", at_least=-1.0}]'
    assert (
        made(toy, tmp_path / "lenient", lenient)
        .read("generate", QUERIES)
        .equals(plain.read("generate", QUERIES))
    )
    assert len(teacher.requests) == 2 * asked


def test_a_second_build_asks_no_query_of_the_first(toy, tmp_path):
    known = set(made(toy, tmp_path / "data").read("generate", QUERIES)["qid"])
    settings = Settings(data=tmp_path / "data")
    overrides = ('name="again"', 'queries.earlier=["toy"]')
    with pytest.raises(TooManyRejected, match="100% rejected"):
        build(toy, overrides=overrides, settings=settings)
    again = settings.data / "builds" / "again" / "tables" / "generate"
    fallen = pl.read_parquet(again / "rejections.parquet").filter(rule="duplicate")
    assert set(fallen["id"]) == known
    assert set(fallen["detail"].str.extract(r"^same words as toy/(\w+): ")) == known


def test_a_change_of_a_screens_prompt_or_teacher_makes_the_queries_anew(toy, tmp_path):
    settings = Settings(data=tmp_path / "data")
    depends = []
    (tmp_path / "prompts" / "screen").mkdir(parents=True)
    for purpose in ("one", "two"):
        (tmp_path / "prompts" / "screen" / "mine.j2").write_text(
            f'+++\npurpose = "{purpose}"\nvariables = ["query", "document"]\noutput = "Yes"\n+++\n'
            "=== user\n{{ query }} {{ document }}\n"
        )
        screens = (
            'queries.screens=[{kind="answerable", teacher="knowing", best=9, prompt="screen/mine"}]'
        )
        with open_build(toy, overrides=[screens], settings=settings, record=False) as opened:
            depends.append(screens_of(opened))
    assert depends[0].keys() == depends[1].keys()
    changed = {name for name, value in depends[0].items() if value != depends[1][name]}
    assert changed == {"prompt screen/mine"}


def test_a_screen_s_model_trained_anew_in_its_folder_makes_the_queries_anew(toy, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    embedder = f'embedder={{kind="sentence_transformers", model="{model}"}}'
    cosine = f'{{kind="only_there", scorers=[{{kind="cosine", {embedder}}}]}}'
    screens = f'queries.screens=[{{kind="near_source", {embedder}}}, {cosine}]'
    depends = []
    for weights in (b"1", b"2"):
        (model / "model.bin").write_bytes(weights)
        settings = Settings(data=tmp_path / "data")
        with open_build(toy, overrides=[screens], settings=settings, record=False) as opened:
            depends.append(screens_of(opened))
    changed = {name for name, value in depends[0].items() if value != depends[1][name]}
    assert changed == {"screens' model 1, weights", "screens' model 2, weights"}


def test_screens_are_priced_beforehand(toy, tmp_path):
    settings = Settings(data=tmp_path / "data")
    with open_build(toy, overrides=[ALL], settings=settings, record=False) as opened:
        rows = {row.stage: row for row in estimates(opened)}
    asked = rows["generate answerable by pointwise"]
    assert (asked.calls, asked.tokens_out) == (18, 18)
    assert asked.tokens_in > rows["generate self_contained"].tokens_in > 0


@pytest.mark.parametrize(
    ("screen", "error", "words"),
    [
        ('{kind="answerable", teacher="nobody", best=1}', ConfigError, "no teacher nobody"),
        (
            '{kind="answerable", teacher="knowing", best=1, prompt="no/such"}',
            PromptError,
            "no/such",
        ),
        (
            '{kind="self_contained", teacher="knowing", prompt="labels/relevance"}',
            PromptError,
            "expected variables",
        ),
        (
            '{kind="answerable", teacher="knowing", best=1, prompt="labels/likelihood"}',
            PromptError,
            "expected a conversation",
        ),
    ],
)
def test_a_screen_that_cannot_work_is_refused_before_a_token_is_spent(
    toy, tmp_path, teacher, screen, error, words
):
    with pytest.raises(error, match=words):
        made(toy, tmp_path / "data", f"queries.screens=[{screen}]")
    assert teacher.requests == []


def test_a_build_that_is_not_there_is_named(toy, tmp_path, teacher):
    with pytest.raises(ConfigError, match="no build lost"):
        made(toy, tmp_path / "data", 'queries.earlier=["lost"]')
    assert not [seen for seen in teacher.requests if "chat" in seen.path]


def test_a_query_for_a_segment_is_held_against_the_others(toy, tmp_path):
    writer = 'generate={kind="grid", teacher="knowing", prompt="queries/grid", kinds=["question"]}'
    screen = 'queries.screens=[{kind="only_there", scorers=[{kind="cosine"}], delta=0.1}]'
    lenient = ("queries.max_similarity=1.0", "queries.min_words=1")
    whole = made(toy, tmp_path / "data", writer, "sample.segments=true", screen, *lenient)
    steps = whole.read("generate", SCREENED).filter(screen="only_there")
    assert set(steps["segment"]) <= {"begin", "middle", "end"}
    fallen = whole.read("generate", REJECTIONS).filter(rule="answered_elsewhere")
    assert len(fallen) == (steps["read"] - steps["kept"]).sum() > 0
    margins = fallen["detail"].str.extract(r"^margin (-?[\d.]+) < 0\.1 of cosine by bag-of-words")
    assert (margins.cast(pl.Float64) < 0.1).all()


def test_a_killed_build_asks_nothing_twice(toy, tmp_path, teacher):
    answer = teacher.respond
    seen = []

    def dies_late(messages):
        seen.append(messages)
        if len(seen) == 25:
            raise RuntimeError
        return answer(messages)

    teacher.respond = dies_late
    with pytest.raises(TeacherUnavailable):
        made(toy, tmp_path / "data", ALL, "teachers.knowing.tries=1")
    teacher.respond = answer
    whole = made(toy, tmp_path / "data", ALL, "teachers.knowing.tries=1")
    untouched = made(toy, tmp_path / "other", ALL, "teachers.knowing.tries=1")
    assert whole.read("generate", QUERIES).equals(untouched.read("generate", QUERIES))
    assert whole.read("generate", SCREENED).equals(untouched.read("generate", SCREENED))
    assert whole.read("generate", REJECTIONS).equals(untouched.read("generate", REJECTIONS))
