"""Recipes of several writers: refused where they are wrong, priced, checked, built."""

import json
import random
import re
from collections import Counter

import polars as pl
import pytest

from knowing_teacher import embed, logprob, recipe, respond, words_of
from rankmill.build import open_build
from rankmill.check import prompts_of
from rankmill.errors import ConfigError, PromptError
from rankmill.finished import Finished
from rankmill.line import build
from rankmill.plan import estimates
from rankmill.recipe import Recipe
from rankmill.settings import Settings
from rankmill.stages.writing import writing_of
from rankmill.tables import CANDIDATES, CLUSTERS, QUERIES, SEEDS
from scripted_teacher import ScriptedTeacher

WRITERS = """
[[generate]]
teacher = "knowing"
prompt = "queries/search"

[[generate]]
kind = "grid"
teacher = "knowing"
kinds = ["question", "keyword"]
lengths = { short = 2, long = 1 }
personas = { kind = "asked", of = "cluster" }
per_document = 2

[[generate]]
kind = "configured"
teacher = "knowing"

[[generate]]
kind = "reasoning"
teacher = "knowing"

[[generate]]
kind = "two_documents"
teacher = "knowing"
min_similarity = 0.02
max_similarity = 0.99
"""
CALLS = {
    "generate few_shot": 18,
    "generate grid": 18 * 2 * 2,
    "generate configured": 18 * 2,
    "generate reasoning": 18 * 3,
    "generate two_documents": 18,
}


def writes(messages):
    """As the knowing teacher, and the other prompts of writers too."""
    system, last = messages[0]["content"], messages[-1]["content"]
    found = (
        " ".join(random.Random(last).sample(sorted(words_of(last)), 4)) if words_of(last) else ""
    )
    if system.startswith("You read a document and name one person"):
        return "a person who likes " + found.split()[0]
    if system.startswith("You read a document and choose"):
        return '{"character": 1, "question_type": "summary", "difficulty": "phd"}'
    if system.startswith("You read a document and write one hard query"):
        return json.dumps({"hard_query": f"My friend has {found} at home. What now?"})
    if system.startswith("You help somebody search"):
        return f"The problem is about {found}."
    if system.startswith("You read a document and write one query"):
        kind = re.search(r"^Form: (.*)$", last, re.MULTILINE).group(1)
        return f"{found} of {kind.split()[1]}"
    if system.startswith("You read two documents"):
        return f"what do {found} have in common"
    return respond(messages)


def with_writers(folder, url):
    """A recipe of every writer, and of one view."""
    path = recipe(folder, url)
    parts = path.read_text().split("\n[")
    others = ("generate]", "[settle", '[views]]\nname = "like', '[views]]\nname = "list')
    path.write_text("\n[".join(p for p in parts if not p.startswith(others)) + WRITERS)
    return path


@pytest.fixture(scope="module")
def teacher():
    """A teacher who can answer all of them."""
    with ScriptedTeacher(writes, logprob=logprob, embed=embed) as server:
        yield server


@pytest.fixture
def written(tmp_path, teacher):
    """The recipe of every writer."""
    return with_writers(tmp_path, teacher.url)


@pytest.fixture(scope="module")
def done(tmp_path_factory, teacher):
    """Its build."""
    folder = tmp_path_factory.mktemp("written")
    settings = Settings(data=folder / "data")
    build(with_writers(folder, teacher.url), settings=settings)
    return Finished.find(settings, "toy")


def test_every_writer_writes_and_every_row_adds_up(done):
    queries, seeds = done.read("generate", QUERIES), done.read("sample", SEEDS)
    (report,) = [one for one in done.reports if one.stage == "generate"]
    assert report.read == 18 * 6 == report.written + sum(report.rejected.values())
    kinds = {"question", "keyword", "summary", "reasoning", "two_documents"}
    assert set(queries["kind"]) == kinds
    assert set(queries["source_docid"]) <= set(seeds["docid"])
    assert queries.filter(kind="reasoning")["rewrite"].null_count() == 0


def test_the_cells_of_a_grid_are_columns_and_a_topic_has_one_persona(done):
    queries = done.read("generate", QUERIES)
    grid = queries.filter(pl.col("length").is_not_null())
    assert set(grid["length"]) == {"short", "long"}
    personas = grid.group_by("cluster").agg("persona").rows()
    assert all(len(set(people)) == 1 for _, people in personas)


def test_two_documents_are_of_one_split_and_both_are_candidates(done):
    splits = dict(done.read("cluster", CLUSTERS).select("docid", "split").iter_rows())
    listed = set(done.read("retrieve", CANDIDATES).select("qid", "docid").iter_rows())
    pairs = done.read("generate", QUERIES).filter(kind="two_documents")
    assert len(pairs)
    for row in pairs.iter_rows(named=True):
        both = row["source_docid"], row["related_docid"]
        assert both[0] != both[1]
        assert {splits[docid] for docid in both} == {row["split"]}
        assert {(row["qid"], docid) for docid in both} <= listed


