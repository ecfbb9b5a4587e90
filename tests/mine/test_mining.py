import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill import retrieve
from rankmill.errors import StageError
from rankmill.mine import ByScore, Mining, Points, Random, Stride, mine, search, spare

BEST = 0.8
SCORES = {"p": BEST, "a": 0.9, "b": 0.78, "c": 0.76, "d": 0.7, "e": 0.5, "f": 0.1, "g": -0.4}
"""Scores of one query with its positive p and seven others."""


def points(vectors):
    rows = np.array(list(vectors.values()), np.float32)
    return Points(ids=pl.Series(list(vectors), dtype=pl.String), vectors=rows)


def pairs(*found):
    return pl.DataFrame(found, schema={"qid": pl.String, "docid": pl.String}, orient="row")


def line(scores):
    """Documents on a line, so that the query (1,) scores each as it says."""
    return points({docid: [score] for docid, score in scores.items()})


def mined(spec, scores=SCORES, positives=("p",), excluded=()):
    return mine(
        spec,
        points({"q": [1.0]}),
        line(scores),
        pairs(*(("q", docid) for docid in positives)),
        excluded=pairs(*(("q", docid) for docid in excluded)),
    )


def negatives(spec, *args, **more):
    return "".join(mined(spec, *args, **more).negatives["docid"])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, "abcdefg"),
        ({"rank_min": 2, "rank_max": 9}, "cdefg"),
        ({"rank_max": 7, "max_score": 0.75}, "defg"),
        ({"min_score": 0.5}, "abcde"),
        ({"absolute_margin": 0.05}, "defg"),
        ({"absolute_margin": 0.0}, "bcdefg"),
        ({"relative_margin": 0.0375}, "cdefg"),
        ({"percentage": 0.95}, "cdefg"),
        ({"percentage": 0.949}, "defg"),
    ],
)
def test_a_rule_leaves_what_the_paper_says(rule, expected):
    # TopK-PercPos keeps what scores below 0.95 * 0.8 = 0.76, TopK-MarginPos below 0.8 - 0.05.
    assert negatives(Mining(negatives=7, **rule)) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"relative_margin": 0.1}, "cd"),
        ({"percentage": 0.9}, "cd"),
        ({"absolute_margin": 0}, "bcd"),
    ],
)
def test_margins_are_right_below_zero(rule, expected):
    # s+ = -0.5: s+ * 0.9 is -0.45, and would let b and a document above the positive through.
    scores = {"p": -0.5, "a": -0.48, "b": -0.5, "c": -0.55, "d": -0.9}
    assert negatives(Mining(negatives=4, **rule), scores) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("min", [("r", "e"), ("r", "f"), ("r", "g")]),
        ("max", [("p", "b"), ("p", "c"), ("p", "d"), ("p", "e"), ("p", "f"), ("p", "g")]),
        (
            "own",
            [*(("p", docid) for docid in "bcdefg"), *(("r", docid) for docid in "efg")],
        ),
    ],
)
def test_several_positives_have_a_stated_policy(policy, expected):
    found = mined(
        Mining(negatives=8, absolute_margin=0.0, positive=policy),
        {**SCORES, "r": 0.6},
        positives=("p", "r"),
    )
    assert found.negatives.select("positive", "docid").rows() == expected
    held = {"p": 0.8, "r": 0.6}
    scores = [held[positive] for positive in found.negatives["positive"]]
    assert found.negatives["positive_score"].to_list() == pytest.approx(scores)
    assert found.counts.lists == (2 if policy == "own" else 1)


def test_queries_with_different_numbers_of_positives_keep_their_own_scores():
    # sentence-transformers once read the positive score of query 2 at the place of another one.
    documents = {"p1": [0.9, 0], "p2": [0.8, 0], "p3": [0.7, 0], "r": [0, 0.3], "n": [0.6, 0.2]}
    found = mine(
        Mining(negatives=1, absolute_margin=0.05),
        points({"q1": [1.0, 0.0], "q2": [0.0, 1.0]}),
        points(documents),
        pairs(("q1", "p1"), ("q1", "p2"), ("q1", "p3"), ("q2", "r")),
    )
    rows = found.negatives.select("qid", "positive", "docid", "rank").rows()
    assert rows == [("q1", "p3", "n", 1), ("q2", "r", "n", 1)]
    assert found.negatives["positive_score"].to_list() == pytest.approx([0.7, 0.3])


