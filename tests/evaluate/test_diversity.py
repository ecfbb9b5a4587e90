from itertools import combinations
from math import exp, log

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.evaluate.diversity import (
    AT_RANDOM,
    SEEDS,
    Diversity,
    beside,
    distinct,
    mean_distance,
    of_queries,
    of_seeds,
    self_bleu,
    vendi,
)
from rankmill.sampling import Landscape, Pool


def test_distinct_n_is_the_share_of_different_runs():
    texts = ["the cat sat", "The cat ran"]  # 4 of 6 words, and of the pairs, "the cat" twice
    assert distinct(texts, 1) == pytest.approx(4 / 6)
    assert distinct(texts, 2) == pytest.approx(3 / 4)
    assert distinct(["one"], 2) == 0


def test_words_that_are_not_set_apart_are_told_apart():
    texts = ["如何种植水稻", "如何种植小麦"]
    assert distinct(texts, 1) == pytest.approx(8 / 12)
    assert self_bleu(texts) > 0.3
    facts = of_queries(pl.DataFrame({"text": texts, "kind": "question"}), unit(np.eye(2)))
    assert facts["words a query"] == 3


def test_equal_texts_have_a_self_bleu_of_one_and_strange_ones_nearly_none():
    assert self_bleu(["a b c d", "a b c d"]) == pytest.approx(1)
    # Nothing matches: every order counts as a tenth, of 4, 3, 2 and 1 runs.
    apart = (0.1 / 4 * 0.1 / 3 * 0.1 / 2 * 0.1 / 1) ** 0.25
    assert self_bleu(["a b c d", "e f g h"]) == pytest.approx(apart)


def test_self_bleu_clips_counts_by_one_other_text_and_punishes_brevity():
    # "a a b" of three orders against "a b" and "a b c d": a twice, clipped to 1; b; so 2 of 3.
    # Pairs: "a b" matches, "a a" does not: 1 of 2. "a a b" is nowhere: a tenth.
    first = exp((log(2 / 3) + log(1 / 2) + log(0.1)) / 3)
    # "a b" of two orders: 2 of 2, 1 of 1; its nearest reference has 3 words: e^(1 - 3/2).
    second = exp(1 - 3 / 2)
    # "a b c d": a and b of 4; "a b" of 3; of the rest, tenths; no penalty.
    third = exp((log(2 / 4) + log(1 / 3) + log(0.1 / 2) + log(0.1)) / 4)
    found = self_bleu(["a a b", "a b", "a b c d"])
    assert found == pytest.approx((first + second + third) / 3)


def slow_self_bleu(texts):
    """The same by comparing every text with every other."""
    said = [text.split() for text in texts]
    scores = []
    for place, words in enumerate(said):
        others = said[:place] + said[place + 1 :]
        logs = []
        for n in range(1, min(4, len(words)) + 1):
            runs = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
            matched = 0
            for run in set(runs):
                most = max(
                    sum(tuple(one[at : at + n]) == run for at in range(len(one))) for one in others
                )
                matched += min(runs.count(run), most)
            logs.append(log((matched or 0.1) / len(runs)))
        nearest = min(map(len, others), key=lambda n: (abs(n - len(words)), n))
        brevity = 1 if len(words) >= nearest else exp(1 - nearest / len(words))
        scores.append(brevity * exp(sum(logs) / len(logs)))
    return sum(scores) / len(scores)


WORDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=7).map(" ".join)


@given(st.lists(WORDS, min_size=2, max_size=7))
def test_self_bleu_in_one_pass_is_that_of_all_pairs(texts):
    assert self_bleu(texts) == pytest.approx(slow_self_bleu(texts))


def test_a_text_alone_has_no_self_bleu():
    assert self_bleu(["a b c d"]) == 0
    assert self_bleu(["a b", "??"]) == 0


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@given(st.integers(2, 12), st.integers(0, 9))
def test_the_mean_distance_is_that_of_all_pairs(rows, seed):
    vectors = unit(np.random.default_rng(seed).normal(size=(rows, 3)))
    pairs = [1 - float(a @ b) for a, b in combinations(vectors, 2)]
    assert mean_distance(vectors) == pytest.approx(np.mean(pairs), abs=1e-5)


def test_one_vector_has_no_distance():
    assert mean_distance(unit([[1, 0]])) == 0