def test_a_rebuild_gives_the_same_bytes(done, written, tmp_path):
    settings = Settings(data=tmp_path / "data")
    build(written, settings=settings)
    again = Finished.find(settings, "toy").output("generate")
    once = done.output("generate")
    assert (again.key, again.path(QUERIES).read_bytes()) == (
        once.key,
        once.path(QUERIES).read_bytes(),
    )


def test_calls_of_every_writer_are_counted(written, tmp_path):
    with open_build(written, settings=Settings(data=tmp_path / "d"), record=False) as opened:
        rows = {row.stage: row for row in estimates(opened)}
        assert opened.recipe.queries_at_most(opened.base) == 18 * 6
    assert {stage: row.calls for stage, row in rows.items() if stage in CALLS} == CALLS
    assert rows["label pointwise"].calls == 18 * 6 * 8
    assert all(row.tokens_out for stage, row in rows.items() if stage in CALLS)


def test_no_build_asks_more_than_was_planned(done):
    asked = done.manifest["asked"]["generate"]["knowing"]["calls"]
    assert asked <= sum(CALLS.values())
    # Six topics have one persona each, and no reply had to be asked for again.
    assert asked == 18 + (18 * 2 + 6) + 18 * 2 + 18 * 2 + 18


def test_all_prompts_are_checked_before_a_token_is_spent(written, tmp_path):
    settings = Settings(data=tmp_path / "data")
    with open_build(written, settings=settings, record=False) as opened:
        names = Counter(prompt.name for prompt in prompts_of(opened))
    assert {
        *("queries/search", "queries/grid", "queries/persona", "queries/configure"),
        *("queries/reasoning", "queries/rewrite", "queries/two_documents"),
    } <= set(names)
    over = ["generate.3.rewrite_prompt=queries/search"]
    with (
        open_build(written, overrides=over, settings=settings, record=False) as opened,
        pytest.raises(PromptError, match="queries/search: expected variables"),
    ):
        prompts_of(opened)


def test_the_queries_depend_on_every_prompt_and_file(written, tmp_path):
    (tmp_path / "who.txt").write_text("a cook\n")
    who = 'generate.1.personas={kind="listed", path="who.txt"}'
    settings = Settings(data=tmp_path / "data")

    def said():
        with open_build(written, overrides=[who], settings=settings, record=False) as opened:
            return writing_of(opened), opened.prompt("queries/rewrite").source

    (before, source) = said()
    (tmp_path / "who.txt").write_text("a baker\n")
    assert {name for name, value in said()[0].items() if before[name] != value} == {
        "generate.1 personas"
    }
    (tmp_path / "prompts" / "queries").mkdir(parents=True)
    (tmp_path / "prompts" / "queries" / "rewrite.j2").write_text(source.replace("100", "90"))
    (tmp_path / "who.txt").write_text("a cook\n")
    assert {name for name, value in said()[0].items() if before[name] != value} == {
        "prompt queries/rewrite"
    }


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("generate.1.teacher=u", "generate.1: no teacher u; the recipe defines knowing"),
        ("generate.1.kind=gird", "unknown kind 'gird'.*did you mean grid"),
        ("generate.2.personnas=1", "unknown key generate.2.personnas; did you mean personas"),
        ("generate.0.shots=0", "generate.0.shots: .*found 0"),
        ("sample.segments=true", None),
        ("generate.1.kinds={tweet=1}", "generate.1: kinds: tweet has no words"),
        ("given={}", "missing key given.path"),
        ("given={path=1, qurels=2}", "unknown key given.qurels; did you mean qrels"),
    ],
)
def test_what_is_wrong_with_a_writer_is_said_when_the_recipe_is_read(written, override, message):
    if message is None:
        assert Recipe.load(written, [override])
        return
    with pytest.raises(ConfigError, match=message):
        Recipe.load(written, [override])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("generate.exerpt=5", "unknown key generate.exerpt; did you mean excerpt"),
        ("generate.teacher=u", "generate: no teacher u"),
        ("generate.excerpt=5", "generate.excerpt: .*found 5"),
        ("sample.segments=true", "sample.segments: no writer asks for them"),
    ],
)
def test_one_writer_alone_is_named_without_a_number(toy, override, message):
    with pytest.raises(ConfigError, match=message):
        Recipe.load(toy, [override])


def test_seeds_are_drawn_for_writers(toy):
    text = toy.read_text()
    toy.write_text(text.replace("[sample]\ndocuments = 18\nmin_chars = 20\n", ""))
    with pytest.raises(ConfigError, match="missing key sample"):
        Recipe.load(toy)