def test_ranks_may_count_after_the_rules_as_sentence_transformers_does():
    rules = {"negatives": 2, "rank_min": 1, "rank_max": 7, "absolute_margin": 0.0}
    assert negatives(Mining(**rules)) == "bc"  # a, the nearest, is passed over and above s+ anyway
    assert negatives(Mining(**rules, counted="after")) == "cd"


def test_excluded_documents_are_neither_positives_nor_negatives_and_have_no_rank():
    found = mined(Mining(negatives=2), excluded=("a", "c"))
    assert found.negatives.select("docid", "rank").rows() == [("b", 1), ("d", 2)]


def test_stride_goes_round_and_round():
    scores = {"p": 1.0, **{f"{place:02}": 0.9 - place / 100 for place in range(12)}}
    taken = mined(Mining(negatives=6, rank_max=12, sampling=Stride(step=5)), scores)
    # UniME-V2: every fifth survivor, 0 5 10, then 1 6 11, ...; the table is nearest first.
    assert taken.negatives["docid"].to_list() == ["00", "01", "05", "06", "10", "11"]
    few = mined(Mining(negatives=2, rank_max=12, sampling=Stride(step=5)), scores)
    assert few.negatives["docid"].to_list() == ["00", "05"]


def test_random_samples_follow_the_seed_and_nothing_else():
    scores = {"p": 1.0, **{f"{place:02}": 0.9 - place / 100 for place in range(40)}}
    found = [negatives(Mining(negatives=5, sampling=Random(), seed=s), scores) for s in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_a_cool_sample_by_score_is_the_top_and_a_hot_one_is_not():
    scores = {"p": 1.0, **{f"{place:02}": 0.9 - place / 50 for place in range(40)}}
    cool = Mining(negatives=5, sampling=ByScore(temperature=1e-4))
    assert negatives(cool, scores) == "0001020304"
    hot = Mining(negatives=5, sampling=ByScore(temperature=100))
    assert negatives(hot, scores) != "0001020304"


def test_each_way_to_be_short_does_what_it_says():
    rules = {"negatives": 3, "absolute_margin": 1.0, "rank_max": 4}  # at most -0.2, within 4: none
    far = {**SCORES, "h": -0.5, "i": -0.6}
    nothing = mined(Mining(**rules), far)
    assert nothing.negatives.is_empty()
    assert [(r.id, r.rule) for r in nothing.rejections] == [("q", "no_negative")]
    filled = mined(Mining(**rules, short="random"), far)
    assert sorted(filled.negatives["docid"]) == ["g", "h", "i"]
    assert set(filled.negatives["origin"]) == {"random"}
    assert filled.negatives["rank"].null_count() == 3
    assert filled.negatives["score"].to_list() == pytest.approx(
        [SCORES["g"] if d == "g" else far[d] for d in filled.negatives["docid"]]
    )
    assert not filled.rejections
    assert (filled.counts.short, filled.counts.missing, filled.counts.random) == (1, 3, 3)


def test_random_documents_fill_a_list_as_far_as_the_corpus_has_others():
    # 45 documents: the positive, 20 near ones above the border, and 24 that may stand in.
    scores = (
        {"p": 0.5} | {f"a{n:02}": 0.9 for n in range(20)} | {f"z{n:02}": 0.1 for n in range(24)}
    )
    spec = {"rank_max": 24, "short": "random", "absolute_margin": 0.0}
    whole_one = mined(Mining(negatives=24, **spec), scores)
    assert sorted(whole_one.negatives["docid"]) == [f"z{n:02}" for n in range(24)]
    assert whole_one.counts.random == whole_one.counts.removed["absolute_margin"] == 20


def test_a_list_that_is_too_short_can_be_left_out_and_its_documents_are_counted():
    spec = {"negatives": 6, "min_score": 0.6, "rank_max": 7}
    fewer = mined(Mining(**spec))
    assert "".join(fewer.negatives["docid"]) == "abcd"
    assert fewer.counts.removed == {"min_score": 3}
    dropped = mined(Mining(**spec, short="drop"))
    assert dropped.negatives.is_empty()
    assert dropped.counts.removed == {"min_score": 3, "list_dropped": 4}
    (rejection,) = dropped.rejections
    assert rejection.rule == "too_few_negatives"
    assert rejection.detail == "4 of 6 negatives, the positive scores 0.8000"


def test_what_has_no_positive_is_said_by_name():
    found = mine(
        Mining(negatives=1),
        points({"q1": [1.0], "q2": [1.0]}),
        line(SCORES),
        pairs(("q1", "p"), ("q1", "gone"), ("q3", "p")),
    )
    assert [(r.id, r.rule) for r in found.rejections] == [
        ("q1/gone", "positive_not_in_corpus"),
        ("q3/p", "no_such_query"),
        ("q2", "no_positive"),
    ]
    assert found.negatives["qid"].to_list() == ["q1"]


def test_ids_that_repeat_or_lack_a_vector_are_refused():
    with pytest.raises(StageError, match="the id a repeats"):
        Points(ids=pl.Series(["a", "a"]), vectors=np.zeros((2, 1), np.float32))
    with pytest.raises(StageError, match="1 ids, but 2 vectors"):
        Points(ids=pl.Series(["a"]), vectors=np.zeros((2, 1), np.float32))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (
            {"negatives": 5, "rank_min": 3, "rank_max": 7},
            "rank_min=3 and rank_max=7 leave 4 documents",
        ),
        ({"percentage": 0.9, "relative_margin": 0.1}, "are one rule"),
        ({"min_score": 0.5, "max_score": 0.4}, "is above max_score"),
    ],
)
def test_settings_that_leave_nothing_are_refused(fields, why):
    with pytest.raises(ValidationError, match=why):
        Mining(**fields)


