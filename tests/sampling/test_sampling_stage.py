"""The sampling of whole builds: what a recipe may say, and what comes of it."""

from contextlib import suppress

import polars as pl
import pytest

from rankmill.build import open_build
from rankmill.check import check
from rankmill.errors import ConfigError, CorpusError
from rankmill.evaluate.diversity import AT_RANDOM, SEEDS, Diversity, beside
from rankmill.finished import Finished
from rankmill.line import Plain, build, line
from rankmill.recipe import Recipe
from rankmill.sampling import Random
from rankmill.settings import Settings
from rankmill.space import ELBOW, TOPICS
from rankmill.tables import CLUSTERS, DOCUMENTS, QUERIES
from rankmill.tables import SEEDS as SEEDS_TABLE


class Drawn(Exception):
    """The seeds are there."""


class UntilSeeds(Plain):
    def run(self, stage, opened, *inputs):
        if stage.__name__ == "generate":
            raise Drawn
        return super().run(stage, opened, *inputs)


def sampled(recipe, *overrides):
    """A build as far as its seeds."""
    settings = Settings(data=recipe.parent / "data")
    with (
        open_build(recipe, overrides=overrides, settings=settings) as opened,
        suppress(Drawn),
    ):
        line(opened, UntilSeeds())
    return Finished.find(settings, opened.recipe.name)


@pytest.mark.parametrize("kind", ["duqgen", "random", "equal", "mmr", "farthest"])
def test_seeds_of_every_kind_say_how_diverse_they_are(toy, kind):
    made = sampled(toy, f"sample.kind={kind}")
    seeds = made.read("sample", SEEDS_TABLE)
    assert len(seeds) == 18
    assert seeds["segment"].null_count() == 18
    where = made.read("cluster", CLUSTERS).select("docid", "cluster")
    assert len(seeds.join(where, on=["docid", "cluster"])) == 18
    facts = made.output("sample").report.facts
    assert {*SEEDS, *(name + AT_RANDOM for name in SEEDS)} <= facts.keys()


def test_a_seed_s_segment_is_a_part_of_its_text(toy):
    grid = 'generate={kind="grid", teacher="knowing", prompt="queries/grid"}'
    made = sampled(toy, "sample.segments=true", grid)
    texts = dict(made.read("ingest", DOCUMENTS).select("docid", "text").iter_rows())
    seeds = made.read("sample", SEEDS_TABLE)
    for docid, segment, start, end in seeds.drop("cluster").iter_rows():
        length = len(texts[docid])
        assert 0 <= start < end <= length
        assert (start == 0) == (segment == "begin")
        assert (end == length) == (segment == "end")
    cells = made.output("sample").report.facts["segments of less than 256 characters"]
    assert cells == "begin 6, middle 6, end 6"


def test_the_control_arm_of_one_cluster_is_built_to_the_end(toy):
    settings = Settings(data=toy.parent / "data")
    arm = ["cluster.clusters=1", "splits.by=documents"]
    dataset = build(toy, overrides=arm, settings=settings)
    made = Finished.find(settings, "toy")
    assert set(made.read("cluster", CLUSTERS)["cluster"]) == {0}
    assert set(made.read("cluster", CLUSTERS)["split"]) == {"train", "validation", "test"}
    assert made.read("cluster", TOPICS)["documents"].to_list() == [72]
    assert "a passage may be like one of another split" in (dataset / "README.md").read_text()
    measured = Diversity.of(made)
    assert measured.queries["queries"] == len(made.read("generate", QUERIES))
    assert measured.passed["kept"] == pytest.approx(measured.queries["queries"] / 18)
    assert beside({"toy": measured}).row_count > 12
    assert 'id="diversity"' in (made.folder / "report.html").read_text()


