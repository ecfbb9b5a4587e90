"""Whole builds against a teacher that is a real server and whose true ranking is known."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from knowing_teacher import embed, knowing, logprob, recipe, respond, truth
from rankmill.agreement import mean_tau
from rankmill.build import open_build
from rankmill.errors import StageError, TeacherRefused, TeacherUnavailable, TooManyRejected
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.manifest import read_manifest
from rankmill.progress import Silent
from rankmill.settings import Settings
from rankmill.space import text_of
from rankmill.tables import CANDIDATES, DOCUMENTS, JUDGMENTS, LABELS, QUERIES, REJECTIONS
from rankmill.trials import candidate_lists, read_trials
from scripted_teacher import Fault, ScriptedTeacher, hashed

LISTS, SEEDS, DEPTH = 18, 18, 8
CALLS = SEEDS + LISTS * (DEPTH + DEPTH + 3)


class Watcher(Silent):
    """Remembers which stages were made, and why, and what was said."""

    def __init__(self):
        self.begun, self.said = {}, []

    def say(self, text):
        self.said.append(text)

    def begin(self, stage, why):
        self.begun[stage] = why


def settings(folder, **values):
    return Settings(data=folder / "data", **values)


def questions(teacher):
    """What was asked about documents: not the probes of a teacher that is opened."""
    return [seen for seen in teacher.requests if "ocument" in json.dumps(seen.body)]


def repeats(teacher):
    counts = Counter(seen.digest for seen in questions(teacher))
    # the three trials of a list may show it in the same order only by chance
    return sum(counts.values()) - len(counts)


def digests(dataset):
    return json.loads((dataset / "MANIFEST.json").read_text())


def test_the_labels_are_the_true_ranking(tmp_path, toy, teacher):
    dataset = build(toy, settings=settings(tmp_path))
    made = Finished.find(settings(tmp_path), "toy")
    texts = {
        row["docid"]: " ".join(text_of(row["title"], row["text"]).split())
        for row in made.read("ingest", DOCUMENTS).iter_rows(named=True)
    }
    queries = dict(made.read("generate", QUERIES).select("qid", "text").iter_rows())
    lists = made.read("settle", LABELS).sort("rank").group_by("qid").agg("docid")
    assert len(lists) == LISTS
    for qid, docids in lists.iter_rows():
        best = truth(queries[qid], {docid: texts[docid] for docid in docids})
        assert docids == best
    assert len(questions(teacher)) == CALLS
    assert dataset == tmp_path / "data" / "builds" / "toy" / "dataset"


def test_a_second_build_asks_nothing_and_makes_nothing(tmp_path, toy, teacher):
    dataset = build(toy, settings=settings(tmp_path))
    before, asked = digests(dataset), len(teacher.requests)
    watcher = Watcher()
    assert build(toy, settings=settings(tmp_path), progress=watcher) == dataset
    assert (digests(dataset), len(teacher.requests)) == (before, asked)
    assert watcher.begun == {}


def test_a_build_that_ends_after_a_stage_goes_on_from_there(tmp_path, toy, teacher):
    where = settings(tmp_path)
    folder = where.data / "builds" / "toy"
    assert build(toy, settings=where, until="generate") == folder
    assert len(questions(teacher)) == SEEDS
    assert read_manifest(folder)["status"] == "stopped: after generate"
    assert build(toy, settings=where) == folder / "dataset"
    assert len(questions(teacher)) == CALLS


def test_it_is_said_of_how_many_lists_an_export_has_no_row(tmp_path, toy):
    watcher = Watcher()
    wanted = ["assemble.exports=[{kind='listwise'},{kind='ntuples',negatives=50}]"]
    build(toy, overrides=wanted, settings=settings(tmp_path), progress=watcher)
    none = f"no row of {LISTS} of {LISTS} lists"
    assert f"ntuples: {none} (too_few_negatives {LISTS})" in watcher.said


def test_no_document_and_no_cluster_is_in_two_splits(tmp_path, toy):
    dataset = build(toy, settings=settings(tmp_path))
    for column in ("docid", "cluster"):
        places = [
            set(pl.read_parquet(dataset / "corpus" / f"{split}.parquet")[column])
            for split in ("train", "validation", "test")
        ]
        assert all(places)
        assert len(set.union(*places)) == sum(map(len, places))


@pytest.mark.parametrize("shards", [1, 3])
def test_the_number_of_shards_changes_no_byte(tmp_path, toy, shards):
    one = build(toy, settings=settings(tmp_path))
    expected = digests(one)
    shutil.rmtree(tmp_path / "data" / "tables")
    shutil.rmtree(tmp_path / "data" / "builds")
    again = build(toy, settings=settings(tmp_path, shards=shards))
    assert digests(again) == expected


def test_a_rebuild_from_the_reply_store_asks_nothing_and_gives_the_same_bytes(
    tmp_path, toy, teacher
):
    expected = digests(build(toy, settings=settings(tmp_path)))
    asked = len(questions(teacher))
    shutil.rmtree(tmp_path / "data" / "tables")
    shutil.rmtree(tmp_path / "data" / "builds")
    assert digests(build(toy, settings=settings(tmp_path))) == expected
    assert len(questions(teacher)) == asked


def test_a_changed_prompt_redoes_what_depends_on_it_and_says_so(tmp_path, toy, teacher):
    build(toy, settings=settings(tmp_path))
    asked = len(questions(teacher))
    package = Path(build.__code__.co_filename).parent / "prompts" / "labels" / "listwise.j2"
    mine = tmp_path / "prompts" / "labels" / "listwise.j2"
    mine.parent.mkdir(parents=True)
    mine.write_text(package.read_text().replace("by how well", "by how fully"))
    watcher = Watcher()
    build(toy, settings=settings(tmp_path), progress=watcher)
    assert list(watcher.begun) == ["label", "settle", "assemble"]
    assert watcher.begun["label"] == "changed: prompt labels/listwise"
    assert watcher.begun["settle"] == "changed: label"
    assert len(questions(teacher)) == asked + 3 * LISTS


def test_a_changed_filter_asks_nobody(tmp_path, toy, teacher):
    build(toy, settings=settings(tmp_path))
    asked = len(teacher.requests)
    watcher = Watcher()
    build(toy, overrides=["settle.filters=[]"], settings=settings(tmp_path), progress=watcher)
    assert list(watcher.begun) == ["settle", "assemble"]
    assert len(teacher.requests) == asked


def test_replies_that_are_no_rankings_are_counted_and_never_become_labels(tmp_path):
    def careless(messages):
        reply = respond(messages)
        last = messages[-1]["content"]
        if messages[0]["content"].startswith("You rank") and "flour" in last:
            return "I think document [1] is best, then [2]."
        return reply

    with knowing() as teacher:
        teacher.respond = careless
        toy = recipe(tmp_path, teacher.url)
        dataset = build(toy, settings=settings(tmp_path))
    made = Finished.find(settings(tmp_path), "toy")
    (label,) = (report for report in made.reports if report.stage == "label")
    assert label.rejected["not_a_ranking"] > 0
    rejected = made.read("settle", REJECTIONS)
    assert set(rejected["rule"]) == {"view_missing"}
    kept = set(made.read("settle", LABELS)["qid"])
    assert not kept & set(rejected["id"])
    assert len(kept) + len(rejected) == LISTS
    judged = pl.concat(pl.read_parquet(path) for path in (dataset / "judgments").iterdir())
    assert set(judged["status"]) == {"valid"}


def test_a_stage_that_rejects_more_than_its_limit_stops_the_build(tmp_path, toy):
    with pytest.raises(TooManyRejected, match=r"settle: .* limits.settle allows 10%"):
        build(
            toy,
            overrides=[
                "limits.settle=0.1",
                'settle.filters=[{kind="cross_view", order="listwise", relevant="pointwise", '
                "cut=1.0}]",
            ],
            settings=settings(tmp_path),
        )
    manifest = read_manifest(tmp_path / "data" / "builds" / "toy")
    assert manifest["status"] == "failed"
    assert not (tmp_path / "data" / "builds" / "toy" / "dataset").exists()
    rejected = pl.read_parquet(
        tmp_path / "data" / "builds" / "toy" / "tables" / "settle" / "rejections.parquet"
    )
    assert len(rejected) == LISTS


def test_a_teacher_that_stumbles_costs_no_label(tmp_path, toy, teacher):
    expected = digests(build(toy, settings=settings(tmp_path / "calm")))
    wait = {"Retry-After": "0.1"}
    faults = [
        Fault(status=429, headers=wait),
        Fault(status=500),
        Fault(status=503, headers=wait),
        Fault(reset=True),
        Fault(body='{"choices": []}'),
        Fault(body='{"choi'),
        Fault(body="<html>busy</html>", content_type="text/html"),
    ]
    draw = random.Random(5)
    teacher.faults.extend(draw.choice([*faults, *[None] * 14]) for _ in range(CALLS))
    storm = build(
        toy, overrides=["teachers.knowing.tries=15"], settings=settings(tmp_path / "storm")
    )
    assert digests(storm) == expected


def test_a_teacher_that_is_not_there_is_named(tmp_path, toy, teacher):
    closed = f"{teacher.url.rsplit(':', 1)[0]}:9/v1"
    with pytest.raises(TeacherUnavailable, match=r"127\.0\.0\.1:9"):
        build(
            toy,
            overrides=[f'teachers.knowing.endpoints=["{closed}"]', "teachers.knowing.tries=1"],
            settings=settings(tmp_path),
        )


def test_an_unknown_model_is_named_with_the_known_ones(tmp_path, toy):
    with pytest.raises(TeacherRefused, match=r"gpt-9.*teacher"):
        build(toy, overrides=["teachers.knowing.model=gpt-9"], settings=settings(tmp_path))


def test_a_key_that_is_refused_names_its_variable_and_never_the_key(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    with knowing(key="another") as teacher:
        toy = recipe(tmp_path, teacher.url)
        with pytest.raises(TeacherRefused, match="MY_KEY") as caught:
            build(
                toy, overrides=["teachers.knowing.api_key_env=MY_KEY"], settings=settings(tmp_path)
            )
    assert "very-secret" not in str(caught.value)
    written = b"".join(p.read_bytes() for p in (tmp_path / "data").rglob("*") if p.is_file())
    assert b"very-secret" not in written


def test_two_builds_of_one_name_do_not_run_at_once(tmp_path, toy):
    with (
        open_build(toy, settings=settings(tmp_path)),
        pytest.raises(StageError, match="another process is building toy"),
    ):
        build(toy, settings=settings(tmp_path))


def command(toy, data):
    start = [sys.executable, "-c", "from rankmill.cli import main; main()"]
    return [*start, "build", str(toy), "--plain", "--data", str(data)]


def test_a_killed_build_goes_on_and_ends_in_the_same_bytes(tmp_path, toy, teacher):
    expected = digests(build(toy, settings=settings(tmp_path / "whole")))
    clean = len(questions(teacher))
    teacher.requests.clear()
    teacher.delay = 0.02
    draw = random.Random(11)
    data = tmp_path / "killed" / "data"
    kills = 0
    while kills < 4:
        child = subprocess.Popen(
            command(toy, data), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        aim = len(teacher.requests) + draw.randint(20, 120)
        until = time.monotonic() + 60
        while len(teacher.requests) < aim and child.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        if child.poll() is not None:
            break
        child.kill()
        child.wait(30)
        kills += 1
    subprocess.run(command(toy, data), check=True, timeout=120, stdout=subprocess.DEVNULL)
    assert kills >= 2
    assert digests(data / "builds" / "toy" / "dataset") == expected
    in_flight = 16 * kills
    assert len(questions(teacher)) - clean <= in_flight


def test_an_interrupted_build_repeats_nothing_that_was_answered(tmp_path, toy, teacher):
    teacher.delay = 0.02
    data = tmp_path / "data"
    child = subprocess.Popen(
        command(toy, data), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while len(teacher.requests) < 150 and time.monotonic() < until:
        time.sleep(0.002)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "the same command goes on from here" in errors
    assert "Traceback" not in errors
    assert read_manifest(data / "builds" / "toy")["status"] == "interrupted"
    subprocess.run(command(toy, data), check=True, timeout=120, stdout=subprocess.DEVNULL)
    assert len(questions(teacher)) <= CALLS + 16


def test_the_command_line_says_an_error_in_one_line_with_its_exit_code(tmp_path, toy):
    wrong = [*command(toy, tmp_path / "data"), "--set", "sample.documnets=3"]
    child = subprocess.run(
        wrong, capture_output=True, text=True, timeout=60, check=False, env={**os.environ}
    )
    assert child.returncode == 2
    assert re.fullmatch(
        r"error: .*unknown key sample.documnets; did you mean documents\?\n", child.stderr
    )


def test_a_cascade_asks_its_dear_view_only_where_the_cheap_ones_disagree(tmp_path):
    def muddled(before, token):
        return -hashed(before + token) if "bread" in before else logprob(before, token)

    where = "views.listwise.where={views=['pointwise','likelihood'],tau=0.999}"
    tables = []
    with ScriptedTeacher(respond, logprob=muddled, embed=embed) as teacher:
        path = recipe(tmp_path, teacher.url)
        for shards in (1, 3):
            settings = Settings(data=tmp_path / f"data{shards}", shards=shards)
            build(path, overrides=(where, "settle.filters=[]"), settings=settings)
            made = Finished.find(settings, "toy")
            tables.append((made.read("label", JUDGMENTS), made.read("settle", LABELS)))
    (judgments, labels), (others, again) = tables
    assert judgments.equals(others)
    assert labels.equals(again)
    lists = candidate_lists(made.read("retrieve", CANDIDATES))
    found = read_trials(made.recipe.views, lists, judgments)
    asked = {qid for qid, one in found.items() if one.begun["listwise"]}
    unsure = {
        qid
        for qid, one in found.items()
        if mean_tau([*one.trials["pointwise"], *one.trials["likelihood"]]) < 0.999
    }
    assert asked == unsure
    assert set() < asked < set(found)
    assert set(labels["qid"]) == set(found)
