import json
from math import e, exp

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import docids, sized

from rankmill.errors import StageError
from rankmill.sampling import Refine
from rankmill.sampling.refine import WEIGHTS, weigh
from rankmill.tables import QUERIES, SEEDS


def build(folder, seeds, *, moved=0):
    """An earlier round: a query q-<docid> of every seed."""
    for stage in ("sample", "generate"):
        (folder / "tables" / stage).mkdir(parents=True)
    rows = [(docid, int(docid[0]) + moved) for docid in seeds]
    SEEDS.frame(rows).write_parquet(folder / "tables" / "sample" / "seeds.parquet")
    asked = [
        (f"q-{docid}", "a query", "search", docid, int(docid[0]), "train", "p", "t", "r")
        for docid in seeds
    ]
    QUERIES.frame(asked).write_parquet(folder / "tables" / "generate" / "queries.parquet")
    return folder


@pytest.fixture
def base(tmp_path):
    build(tmp_path / "round-1", ["0-000", "0-001", "1-000", "2-000"])
    return tmp_path


def refine(documents, **changes):
    return Refine(documents=documents, scores="scores.csv", after=("round-1",), **changes)


def drawn(base, scores, spec, sizes=(20, 20, 20)):
    (base / "scores.csv").write_text(scores)
    return spec.draw(sized(sizes, base=base))


def test_weights_are_the_exponentials_of_mean_gaps_over_their_sum():
    found = weigh({0: (1.0, 2), 1: (0.0, 1)}, [0, 1], temperature=1, guard=0.5)
    assert found == {0: pytest.approx(e / (e + 1)), 1: pytest.approx(1 / (e + 1))}
    cold = weigh({0: (1.0, 2), 1: (0.0, 1)}, [0, 1], temperature=0.5, guard=0.5)
    assert cold[0] == pytest.approx(e**2 / (e**2 + 1))


def test_a_cluster_without_scores_has_the_mean_gap_of_the_others():
    found = weigh({0: (0.6, 1), 1: (0.2, 1)}, [0, 1, 2], temperature=1, guard=0.5)
    total = exp(0.6) + exp(0.2) + exp(0.4)
    assert found[2] == pytest.approx(exp(0.4) / total)


def test_a_cluster_whose_gold_is_far_worse_than_the_student_has_bad_gold():
    gaps = {0: (0.5, 1), 1: (-0.4, 1), 2: (-0.2, 1)}
    found = weigh(gaps, [0, 1, 2], temperature=1, guard=0.3)
    assert found[1] == 0
    assert found[2] > 0


@given(st.dictionaries(st.integers(0, 9), st.floats(-1e6, 1e6), min_size=1), st.floats(0.01, 10))
def test_weights_sum_to_one_however_large_the_gaps(gaps, temperature):
    known = {cluster: (gap, 1) for cluster, gap in gaps.items()}
    found = weigh(known, range(10), temperature=temperature, guard=1e9)
    assert sum(found.values()) == pytest.approx(1)


def test_weak_clusters_give_more_seeds_and_seen_documents_none(base):
    # Means of gold - student: .8, .1 and .1 by query; w = e^.8 : e^.1 : e^.1 = 2.014 : 1 : 1.
    scores = "qid,student,gold\nq-0-000,0.1,1\nq-0-001,0.3,1\nq-1-000,0.8,0.9\nq-2-000,0.9,1\n"
    found = drawn(base, scores, refine(12))
    assert found.seeds["cluster"].value_counts(sort=True).rows() == [(0, 6), (1, 3), (2, 3)]
    assert not set(docids(found)) & {"0-000", "0-001", "1-000", "2-000"}
    [(_, weights)] = found.tables
    assert WEIGHTS.check(weights)["seeds"].to_list() == [6, 3, 3]
    assert weights["gap"].to_list() == pytest.approx([0.8, 0.1, 0.1])
    assert weights["scored"].to_list() == [2, 1, 1]
    assert found.facts == {"earlier seeds": 4, "clusters with bad gold": 0}


def test_the_gold_is_one_where_there_is_none(base):
    found = drawn(base, "cluster,student\n0,0.5\n1,1.0\n2,0.25\n", refine(3))
    assert found.tables[0][1]["gap"].to_list() == pytest.approx([0.5, 0.0, 0.75])


