"""The teacher bench: a toy collection with human grades, against a teacher that knows the truth."""

import json
import random

import numpy as np
import pytest

from knowing_teacher import TOPICS, corpus, knowing, recipe, truth
from rankmill.bench_teacher import run
from rankmill.errors import ConfigError, CorpusError
from rankmill.evaluate.collection import Wanted, load
from rankmill.evaluate.quality import FirstStage, bootstrap, ndcg
from rankmill.progress import Silent
from rankmill.records import Ranking
from rankmill.settings import Settings

QUERIES = {topic: " ".join(words.split()[:4]) for topic, words in TOPICS.items()}


@pytest.fixture
def collection(tmp_path):
    """The toy corpus in BEIR's layout; the teacher's truth is what people judged, less noise."""
    folder = tmp_path / "toys"
    (folder / "qrels").mkdir(parents=True)
    rows = [json.loads(line) for line in corpus(tmp_path / "flat.jsonl").read_text().splitlines()]
    texts = {row["docid"]: f"{row['title']}\n{row['text']}" for row in rows}
    with (folder / "corpus.jsonl").open("w") as file:
        for row in rows:
            file.write(json.dumps({"_id": row["docid"], **row}) + "\n")
    with (folder / "queries.jsonl").open("w") as file:
        for qid, text in QUERIES.items():
            file.write(json.dumps({"_id": qid, "text": text}) + "\n")
    lines = ["query-id\tcorpus-id\tscore"]
    for qid, text in QUERIES.items():
        order = truth(text, texts)
        lines += [f"{qid}\t{docid}\t{max(3 - rank, 0)}" for rank, docid in enumerate(order[:8])]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n")
    return folder


def bench(tmp_path, url, collection, **options):
    settings = Settings(data=tmp_path / "data")
    wanted = options.pop("wanted", Wanted(depth=8))
    path = recipe(tmp_path, url)
    return run(path, collection, wanted, watched=(settings, Silent()), **options)


def test_every_view_gets_a_line_and_a_second_run_asks_nothing(tmp_path, collection):
    with knowing() as teacher:
        found = bench(tmp_path, teacher.url, collection)
        asked = len(teacher.requests)
        again = bench(tmp_path, teacher.url, collection)
        assert len(teacher.requests) == asked
    names = [line.name for line in found.lines]
    assert names == ["first stage: BM25", "pointwise", "likelihood", "listwise", "consensus"]
    first, pointwise, _, listwise, _ = found.lines
    assert pointwise.quality.ndcg > first.quality.ndcg
    gain = pointwise.quality.gain
    assert gain.low <= gain.mean <= gain.high
    assert gain.mean == pytest.approx(pointwise.quality.ndcg - first.quality.ndcg)
    assert listwise.trust.tau == pytest.approx(1)
    assert abs(listwise.trust.bias.tau) < 0.5
    assert pointwise.trust.bias is None
    assert (pointwise.cost.calls, listwise.cost.calls) == (48, 18)
    assert pointwise.cost.tokens_in > 0
    assert pointwise.cost.seconds > 0
    assert [line.quality for line in again.lines] == [line.quality for line in found.lines]
    saved = json.loads(found.file.read_text())
    assert [line["name"] for line in saved["lines"]] == names
    assert "likelihood" in found.file.with_suffix(".svg").read_text()


def test_views_can_be_chosen_and_unknown_ones_are_refused(tmp_path, collection):
    with knowing() as teacher:
        found = bench(tmp_path, teacher.url, collection, views=("likelihood",))
        assert [line.name for line in found.lines][1:] == ["likelihood"]
        with pytest.raises(ConfigError, match="the recipe defines pointwise, likelihood, listwise"):
            bench(tmp_path, teacher.url, collection, views=("setwise",))


def test_a_view_that_shows_answers_needs_a_collection_with_answers(tmp_path, collection):
    override = (
        'views.listwise={name="listwise",teacher="knowing",prompt="labels/answer_aware",'
        'strategy={kind="selection",shows_answer=true}}'
    )
    with knowing() as teacher, pytest.raises(ConfigError, match="has none for 6 of 6 queries"):
        bench(tmp_path, teacher.url, collection, overrides=(override, "settle.filters=[]"))


