"""The same recipe over other sources: a BEIR folder, and a local Hugging Face dataset."""

import json

import pytest

from knowing_teacher import RECIPE, corpus, knowing
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.settings import Settings
from rankmill.tables import LABELS
from scripted_teacher import ScriptedTeacher, by_hash, hashed, plausible


def write(folder, url, source):
    start, _, rest = RECIPE.partition('kind = "jsonl"\npath = "corpus.jsonl"\n')
    path = folder / "toy.toml"
    path.write_text((start + source + rest).format(url=url))
    return path


def test_a_local_hugging_face_dataset_gives_the_same_labels_as_json_lines(tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = [json.loads(row) for row in corpus(tmp_path / "corpus.jsonl").read_text().splitlines()]
    folder = tmp_path / "hub"
    datasets.Dataset.from_list(rows).to_parquet(folder / "train.parquet")
    sources = {
        "lines": 'kind = "jsonl"\npath = "corpus.jsonl"\n',
        "hub": f'kind = "huggingface"\ndataset = "{folder}"\nsplit = "train"\n',
    }
    labels = {}
    with knowing() as teacher:
        for name, source in sources.items():
            settings = Settings(data=tmp_path / name)
            build(write(tmp_path, teacher.url, source), settings=settings)
            labels[name] = Finished.find(settings, "toy").read("settle", LABELS)
    assert len(labels["lines"]) == 18 * 8
    assert labels["hub"].equals(labels["lines"])


def about(messages):
    """Queries of a few words of the document; every other question by hash."""
    if "write one search query" in messages[0]["content"]:
        words = messages[-1]["content"].replace("<document>", "").split()
        return f"what is known about {' '.join(words[2:8])}"
    if messages[0]["content"].startswith("You rank"):
        return " > ".join(f"[{place}]" for place in range(8, 0, -1))
    return by_hash(messages)


def test_cranfield_builds_from_its_beir_folder(tmp_path, collections):
    def embed(text):
        return [hashed(text, str(place)) - 0.5 for place in range(32)]

    source = f'kind = "beir"\npath = "{collections / "cranfield"}"\n'
    with ScriptedTeacher(about, logprob=plausible, embed=embed) as teacher:
        recipe = write(tmp_path, teacher.url, source)
        settings = Settings(data=tmp_path / "data")
        build(
            recipe,
            overrides=["settle.filters=[]", "queries.max_similarity=1.0", "passages.min_chars=40"],
            settings=settings,
        )
    reports = {report.stage: report for report in Finished.find(settings, "toy").reports}
    assert reports["ingest"].facts["documents"] == 1_398
    assert reports["settle"].written >= 15
