import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.errors import StageError
from rankmill.records import Rejection
from rankmill.retrieve import Retrieval, Space, retrieve
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


def space(documents, queries):
    return Space(on_circle(documents), on_circle(queries))


def find(*queries, splits=None, spaces=None, given=None, related=None, answers=None, **settings):
    """Each query is (text, source_docid, degrees); a document of split None is in no cluster."""
    split_by_docid = dict.fromkeys(TEXTS, "train") | (splits or {})
    split_by_docid = {docid: split for docid, split in split_by_docid.items() if split}
    settings = {"depth": 3, "pool": 3, "fusion": {"kind": "rrf"}} | settings
    settings |= {"given": {"path": "run"}} if given else {}
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
    own = space([POINTS[docid] for docid in TEXTS], [degrees for *_, degrees in queries])
    return retrieve(
        Retrieval(**settings),
        documents=documents.lazy(),
        clusters=pl.DataFrame(
            {"docid": list(split_by_docid), "split": list(split_by_docid.values())}
        ).reverse(),
        queries=frame.with_columns(
            related_docid=pl.lit(related, pl.String),
            answer_docids=pl.lit(answers, pl.List(pl.String)),
        ),
        spaces={"dense": own} | (spaces or {}),
        given=given,
    )


def search(*queries, **settings):
    found = find(*queries, **settings)
    return found.candidates, found.rejections


def test_a_list_by_hand():
    candidates, rejected = search(("apple pie", "d1", 8))
    # dense: d2 at 2 degrees, d1 at 8, d6 at 12; BM25: d1 has both words, then d2 and d6 tie.
    assert candidates.rows() == [
        ("q1", "d1", 1, pytest.approx(1 / 61 + 1 / 62), "source", 1, 2, None),
        ("q1", "d2", 2, pytest.approx(1 / 62 + 1 / 61), "both", 2, 1, None),
        ("q1", "d6", 3, pytest.approx(1 / 63 + 1 / 63), "both", 3, 3, None),
    ]
    assert rejected == []
    CANDIDATES.check(candidates)


def test_a_source_that_is_not_found_takes_the_last_place_without_ranks():
    candidates, _ = search(("apple", "d4", 5))
    assert candidates.rows()[-1] == ("q1", "d4", 3, 0.0, "source", None, None, None)
    assert candidates["rank"].to_list() == [1, 2, 3]