def test_the_search_goes_deeper_only_where_rules_or_draws_need_room():
    assert Mining(negatives=4, rank_min=10).depth == 14
    assert Mining(negatives=4, rank_min=10, percentage=0.95).depth == 50
    assert Mining(negatives=4, sampling=Random()).depth == 40


whole = st.integers(-3, 3).map(float)


@st.composite
def worlds(draw):
    """Vectors of small whole numbers, so that many scores tie and all are exact."""
    size, queries = draw(st.integers(3, 14)), draw(st.integers(1, 4))
    rows = st.lists(whole, min_size=2, max_size=2)
    documents = {f"d{n:02}": draw(rows) for n in range(size)}
    asked = {f"q{n}": draw(rows) for n in range(queries)}
    known = st.tuples(st.sampled_from(list(asked)), st.sampled_from(list(documents)))
    positives, excluded = draw(st.lists(known, min_size=1)), draw(st.lists(known, max_size=4))
    return documents, asked, positives, [pair for pair in excluded if pair not in positives]


@st.composite
def specs(draw):
    maybe = st.none() | st.floats(-2, 2)
    wanted, passed = draw(st.integers(1, 4)), draw(st.integers(0, 2))
    return Mining(
        negatives=wanted,
        rank_min=passed,
        rank_max=draw(st.none() | st.integers(wanted + passed, 9)),
        counted=draw(st.sampled_from(["before", "after"])),
        absolute_margin=draw(maybe),
        relative_margin=draw(st.none() | st.floats(0, 1)),
        max_score=draw(maybe),
        positive=draw(st.sampled_from(["min", "max", "own"])),
        sampling=draw(st.sampled_from([Stride(step=2), Random(), ByScore(), Mining().sampling])),
        short=draw(st.sampled_from(["fewer", "drop", "random"])),
    )


def mined_from(world, spec):
    documents, asked, positives, excluded = world
    return mine(
        spec, points(asked), points(documents), pairs(*positives), excluded=pairs(*excluded)
    )


@settings(deadline=None, max_examples=150)
@given(worlds(), specs())
def test_no_positive_is_ever_mined_no_rule_is_broken_and_the_counts_add_up(world, spec):
    documents, asked, positives, excluded = world
    found = mined_from(world, spec)
    rows = found.negatives.to_dicts()
    assert not {(row["qid"], row["docid"]) for row in rows} & {*positives, *excluded}
    for row in rows:
        above = spec.above(np.float32(row["score"]), np.float32(row["positive_score"]))
        assert not any(gone for _, gone in above)
        assert row["score"] == np.dot(asked[row["qid"]], documents[row["docid"]])
        assert (row["qid"], row["positive"]) in positives
        assert row["rank"] is None or row["rank"] <= spec.depth
    counts = found.counts
    near = [row for row in rows if row["origin"] == "dense"]
    assert counts.considered == counts.kept + sum(counts.removed.values())
    assert counts.kept == len(near)
    assert counts.random == len(rows) - len(near)
    sizes = found.negatives.group_by("qid", "positive").len()["len"]
    assert sizes.max() is None or sizes.max() <= spec.negatives
    left_out = [r for r in found.rejections if r.rule in {"no_negative", "too_few_negatives"}]
    assert len(sizes) + len(left_out) == counts.lists