def test_the_vendi_score_counts_what_is_unlike():
    assert vendi(unit([[1, 0, 0]] * 5)) == pytest.approx(1)
    assert vendi(unit(np.eye(3))) == pytest.approx(3)
    # Two alike and one apart: eigenvalues 2/3 and 1/3.
    two = exp(-(2 / 3 * log(2 / 3) + 1 / 3 * log(1 / 3)))
    assert vendi(unit([[1, 0], [1, 0], [0, 1]])) == pytest.approx(two)


def pool_of(vectors, clusters):
    documents = pl.DataFrame(
        {
            "docid": [f"d{n:02}" for n in range(len(vectors))],
            "cluster": clusters,
            "similarity": [1.0] * len(vectors),
            "chars": [100] * len(vectors),
            "row": range(len(vectors)),
        }
    )
    where = documents.select("docid", "cluster", "similarity")
    return Pool(
        documents=documents, space=Landscape(clusters=where, vectors=unit(vectors), encode=unit)
    )


def test_seeds_of_every_topic_cover_more_than_seeds_at_random():
    topics = np.repeat(np.eye(8), 5, axis=0) + 0.01  # eight topics of five documents
    pool = pool_of(topics, np.repeat(np.arange(8), 5).tolist())
    facts = of_seeds(pool, pool.documents.filter(pl.col("row") % 5 == 0))
    assert set(facts) == {*SEEDS, *(name + AT_RANDOM for name in SEEDS)}
    assert facts["topics with a seed"] == 1
    assert facts["documents near a seed"] == 1
    assert facts["cosine to the nearest seed"] == pytest.approx(1)
    for name in SEEDS:
        assert facts[name] > facts[name + AT_RANDOM]


def test_seeds_of_one_topic_cover_less():
    topics = np.repeat(np.eye(4), 10, axis=0) + 0.01
    pool = pool_of(topics, np.repeat(np.arange(4), 10).tolist())
    facts = of_seeds(pool, pool.documents.filter(cluster=0).head(4))
    assert facts["topics with a seed"] == 0.25
    assert facts["documents near a seed"] == 0.25
    assert facts["Vendi score of seeds"] == 1


def test_the_order_of_the_documents_changes_no_figure():
    vectors = np.random.default_rng(1).normal(size=(40, 4))
    pool = pool_of(vectors, [n % 3 for n in range(40)])
    order = np.random.default_rng(2).permutation(40)
    moved = Pool(
        documents=pool.documents[order].drop("row").with_row_index("row"),
        space=Landscape(
            clusters=pool.space.clusters, vectors=pool.space.vectors[order], encode=unit
        ),
    )
    seeds = pool.documents.filter(pl.col("row") < 9)
    assert of_seeds(pool, seeds) == of_seeds(moved, seeds)


def test_queries_are_measured_and_their_kinds_counted():
    queries = pl.DataFrame(
        {"text": ["a b", "a c", "d"], "kind": ["question", "keyword", "question"]}
    )
    facts = of_queries(queries, unit(np.eye(3)))
    assert facts == {
        "queries": 3,
        "distinct-1": 0.8,
        "distinct-2": 1.0,
        "self-BLEU": facts["self-BLEU"],
        "mean distance of queries": 1.0,
        "Vendi score of queries": 3.0,
        "words a query": 1.7,
        "kinds": "question 2, keyword 1",
    }


def test_builds_stand_beside_each_other():
    one = Diversity(
        seeds={"topics with a seed": (1.0, 0.75)},
        queries={"self-BLEU": 0.5},
        passed={"kept": 0.75, "copied": 0.25},
    )
    two = Diversity(seeds={}, queries={"self-BLEU": 0.25}, passed={"kept": 1.0})
    grid = beside({"clustered": one, "random": two})
    cells = [list(column.cells) for column in grid.columns]
    assert [column.header for column in grid.columns] == ["", "clustered", "random"]
    assert cells[0] == ["topics with a seed", "  at random", "self-BLEU", "kept", "copied"]
    assert cells[1] == ["1.000", "0.750", "0.5", "75.0%", "25.0%"]
    assert cells[2] == ["", "", "0.25", "100.0%", "0.0%"]


def test_no_queries_are_no_fault():
    nothing = pl.DataFrame(schema={"text": pl.String, "kind": pl.String})
    facts = of_queries(nothing, np.zeros((0, 3), np.float32))
    assert facts["queries"] == facts["self-BLEU"] == facts["Vendi score of queries"] == 0
    assert facts["kinds"] == ""