def test_an_elbow_is_kept_as_a_table_and_said_in_the_report(toy):
    made = sampled(toy, 'cluster.clusters={kind="elbow", grid=[2, 4, 6, 10, 20, 36]}')
    curve = made.read("cluster", ELBOW)
    assert curve["clusters"].to_list() == [2, 4, 6, 10, 20, 36]
    facts = made.output("cluster").report.facts
    assert curve.filter("chosen")["clusters"].to_list() == [facts["clusters"]]
    assert facts["elbow"].startswith("2: ")


def test_a_second_round_draws_none_of_the_first_again(toy):
    settings = Settings(data=toy.parent / "data")
    build(toy, settings=settings)
    first = Finished.find(settings, "toy")
    asked = first.read("generate", QUERIES).select("qid", student=pl.lit(0.5))
    asked.write_csv(toy.parent / "scores.csv")
    second = sampled(
        toy,
        "name=second",
        f'sample={{kind="refine", documents=9, min_chars=20, scores="scores.csv", '
        f'after=["{first.folder}"]}}',
    )
    old, new = (one.read("sample", SEEDS_TABLE)["docid"] for one in (first, second))
    assert len(new) == 9
    assert not set(old) & set(new)


def test_seeds_for_example_queries_name_them(toy):
    (toy.parent / "log.txt").write_text("galaxy nebula orbit\nflour yeast dough\n")
    spec = 'sample={kind="target", documents=6, min_chars=20, examples="log.txt"}'
    made = sampled(toy, spec)
    assert {docid[:5] for docid in made.read("sample", SEEDS_TABLE)["docid"]} == {"stars", "bread"}
    matches = pl.read_parquet(made.output("sample").folder / "matches.parquet")
    assert set(matches["text"]) == {"galaxy nebula orbit", "flour yeast dough"}


def test_check_says_what_the_sampler_reads(toy):
    (toy.parent / "log.txt").write_text("galaxy nebula orbit\n")
    spec = 'sample={kind="target", documents=6, min_chars=20, examples="log.txt"}'
    settings = Settings(data=toy.parent / "data")
    said = list(check(toy, overrides=[spec], settings=settings))
    assert any(line.startswith("sample, examples: ") for line in said)
    (toy.parent / "log.txt").unlink()
    with pytest.raises(CorpusError, match=r"log\.txt"):
        list(check(toy, overrides=[spec], settings=settings))


def test_a_changed_file_of_examples_draws_anew(toy):
    spec = 'sample={kind="target", documents=6, min_chars=20, examples="log.txt"}'
    (toy.parent / "log.txt").write_text("galaxy nebula orbit\n")
    before = sampled(toy, spec).output("sample").key
    (toy.parent / "log.txt").write_text("pawn rook bishop\n")
    assert sampled(toy, spec).output("sample").key != before


def test_a_recipe_names_its_sampler_or_has_duqgen(toy):
    assert Recipe.load(toy).sample.kind == "duqgen"
    assert Recipe.load(toy, ["sample.kind=random"]).sample == Random(documents=18, min_chars=20)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sample.kind=halton", r"sample: unknown kind 'halton'; expected one of duqgen, random"),
        ("sample.documnets=3", "unknown key sample.documnets; did you mean documents"),
        ("sample.temperature=0", "sample.temperature: .* greater than 0, found 0"),
        ("sample.segments=['start']", "sample.segments"),
        ("cluster.clusters=0", "cluster.clusters: .* greater than or equal to 1, found 0"),
        ("cluster.clusters=ellbow", "cluster.clusters: .*found 'ellbow'"),
        ("cluster.clusters=1", r"cluster.clusters: 3 splits .* need at least 3 clusters, found 1"),
        ('sample={kind="target", documents=1, examples="x", split="test"}', "must not choose"),
    ],
)
def test_a_fault_is_named_where_the_recipe_has_it(toy, override, message):
    with pytest.raises(ConfigError, match=message):
        Recipe.load(toy, [override])


def test_an_elbow_may_be_asked_for_by_its_name(toy):
    assert Recipe.load(toy, ["cluster.clusters=elbow"]).cluster.clusters.grid[-1] == 10_000
