"""The commands as a user meets them: what they print, and how they end."""

import json
import os
import re
import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console

from knowing_teacher import knowing, recipe
from rankmill import __version__
from rankmill.build import open_build
from rankmill.check import check
from rankmill.errors import ConfigError, CorpusError, PromptError, StageError, TeacherIncapable
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.plan import estimates, plan
from rankmill.pulse import Pulse
from rankmill.report import StageReport
from rankmill.settings import Settings
from rankmill.show import Lists, funnel, overview
from rankmill.teachers import Meter
from rankmill.terminal import Live

START = [sys.executable, "-m", "rankmill"]


def run(*words, cwd, **environment):
    return subprocess.run(
        [*START, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def printed(renderable, width=100):
    console = Console(width=width, record=True, file=StringIO())
    console.print(renderable)
    return console.export_text()


@pytest.fixture
def made(tmp_path, toy):
    settings = Settings(data=tmp_path / "data")
    build(toy, settings=settings)
    return Finished.find(settings, "toy")


def test_the_command_says_which_it_is(tmp_path):
    done = run("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"rankmill {__version__}\n")


def test_a_data_folder_whose_name_is_no_utf8_is_refused(tmp_path, toy):
    done = run("plan", toy, "--data", os.fsdecode(b"caf\xe9"), cwd=tmp_path)
    assert done.returncode == 2
    assert "--data caf\\xe9: expected a path in UTF-8" in done.stderr


def test_a_build_of_another_version_is_named_as_that(made):
    recipe = {**made.manifest["recipe"], "cauldron": 3}
    old = Finished(folder=made.folder, manifest={**made.manifest, "recipe": recipe})
    with pytest.raises(ConfigError, match=r"made by another version of rankmill \(recipe.cauldron"):
        Lists.of(old)


def test_check_says_what_is_sound_and_leaves_no_trace(tmp_path, toy):
    lines = list(check(toy, overrides=(), settings=Settings(data=tmp_path / "data")))
    assert lines[0] == "recipe toy: valid"
    assert "corpus jsonl: begins with bread-00" in lines
    needs = "generate, pointwise, likelihood, listwise"
    assert f"teacher knowing: returns what {needs} need" in lines
    assert lines[-2:] == ["  permutations: read strictly", "  thinking: none"]
    assert not (tmp_path / "data" / "builds").exists()


@pytest.mark.parametrize(
    ("override", "error", "fault"),
    [
        ("generate.prompt=queries/none", PromptError, "prompt queries/none: no file"),
        ("views.listwise.prompt=labels/relevance", PromptError, "expected variables"),
        ("views.likelihood.prompt=labels/relevance", PromptError, "expected a continuation"),
        ('assemble.evaluation=["nowhere"]', CorpusError, "nowhere"),
    ],
)
def test_check_finds_what_is_not(tmp_path, toy, override, error, fault):
    settings = Settings(data=tmp_path / "data")
    with pytest.raises(error, match=fault):
        list(check(toy, overrides=[override], settings=settings))
    with pytest.raises(error, match=fault):
        build(toy, overrides=[override], settings=settings)


def test_a_corpus_without_a_document_is_said(tmp_path, toy):
    (tmp_path / "corpus.jsonl").write_text("\n")
    with pytest.raises(StageError, match="no document"):
        list(check(toy, overrides=(), settings=Settings(data=tmp_path / "data")))


@pytest.mark.parametrize("options", [{"ways": ()}, {"shifted": True}])
def test_a_teacher_without_true_prompt_log_probabilities_is_refused(tmp_path, options):
    with knowing(**options) as teacher:
        toy = recipe(tmp_path, teacher.url)
        with pytest.raises(TeacherIncapable, match=r"teacher knowing .*for: likelihood"):
            list(check(toy, overrides=(), settings=Settings(data=tmp_path / "data")))


def test_a_plan_counts_the_calls_of_every_stage(tmp_path, toy, teacher):
    prices = ["teachers.knowing.price_in=1", "teachers.knowing.price_out=10"]
    settings = Settings(data=tmp_path / "data")
    with open_build(toy, overrides=prices, settings=settings, record=False) as opened:
        rows = {row.stage: row for row in estimates(opened)}
    calls = {stage: row.calls for stage, row in rows.items()}
    assert calls == {
        "generate": 18,
        "label pointwise": 18 * 8,
        "label likelihood": 18 * 8,
        "label listwise": 18 * 3,
    }
    for row in rows.values():
        assert row.money == pytest.approx((row.tokens_in + 10 * row.tokens_out) / 1e6)
        assert row.seconds is None
        assert 0 < row.fresh <= row.tokens_in
    assert teacher.requests == []


def test_after_a_build_a_plan_knows_the_teachers_speed(tmp_path, toy, made):
    text = printed(plan(toy, overrides=(), settings=Settings(data=tmp_path / "data")), width=140)
    minutes = [line.split()[-2] for line in text.splitlines() if line.startswith(" all")]
    assert minutes
    assert all(re.fullmatch(r"\d+\.\d", figure) for figure in minutes)


def test_a_list_is_shown_with_its_figures_and_its_source_marked(made):
    lists = Lists.of(made)
    qid = lists.kept()[0]
    text = printed(lists.render(qid), width=120)
    assert lists.queries[qid]["text"] in text
    assert "pointwise  likelihood  listwise  document" in text
    assert text.count("All about") == 8
    assert len(re.findall(r"^ +\d\*", text, re.MULTILINE)) == 1
    assert printed(overview(lists)).count(" yes ") == len(lists.kept())


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(made, width):
    lists = Lists.of(made)
    text = printed(lists.render(lists.kept()[0]), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_an_unknown_list_and_an_unknown_build_are_said(tmp_path, made):
    with pytest.raises(ConfigError, match="no labelled list q0"):
        Lists.of(made).render("q0")
    with pytest.raises(ConfigError, match=r"no build tyo .*did you mean toy\?"):
        Finished.find(Settings(data=tmp_path / "data"), "tyo")


def test_markup_in_a_corpus_is_shown_as_it_is(tmp_path, teacher):
    toy = recipe(tmp_path, teacher.url)
    lines = (tmp_path / "corpus.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row["title"] = "[red]x[/red] [1]"
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    settings = Settings(data=tmp_path / "data")
    build(toy, settings=settings)
    lists = Lists.of(Finished.find(settings, "toy"))
    assert "[red]x[/red] [1]" in printed(lists.render(lists.kept()[0]), width=140)


def test_the_funnel_has_a_line_for_every_stage(made):
    text = printed(funnel(made))
    assert text.startswith("toy: complete")
    for stage in ("ingest", "generate", "label", "settle", "assemble"):
        assert re.search(rf"^ {stage} +\d", text, re.MULTILINE)
    assert "teacher knowing: calls 360" in text


def test_what_is_not_made_yet_is_said(tmp_path, toy, teacher):
    settings = Settings(data=tmp_path / "data")
    teacher.models = ()
    done = run("build", toy, "--plain", cwd=tmp_path)
    assert done.returncode == 5
    with pytest.raises(StageError, match="retrieve is not made yet"):
        Lists.of(Finished.find(settings, "toy"))
    assert "toy: failed" in run("status", "toy", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["build", "--help"], 0),
        (["models", "list"], 0),
        (["nonsense"], 2),
        (["build", "none.toml"], 2),
        (["show", "none"], 2),
        (["models", "fetch", "gpt-9"], 4),
        (["status", "x"], 2),
    ],
)
def test_every_command_ends_with_its_code_and_without_a_traceback(tmp_path, words, code):
    done = run(*words, cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_line_of_the_corpus_that_is_not_json_ends_with_three(tmp_path, toy):
    with (tmp_path / "corpus.jsonl").open("a") as file:
        file.write("{not json\n")
    done = run("build", toy, "--plain", cwd=tmp_path)
    assert done.returncode == 3
    assert re.search(r"corpus\.jsonl:73: ", done.stderr)


def test_a_command_whose_reader_leaves_says_nothing(tmp_path, made):
    words = [*START, "show", "toy", "--first", "18", "--data", str(tmp_path / "data")]
    shell = f"{' '.join(map(repr, words))} | head -1"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


PULSE = Pulse(
    meter=Meter(calls=812, reused=3, tokens_in=1_200_000, tokens_cached=600_000, tokens_out=900),
    in_flight=64,
    waiting=4,
    calls=12.5,
    tokens_in=15_200,
    tokens_out=9.25,
    seconds_left=250,
)
LINE = (
    "812 calls (12/s) · 1.2 M tokens in (15.2 K/s, 50% cached) · 900 out (9.2/s) · 64 in flight · "
    "3 from the store · 4 min left"
)


def test_progress_without_a_terminal_is_a_line_per_stage(capsys, monkeypatch):
    live = Live(Console(width=100))
    with live():
        live.begin("label", "new")
        live.beat(PULSE)
        live.advance("label", 1, 10)
        monkeypatch.setattr("rankmill.terminal._QUIET_SECONDS", 0)
        live.advance("label", 2, 10)
        live.say("a server [starts]")
        report = StageReport(stage="label", read=10, written=9, rejected={"empty": 1})
        live.end(report, seconds=1.5, reused=False)
    assert capsys.readouterr().out.splitlines() == [
        "label: begins (new)",
        f"label: 2 of 10 · {LINE}",
        "a server [starts]",
        "✓ label: 9 of 10 kept (empty 1)  [1.5 s]",
    ]


def test_progress_on_a_terminal_has_bars_and_below_them_the_teachers():
    console = Console(width=160, force_terminal=True, file=StringIO(), record=True)
    live = Live(console)
    with live():
        live.begin("label", "changed: prompt labels/listwise")
        live.advance("label", 5, 10)
        live.beat(PULSE)
        console.print(live.bars.get_renderable())
        live.end(StageReport(stage="label", read=10, written=10), seconds=2, reused=False)
    text = console.export_text()
    assert "changed: prompt labels/listwise" in text
    assert "5/10" in text
    assert LINE in text