@settings(deadline=None, max_examples=60)
@given(worlds(), specs(), st.randoms(use_true_random=False))
def test_the_order_of_what_comes_in_is_of_no_account(world, spec, draw):
    documents, asked, positives, excluded = world
    shuffled = []
    for table in (documents, asked):
        rows = list(table.items())
        draw.shuffle(rows)
        shuffled.append(dict(rows))
    other = (*shuffled, draw.sample(positives, len(positives)), excluded)
    one, two = mined_from(world, spec), mined_from(other, spec)
    assert one.negatives.equals(two.negatives)
    assert one.rejections == two.rejections


@settings(deadline=None, max_examples=60)
@given(worlds(), st.floats(0, 1), st.sampled_from([0.25, 2.0, 8.0]))
def test_a_relative_margin_does_not_see_the_scale_of_scores(world, margin, scale):
    documents, asked, positives, excluded = world
    larger = {docid: [scale * x for x in row] for docid, row in documents.items()}
    spec = Mining(negatives=3, relative_margin=margin)
    one = mined_from(world, spec).negatives
    two = mined_from((larger, asked, positives, excluded), spec).negatives
    assert one.drop("score", "positive_score").equals(two.drop("score", "positive_score"))


@settings(deadline=None, max_examples=60)
@given(worlds(), specs())
def test_what_else_is_asked_changes_no_query(world, spec):
    documents, asked, positives, excluded = world
    alone = {"q0": asked["q0"]}
    mine_alone = [pair for pair in positives if pair[0] == "q0"]
    others = [pair for pair in excluded if pair[0] == "q0"]
    every = mined_from(world, spec).negatives.filter(qid="q0")
    assert mined_from((documents, alone, mine_alone, others), spec).negatives.equals(every)


def test_only_a_query_with_many_positives_is_searched_deeply(monkeypatch):
    draw = np.random.default_rng(5)
    documents = {f"d{n:03}": draw.standard_normal(4).tolist() for n in range(300)}
    asked = {f"q{n:02}": draw.standard_normal(4).tolist() for n in range(40)}
    positives = [(qid, f"d{n:03}") for n, qid in enumerate(asked)]
    positives += [("q07", f"d{n:03}") for n in range(50, 250)]
    searched = []

    def nearest(*vectors, depth):
        searched.append((len(vectors[-1]), depth))
        return retrieve.nearest(*vectors, depth=depth)

    monkeypatch.setattr(search, "nearest", nearest)
    spec = Mining(negatives=3)
    found = mined_from((documents, asked, positives, []), spec)
    assert searched == [(39, 3 + 1), (1, 3 + 201)]
    alone = mined_from(
        (documents, {"q07": asked["q07"]}, positives[7:8] + positives[40:], []), spec
    )
    assert found.negatives.filter(qid="q07").equals(alone.negatives)


def test_lists_without_negatives_are_named_in_order_however_deeply_they_are_searched():
    asked = {f"q{n}": [1.0] for n in range(6)}
    positives = [*((qid, "g") for qid in asked), *(("q2", docid) for docid in "abcdef")]
    found = mine(
        Mining(negatives=1, max_score=-1.0), points(asked), line(SCORES), pairs(*positives)
    )
    assert [one.id for one in found.rejections] == list(asked)


def test_blocks_never_show_in_the_result(monkeypatch):
    draw = np.random.default_rng(3)
    documents = {f"d{n:03}": draw.integers(-3, 4, 4).tolist() for n in range(90)}
    asked = {f"q{n:02}": draw.integers(-3, 4, 4).tolist() for n in range(30)}
    positives = [(qid, f"d{draw.integers(90):03}") for qid in asked for _ in range(3)]
    spec = Mining(negatives=3, absolute_margin=2, sampling=Random(), short="random", positive="own")
    whole_one = mined_from((documents, asked, positives, []), spec)
    monkeypatch.setattr(search, "_CELLS", 100)
    monkeypatch.setattr(search, "_PAIRS", 7)
    monkeypatch.setattr(spare, "_ONCE", 7)
    in_parts = mined_from((documents, asked, positives, []), spec)
    assert whole_one.negatives.equals(in_parts.negatives)
    assert whole_one.counts == in_parts.counts