def test_a_source_below_the_depth_keeps_its_own_ranks_and_score():
    # BM25: d2 and d6 are shorter than d1; dense: d1, d2, d6.
    candidates, _ = search(("apple", "d6", 1), depth=2)
    assert candidates.rows() == [
        ("q1", "d2", 1, pytest.approx(1 / 61 + 1 / 62), "both", 1, 2, None),
        ("q1", "d6", 2, pytest.approx(1 / 62 + 1 / 63), "source", 2, 3, None),
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
    with pytest.raises(StageError, match="6 documents and 1 queries, but old has 5 and 1 vectors"):
        find(("apple", "d1", 0), spaces={"old": space(range(5), [0])})


def test_documents_of_another_corpus_are_refused():
    with pytest.raises(StageError, match="7 documents in clusters, but 6 known"):
        find(("apple", "d1", 0), splits={"d9": "train"})


def test_a_document_without_a_cluster_is_nobodys_candidate_and_no_fault():
    candidates, _ = search(("apple", "d1", 0), depth=6, pool=6, splits={"d2": None, "d4": None})
    assert set(candidates["docid"]) == {"d1", "d3", "d5", "d6"}


def test_words_weigh_what_they_weigh_in_the_whole_corpus():
    # Of all six documents three have "apple" and two "boat"; of the three here it is two and two.
    apart = dict.fromkeys(("d1", "d3", "d4"), "test")
    candidates, _ = search(("apple boat", "d2", 0), splits=apart)
    ranks = dict(candidates.select("docid", "bm25_rank").iter_rows())
    assert ranks == {"d6": 1, "d5": 2, "d2": 3}


def test_a_given_query_whose_source_nobody_knows_has_candidates_without_one():
    candidates, rejected = search(("apple pie", None, 8))
    assert candidates["docid"].to_list() == ["d1", "d2", "d6"]
    assert candidates["origin"].to_list() == ["both", "both", "both"]
    assert rejected == []


def test_both_documents_of_a_query_about_two_are_listed_as_sources():
    candidates, _ = search(("apple", "d1", 0), related="d4")
    found = dict(candidates.select("docid", "origin").iter_rows())
    assert found == {"d1": "source", "d2": "both", "d4": "source"}


def test_a_related_document_of_another_split_is_refused():
    with pytest.raises(StageError, match="expected its source d4 in split train, found it in test"):
        search(("apple", "d1", 0), related="d4", splits={"d4": "test"})


FURTHER = {"name": "e5", "embed": {"kind": "sentence_transformers"}}


def test_a_further_retriever_has_its_ranks_beside_the_others():
    candidates, _ = search(
        ("apple pie", "d1", 8),
        spaces={"e5": space([0, 60, 10, 90, 90, 90], [0])},
        further=[FURTHER],
        depth=4,
        pool=4,
    )
    rows = {row[1]: row[4:] for row in candidates.rows()}
    # BM25: d1, d2, d6; dense: d2, d1, d6, d3; e5: d1, d3, d2, and of those that tie d4.
    assert rows == {
        "d1": ("source", 1, 2, [{"retriever": "e5", "rank": 1}]),
        "d2": ("several", 2, 1, [{"retriever": "e5", "rank": 3}]),
        "d3": ("several", None, 4, [{"retriever": "e5", "rank": 2}]),
        "d6": ("both", 3, 3, None),
    }


def test_what_only_a_further_retriever_finds_has_its_name_for_origin():
    candidates, _ = search(
        ("apple pie", "d1", 8),
        spaces={"e5": space([90, 90, 90, 0, 0, 90], [0])},
        further=[FURTHER],
        bands=[{"ranks": [1, 2], "take": 2, "retriever": "e5"}],
    )
    assert candidates.select("docid", "origin").rows() == [
        ("d4", "e5"),
        ("d5", "e5"),
        ("d1", "source"),
    ]


def test_bands_take_from_the_retriever_that_they_name():
    bands = [
        {"ranks": [1, 1], "take": 1, "retriever": "bm25"},
        {"ranks": [2, 3], "take": 2, "retriever": "dense"},
    ]
    candidates, _ = search(("boat", "d4", 106), bands=bands)
    # BM25 finds d5 and d6; dense search d5, d4 and d3.
    assert candidates["docid"].to_list() == ["d5", "d4", "d3"]


def test_the_source_stands_beside_bands_that_have_not_got_it_where_there_is_room():
    bands = [{"ranks": [2, 3], "take": 2, "retriever": "dense"}]
    candidates, _ = search(("boat", "d1", 106), bands=bands)
    assert candidates["docid"].to_list() == ["d4", "d3", "d1"]
    candidates, _ = search(("boat", "d1", 106), bands=bands, depth=2)
    assert candidates["docid"].to_list() == ["d4", "d1"]


def test_random_documents_stand_last_are_marked_and_are_none_that_was_found():
    candidates, _ = search(("apple pie", "d1", 8), depth=5, pool=5, random=2)
    assert candidates["docid"].to_list()[:3] == ["d1", "d2", "d6"]
    # Dense search finds all of them but d5.
    assert candidates.rows()[3:] == [("q1", "d5", 4, 0.0, "random", None, None, None)]
    candidates, _ = search(("apple", "d1", 0), random=1, pool=3)
    assert candidates["origin"].to_list() == ["both", "source", "random"]
    assert candidates["docid"][2] in {"d3", "d4", "d5"}


def test_draws_depend_on_the_seed_and_the_query_alone():
    asked = [("car engine boat", None, 0)] * 8
    bands = [{"ranks": [1, 6], "take": 2, "retriever": "dense"}]
    settings = {"bands": bands, "pool": 6, "random": 0}
    first, _ = search(*asked, **settings)
    again, _ = search(*asked[:3], **settings)
    assert again.rows() == first.rows()[: len(again)]
    assert len({tuple(part["docid"]) for part in first.partition_by("qid")}) > 1
    other, _ = search(*asked, seed=1, **settings)
    assert other["docid"].to_list() != first["docid"].to_list()


def test_given_lists_are_the_candidates_and_what_they_may_not_hold_is_rejected():
    found = find(
        ("apple pie", "d1", 8),
        given={"q1": ["d3", "d9", "d2", "d4", "d5"], "q7": ["d1", "d9"]},
        splits={"d4": None, "d5": "test"},
    )
    assert found.candidates.select("docid", "origin", "bm25_rank", "other_ranks").rows() == [
        ("d3", "given", None, [{"retriever": "given", "rank": 1}]),
        ("d2", "given", 2, [{"retriever": "given", "rank": 2}]),
        ("d1", "source", 1, None),
    ]
    assert found.rejections == []
    assert [(one.id, one.rule, one.detail) for one in found.left_out] == [
        ("q1", "unknown_docid", "given document d9"),
        ("q1", "no_split", "given document d4"),
        ("q1", "other_split", "given document d5"),
    ]
    assert found.read == 1
    assert {name: count for name, count in found.facts.items() if "given" in name} == {
        "given documents": 5,
        "given documents: no_split": 1,
        "given documents: other_split": 1,
        "given documents: unknown_docid": 1,
        "queries without a given list": 0,
        "given lists of unknown queries": 1,
    }


def test_given_lists_of_unknown_queries_alone_are_refused_by_name():
    fault = r"retrieve\.given: no list is of a query .* lists of q7 .* queries such as q1"
    with pytest.raises(StageError, match=fault):
        find(("apple", "d1", 0), given={"q7": ["d1"]})


def test_a_docid_that_a_given_list_repeats_stands_where_it_stands_first_and_is_counted():
    found = find(("apple pie", "d1", 0), given={"q1": ["d3", "d2", "d3"]})
    assert ("q1", "repeated_docid", "given document d3") in [
        (one.id, one.rule, one.detail) for one in found.left_out
    ]
    listed = found.candidates.filter(origin="given")["docid"].to_list()
    assert listed == ["d3", "d2"]


def test_a_query_without_a_given_list_has_the_fused_one():
    asked = ("apple", "d1", 0), ("pie", None, 0)
    found = find(*asked, given={"q2": ["d1", "d2"]})
    assert found.rejections == []
    assert found.facts["queries without a given list"] == 1
    fused, _ = search(*asked)
    assert found.candidates.filter(qid="q1").rows() == fused.filter(qid="q1").rows()
    assert found.candidates.filter(qid="q2")["docid"].to_list() == ["d1", "d2"]


def test_a_list_with_one_document_is_too_short():
    _, rejected = search(("apple", None, 0), given={"q1": ["d1"]})
    detail = "1 candidate, expected at least 2"
    assert rejected == [Rejection(id="q1", rule="too_few_candidates", detail=detail)]


def test_all_that_is_known_to_answer_is_listed_while_it_leaves_half_of_the_list():
    answers = ["d4", "d3", "d5"]
    found, _ = search(("apple pie", "d1", 8), answers=answers, depth=6, pool=6)
    origins = dict(found.select("docid", "origin").iter_rows())
    assert {docid for docid, origin in origins.items() if origin == "source"} == {"d1", *answers}
    found, _ = search(("apple pie", "d1", 8), answers=answers, depth=4, pool=4)
    # d1 and d4 are the half that has to be there; dense search has d2, d1, d6 and d3 first.
    assert found["docid"].to_list()[-1] == "d4"
    assert found.filter(origin="source")["docid"].to_list()[:1] == ["d1"]
    assert len(found) == 4


def test_a_query_that_does_not_find_its_source_again_is_rejected():
    _, rejected = search(
        ("apple pie", "d1", 8),
        ("apple", "d4", 5),
        ("apple", None, 5),
        round_trip={"within": 1, "by": "bm25"},
    )
    assert [(one.id, one.rule) for one in rejected] == [("q2", "not_found_again")]


def test_a_list_that_the_user_gives_is_no_retriever_unless_it_is_named():
    asked, lists = ("engine", "d1", 100), {"q1": ["d1", "d3"]}
    for by, fallen in (("any", ["not_found_again"]), ("given", [])):
        _, rejected = search(asked, given=lists, round_trip={"within": 1, "by": by})
        assert [one.rule for one in rejected] == fallen


def test_the_report_says_how_often_and_how_far_down_each_retriever_found_the_source():
    found = find(("apple pie", "d1", 8), ("apple", "d4", 5), ("apple", None, 5))
    assert found.facts == {
        "sources found by bm25": 0.5,
        "their mean rank by bm25": 1,
        "sources found by dense": 0.5,
        "their mean rank by dense": 2,
        "sources found by fused": 0.5,
        "their mean rank by fused": 1,
    }


def test_the_report_says_how_many_lists_are_short():
    assert find(("apple", None, 5), depth=90, pool=90).facts["lists shorter than depth"] == 1
    assert "lists shorter than depth" not in find(("apple", None, 5), depth=2, pool=90).facts


def test_an_approximate_search_says_what_it_missed():
    found = find(("apple", "d1", 0), search={"kind": "ivf", "lists": 1, "probes": 1})
    assert found.facts["recall of dense"] == 1
    assert found.candidates.rows() == find(("apple", "d1", 0)).candidates.rows()


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            {"bands": [{"ranks": [1, 200], "take": 5}]},
            "bands.0: rank 200 needs a pool of at least as many, found 100",
        ),
        ({"round_trip": {"within": 200}}, "within 200 needs a pool of at least as many, found 100"),
        ({"fusion": {"kind": "rrf", "weights": {"bm25": 0, "dense": 0}}}, "all are 0"),
        (
            {"fusion": {"kind": "rrf", "weights": {"fused": 1}}},
            "no retriever fused; expected bm25, dense \\[",
        ),
        (
            {"fusion": {"weights": {"bm52": 1}, "kind": "rrf"}, "given": {"path": "run"}},
            "no retriever bm52; expected bm25, dense \\[",
        ),
        ({"bands": [{"ranks": [1, 40], "take": 21}]}, "depth 20 has no room for 21 of the bands"),
        ({"random": 20}, "depth 20 has no room for random"),
        (
            {"bands": [{"ranks": [1, 4], "take": 4, "retriever": "e5"}]},
            r"bands.0.retriever: no retriever e5; expected bm25, dense, fused",
        ),
        ({"fusion": {"kind": "convex", "weights": {"bm52": 1}}}, "weights.bm52: no retriever bm52"),
        ({"round_trip": {"by": "splade"}}, "round_trip.by: no retriever splade"),
        ({"further": [FURTHER, FURTHER]}, "further: the name e5 is taken"),
        ({"further": [FURTHER | {"name": "bm25"}]}, "further: the name bm25 is taken"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, fault):
    with pytest.raises(ValidationError, match=fault):
        Retrieval(**settings)


def test_pools_too_small_to_fill_a_list_are_refused():
    with pytest.raises(ValidationError, match="pool 5 cannot fill lists of depth 9"):
        Retrieval(depth=9, pool=5)


WORDS = st.lists(st.sampled_from(["apple", "pie", "car", "engine", "the"]), max_size=3)


@settings(max_examples=50, deadline=None)
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