def test_no_remainder_is_lost_and_a_used_up_cluster_passes_its_seeds_on(base):
    found = drawn(base, "cluster,student\n0,0\n1,0.5\n2,0.5\n", refine(20), sizes=(4, 20, 20))
    counts = dict(found.seeds["cluster"].value_counts().iter_rows())
    assert counts == {0: 2, 1: 9, 2: 9}  # of cluster 0, two documents were seen


def test_json_lines_are_read_too(base):
    rows = [{"qid": "q-0-000", "student": 0.25}, {"qid": "q-1-000", "student": 0.5}]
    (base / "scores.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec = Refine(documents=5, scores="scores.jsonl", after=("round-1",))
    found = spec.draw(sized((9, 9, 9), base=base))
    assert found.tables[0][1]["gap"].to_list() == [pytest.approx(0.75), pytest.approx(0.5), None]


def test_another_seed_draws_other_documents(base):
    scores = "cluster,student\n0,0.5\n"
    draws = {tuple(docids(drawn(base, scores, refine(6, seed=seed)))) for seed in range(4)}
    assert len(draws) == 4


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ("student\n1\n", "expected the columns student and either qid or cluster, found student"),
        ("qid,gold\nq,1\n", "found qid, gold"),
        ("qid,student\nq-0-000,good\n", "row 1 holds no qid with finite numbers"),
        ("cluster,student\n0,0.5\nfirst,0.5\n", "row 2 holds no cluster"),
        ("qid,student\nq-9-999,0.5\n", "1 queries that no earlier round wrote, first q-9-999"),
    ],
)
def test_scores_that_say_nothing_are_refused(base, scores, message):
    with pytest.raises(StageError, match=message):
        drawn(base, scores, refine(3))


def test_a_missing_file_or_build_is_named(base):
    with pytest.raises(StageError, match=r"scores\.csv: cannot be read"):
        refine(3).draw(sized((5,), base=base))
    spec = Refine(documents=3, scores="scores.csv", after=("round-0",))
    with pytest.raises(StageError, match=r"no seeds of an earlier round in .*round-0"):
        drawn(base, "cluster,student\n0,1\n", spec)


def test_an_earlier_round_that_is_not_there_is_told_of_before_anything_is_asked(base):
    (base / "scores.csv").write_text("cluster,student\n0,1\n")
    spec = Refine(documents=3, scores="scores.csv", after=("round-1", "round-7"))
    with pytest.raises(StageError, match="no stage sample in round-7; build it first"):
        spec.origin(base, ())


def test_too_few_unseen_documents_say_how_many_there_are(base):
    with pytest.raises(StageError, match="only 2 documents that no earlier round has seen"):
        drawn(base, "cluster,student\n0,0.5\n", refine(4), sizes=(4,))


def test_scores_by_cluster_of_another_clustering_are_refused(tmp_path):
    build(tmp_path / "round-1", ["0-000", "1-000"], moved=1)
    with pytest.raises(StageError, match="2 of 2 earlier seeds are in other clusters now"):
        drawn(tmp_path, "cluster,student\n0,1\n", refine(3))


def test_a_score_whose_document_has_no_cluster_now_is_counted(base):
    scores = "qid,student\nq-0-000,0.5\nq-2-000,0.5\n"
    found = drawn(base, scores, refine(3), sizes=(9, 9))  # cluster 2 was left out
    assert found.facts["scores outside the clusters"] == 1


def test_what_it_depends_on_are_the_scores_and_the_earlier_tables(base):
    (base / "scores.csv").write_text("cluster,student\n0,1\n")
    before = refine(3).origin(base, ())
    assert before.keys() == {"scores", "sample of 1 round-1", "generate of 1 round-1"}
    (base / "scores.csv").write_text("cluster,student\n0,0\n")
    assert refine(3).origin(base, ()) != before


def test_earlier_rounds_whose_folders_have_one_name_all_count(base):
    for folder in ("a", "b"):
        build(base / folder / "run", ["0-000"])
    (base / "scores.csv").write_text("cluster,student\n0,1\n")
    spec = Refine(documents=3, scores="scores.csv", after=("a/run", "b/run"))
    assert sorted(set(spec.origin(base, ())) - {"scores"}) == [
        "generate of 1 run",
        "generate of 2 run",
        "sample of 1 run",
        "sample of 2 run",
    ]
