import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.errors import StageError
from rankmill.records import Rejection
from rankmill.retrieve import Retrieval, retrieve
from rankmill.tables import CANDIDATES

TEXTS = {
    "d1": "apple pie recipe",
    "d2": "apple orchard",
    "d3": "car engine",
    "d4": "car wheel",
    "d5": "boat engine",
    "d6": "apple boat",
}
POINTS = {"d1": 0, "d2": 10, "d3": 90, "d4": 100, "d5": 110, "d6": 20}  # degrees on a circle


def on_circle(degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def search(*queries, splits=None, **settings):
    """Each query is (text, source_docid, degrees)."""
    split_by_docid = dict.fromkeys(TEXTS, "train") | (splits or {})
    documents = pl.DataFrame(
        {"docid": list(TEXTS), "title": [""] * len(TEXTS), "text": list(TEXTS.values())}
    )
    frame = pl.DataFrame(
        [
            (f"q{number}", text, source, split_by_docid.get(source, "train"))
            for number, (text, source, _) in enumerate(queries, start=1)
        ],
        schema=dict.fromkeys(("qid", "text", "source_docid", "split"), pl.String),
        orient="row",
    )
    return retrieve(
        Retrieval(**{"depth": 3, "pool": 3} | settings),
        documents=documents.lazy(),
        vectors=on_circle([POINTS[docid] for docid in TEXTS]),
        clusters=pl.DataFrame(
            {"docid": list(split_by_docid), "split": list(split_by_docid.values())}
        ).reverse(),
        queries=frame,
        query_vectors=on_circle([degrees for *_, degrees in queries]),
    )


def test_a_list_by_hand():
    candidates, rejected = search(("apple pie", "d1", 8))
    # dense: d2 at 2 degrees, d1 at 8, d6 at 12; BM25: d1 has both words, then d2 and d6 tie.
    assert candidates.rows() == [
        ("q1", "d1", 1, pytest.approx(1 / 61 + 1 / 62), "source", 1, 2),
        ("q1", "d2", 2, pytest.approx(1 / 62 + 1 / 61), "both", 2, 1),
        ("q1", "d6", 3, pytest.approx(1 / 63 + 1 / 63), "both", 3, 3),
    ]
    assert rejected == []
    CANDIDATES.check(candidates)


def test_a_source_that_is_not_found_takes_the_last_place_without_ranks():
    candidates, _ = search(("apple", "d4", 5))
    assert candidates.rows()[-1] == ("q1", "d4", 3, 0.0, "source", None, None)
    assert candidates["rank"].to_list() == [1, 2, 3]


def test_a_source_below_the_depth_keeps_its_own_ranks_and_score():
    # BM25: d2 and d6 are shorter than d1; dense: d1, d2, d6.
    candidates, _ = search(("apple", "d6", 1), depth=2)
    assert candidates.rows() == [
        ("q1", "d2", 1, pytest.approx(1 / 61 + 1 / 62), "both", 1, 2),
        ("q1", "d6", 2, pytest.approx(1 / 62 + 1 / 63), "source", 2, 3),
    ]


def test_origins_say_who_found_a_document():
    candidates, _ = search(("boat", "d4", 106), depth=4, pool=4)
    origins = dict(candidates.select("docid", "origin").iter_rows())
    # BM25: d5, d6; dense: d5, d4, d3, d6.
    assert origins == {"d5": "both", "d6": "both", "d4": "source", "d3": "dense"}
    candidates, _ = search(("boat", "d4", 106))
    # Pools of three: d4 and d6 tie, d3 comes after them.
    origins = dict(candidates.select("docid", "origin").iter_rows())
    assert origins == {"d5": "both", "d4": "source", "d6": "bm25"}


def test_a_query_sees_only_its_own_split():
    candidates, _ = search(
        ("apple pie", "d1", 8), ("car", "d3", 95), splits={"d1": "test", "d6": "test"}
    )
    listed = dict(candidates.group_by("qid").agg("docid").iter_rows())
    assert set(listed["q1"]) == {"d1", "d6"}
    assert set(listed["q2"]) <= {"d2", "d3", "d4", "d5"}


def test_a_split_of_one_document_rejects_its_query_only():
    candidates, rejected = search(
        ("apple", "d2", 10), ("car", "d3", 95), splits={"d2": "validation"}
    )
    detail = "1 candidate, expected at least 2"
    assert rejected == [Rejection(id="q1", rule="too_few_candidates", detail=detail)]
    assert set(candidates["qid"]) == {"q2"}


@pytest.mark.parametrize("text", ["", "?!", "the of", "xylophone"])
def test_a_query_without_known_words_is_found_by_dense_search_alone(text):
    candidates, _ = search((text, "d1", 0))
    assert candidates["docid"].to_list() == ["d1", "d2", "d6"]
    assert candidates["bm25_rank"].to_list() == [None, None, None]
    assert candidates["origin"].to_list() == ["source", "dense", "dense"]


def test_no_queries_give_an_empty_table():
    candidates, rejected = search()
    CANDIDATES.check(candidates)
    assert len(candidates) == len(rejected) == 0


def test_a_source_outside_its_query_s_split_is_refused():
    with pytest.raises(StageError, match="q1: expected its source d9 in split train"):
        search(("apple", "d9", 0))


def test_vectors_of_another_corpus_are_refused():
    columns = ("docid", "title", "text", "split", "qid", "source_docid")
    empty = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    with pytest.raises(StageError, match="0 documents, but 6 vectors"):
        retrieve(
            Retrieval(),
            documents=empty,
            vectors=on_circle(range(6)),
            clusters=empty,
            queries=empty,
            query_vectors=on_circle([]),
        )


def test_a_document_without_a_split_is_refused():
    documents = pl.DataFrame({"docid": ["a", "b"], "title": ["", ""], "text": ["x", "y"]})
    with pytest.raises(StageError, match="2 documents, but 1 of them in clusters"):
        retrieve(
            Retrieval(),
            documents=documents,
            vectors=on_circle([0, 1]),
            clusters=pl.DataFrame({"docid": ["a"], "split": ["train"]}),
            queries=documents.clear().select(
                "text", qid="docid", source_docid="docid", split="docid"
            ),
            query_vectors=on_circle([]),
        )


def test_pools_too_small_to_fill_a_list_are_refused():
    with pytest.raises(ValidationError, match="pool 5 cannot fill lists of depth 9"):
        Retrieval(depth=9, pool=5)


WORDS = st.lists(st.sampled_from(["apple", "pie", "car", "engine", "the"]), max_size=3)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(WORDS, st.sampled_from(sorted(TEXTS)), st.integers(0, 359)), max_size=4),
    st.integers(2, 6),
    st.lists(st.sampled_from(["train", "test"]), min_size=6, max_size=6),
)
def test_every_query_is_listed_with_its_source_or_rejected(queries, depth, split_of_each):
    splits = dict(zip(TEXTS, split_of_each, strict=True))
    asked = [(" ".join(words), source, degrees) for words, source, degrees in queries]
    candidates, rejected = search(*asked, splits=splits, depth=depth, pool=6)
    listed = dict(candidates.group_by("qid").agg("docid").iter_rows())
    assert len(listed) + len(rejected) == len(asked)
    for number, (_, source, _) in enumerate(asked, start=1):
        eligible = {docid for docid, split in splits.items() if split == splits[source]}
        docids = listed.get(f"q{number}", [source])
        assert source in docids
        assert set(docids) <= eligible
        assert len(docids) == min(depth, len(eligible))
    assert candidates.filter(pl.col("origin") == "source").height == len(listed)
    CANDIDATES.check(candidates)