def test_lists_are_those_of_bm25_of_people_or_of_a_run(tmp_path, collection):
    lists = load(collection, Wanted(depth=5)).lists
    assert all(len(docids) == 5 for docids in lists.values())
    judged = load(collection, Wanted(candidates="judged", depth=20))
    assert {qid: set(docids) for qid, docids in judged.lists.items()} == {
        qid: set(grades) for qid, grades in judged.qrels.items()
    }
    run_file = tmp_path / "first.trec"
    run_file.write_text("bread Q0 bread-01 2 7.5 x\nbread Q0 bread-00 1 9.5 x\n")
    given = load(collection, Wanted(candidates=str(run_file)))
    assert given.lists == {"bread": ["bread-00", "bread-01"]}
    assert given.first_stage == "first.trec"
    few = load(collection, Wanted(queries=2))
    assert len(few.queries) == 2
    assert few.queries == load(collection, Wanted(queries=2)).queries


def test_what_json_allows_in_a_text_ends_no_line(collection):
    path = collection / "queries.jsonl"
    text = "why does\u2028a cat\u2029purr\x85at all"
    others = [line for line in path.read_text().splitlines() if '"bread"' not in line]
    bread = json.dumps({"_id": "bread", "text": text}, ensure_ascii=False)
    path.write_text("\n".join([bread, *others]), encoding="utf-8")
    assert load(collection, Wanted()).queries["bread"].text == text


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("queries.jsonl", '{"_id": "x"}\n', "queries.jsonl, line 1: expected a JSON object"),
        ("queries.jsonl", "not json\n", "queries.jsonl, line 1: expected a JSON object"),
        ("qrels/test.tsv", "q d one\n", "test.tsv, line 1: expected query-id, corpus-id"),
        ("qrels/test.tsv", "q\td\t1\n", "no query of queries.jsonl is judged"),
    ],
)
def test_a_damaged_collection_is_refused_by_file_and_line(collection, file, text, message):
    (collection / file).write_text(text)
    with pytest.raises(CorpusError, match=message):
        load(collection, Wanted())


def test_a_missing_split_and_a_wrong_run_are_named(collection, tmp_path):
    with pytest.raises(CorpusError, match=r"dev\.tsv: cannot be read"):
        load(collection, Wanted(split="dev"))
    bad = tmp_path / "bad.trec"
    bad.write_text("bread Q0 bread-00\n")
    with pytest.raises(CorpusError, match="line 1: expected qid Q0 docid rank score tag"):
        load(collection, Wanted(candidates=str(bad)))
    bad.write_text("bread Q0 nowhere 1 1.0 x\n")
    with pytest.raises(CorpusError, match="candidates that the corpus has not: nowhere"):
        load(collection, Wanted(candidates=str(bad)))


def test_ndcg_has_linear_gain():
    """Grades 3 and 1 at ranks 2 and 1: (1 + 3 / log2 3) / (3 + 1 / log2 3)."""
    ranking = {"q": Ranking.in_order(("b", "a", "c"))}
    value = ndcg({"q": {"a": 3, "b": 1, "x": 0}}, ranking)["q"]
    assert value == pytest.approx((1 + 3 / np.log2(3)) / (3 + 1 / np.log2(3)))


def test_ties_keep_the_first_stages_order(collection):
    first = FirstStage.of(load(collection, Wanted(depth=8)))
    flat = {
        qid: Ranking.by_score(dict.fromkeys(ranking.docids, 1.0))
        for qid, ranking in first.rankings.items()
    }
    quality = first.compare(flat)
    assert quality.ndcg == first.quality.ndcg
    assert quality.gain.low == quality.gain.high == 0


def test_the_interval_holds_the_mean_and_narrows_with_queries():
    chance = random.Random(1)
    values = np.array([chance.gauss(0.1, 0.2) for _ in range(400)])
    few, many = bootstrap(values[:25]), bootstrap(values)
    assert many.low < many.mean < many.high
    assert many.high - many.low < few.high - few.low
    assert bootstrap(values) == many
