import json

import pytest
from pools import angle, docids, pool_of, shuffled, unit
from pydantic import ValidationError

from rankmill.errors import CorpusError, StageError
from rankmill.sampling import Target
from rankmill.sampling.target import MATCHES

DEGREES = {"d1": 0, "d2": 10, "d3": 50, "d4": 90, "d5": 85, "d6": 180}
QUERIES = {"east": angle(1), "north": angle(91)}


def encode(texts):
    return unit([QUERIES[text] for text in texts])


def pool(base, **space):
    rows = [(docid, 0, 1.0) for docid in DEGREES]
    vectors = [angle(degrees) for degrees in DEGREES.values()]
    return pool_of(rows, vectors, encode=encode, base=base, **space)


@pytest.fixture
def examples(tmp_path):
    lines = [json.dumps({"_id": f"x-{text}", "text": text}) for text in QUERIES]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    return tmp_path


def collection(folder, queries, **qrels):
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "c", "title": "", "text": "a document"}\n')
    rows = [json.dumps({"_id": qid, "text": text}) for qid, text in queries.items()]
    (folder / "queries.jsonl").write_text("\n".join(rows))
    for split, qids in qrels.items():
        judged = "".join(f"{qid}\tc\t1\n" for qid in qids)
        (folder / "qrels" / f"{split}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    return folder


def test_the_best_rank_over_the_examples_decides_and_the_cosine_breaks_ties(examples):
    # east (1 degree): d1, d2, d3, ...; north (91 degrees): d4, d5, d3, ... Ranks 1: d1 and d4,
    # rank 2: d5 (6 degrees away) before d2 (9 degrees away), rank 3: d3 (41, and 49 by east).
    drawn = Target(documents=3, examples="mine.jsonl").draw(pool(examples))
    assert docids(drawn) == ["d1", "d4", "d5"]
    assert docids(Target(documents=5, examples="mine.jsonl").draw(pool(examples))) == [
        *("d1", "d2", "d3", "d4", "d5")
    ]


def test_every_seed_names_the_example_that_found_it(examples):
    drawn = Target(documents=5, examples="mine.jsonl").draw(pool(examples))
    [(table, matches)] = drawn.tables
    assert table == MATCHES
    found = {row[0]: row[1:4] for row in MATCHES.check(matches).iter_rows()}
    assert found == {
        "d1": ("x-east", "east", 1),
        "d2": ("x-east", "east", 2),
        "d3": ("x-north", "north", 3),
        "d4": ("x-north", "north", 1),
        "d5": ("x-north", "north", 2),
    }
    assert drawn.facts == {"examples": 2, "examples with a seed": 2, "worst rank": 3}


def test_the_order_of_the_documents_does_not_matter(examples):
    spec = Target(documents=4, examples="mine.jsonl")
    moved = shuffled(pool(examples))
    rows = moved.documents.select("docid", "cluster", "similarity").rows()
    moved = pool_of(rows, moved.space.vectors, encode=encode, base=examples)
    assert docids(spec.draw(moved)) == docids(spec.draw(pool(examples)))


def test_of_a_collection_the_queries_of_the_split_are_taken(tmp_path):
    collection(tmp_path / "c", {"1": "east", "2": "north"}, train=["2"], test=["1"])
    drawn = Target(documents=1, examples="c").draw(pool(tmp_path))
    assert docids(drawn) == ["d4"]


def test_the_split_to_be_tested_on_is_refused():
    with pytest.raises(ValidationError, match="must not choose"):
        Target(documents=1, examples="c", split="test")


def test_examples_judged_in_the_test_set_beside_them_are_refused(tmp_path):
    collection(tmp_path / "c", {"1": "east", "2": "north"}, train=["1", "2"], test=["2"])
    for examples in ("c", "c/queries.jsonl"):
        with pytest.raises(StageError, match=r"1 example queries are judged in .*test.tsv, first"):
            Target(documents=1, examples=examples).draw(pool(tmp_path))


def test_examples_with_the_words_of_an_exam_are_refused(examples, tmp_path):
    exam = collection(tmp_path / "exam", {"7": "North?", "8": "east"}, test=["7"])
    with pytest.raises(StageError, match=r"1 example queries are in assemble.evaluation, .*north"):
        Target(documents=1, examples="mine.jsonl").draw(pool(examples, evaluation=(exam,)))
    fine = collection(tmp_path / "other", {"8": "east"}, test=[])
    Target(documents=1, examples="mine.jsonl").draw(pool(examples, evaluation=(fine,)))


def test_what_it_depends_on_is_what_the_files_say_not_where_they_are(examples, tmp_path):
    spec = Target(documents=1, examples="mine.jsonl")
    before = spec.origin(examples, ())
    moved = tmp_path / "moved.jsonl"
    (examples / "mine.jsonl").rename(moved)
    assert Target(documents=1, examples=moved).origin(examples, ()) == before
    assert Target(documents=1, examples=moved).fingerprint == spec.fingerprint
    moved.write_text('{"_id": "x", "text": "east"}')
    assert Target(documents=1, examples=moved).origin(examples, ()) != before


@pytest.mark.parametrize(
    ("content", "error"), [(None, CorpusError), ("", CorpusError), ("{", CorpusError)]
)
def test_a_file_without_examples_is_refused(tmp_path, content, error):
    if content is not None:
        (tmp_path / "mine.jsonl").write_text(content)
    with pytest.raises(error, match=r"mine\.jsonl"):
        Target(documents=1, examples="mine.jsonl").draw(pool(tmp_path))
