from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rankmill.assemble import Assembly, assemble
from rankmill.assemble.false_negatives import Share, false_negatives
from rankmill.export import Labelled, Listwise, Ntuples, Policy, Triplets, write
from rankmill.export.base import Scale
from rankmill.export.labelled_pairs import LabelledPairs
from rankmill.mine import Stride

# In q1 the teacher grades d1, the source, 2 and d2 above it with 3; d3 and d4 get 0. The retriever
# had ranked d4 second, d2 third and d3 fourth.
Q1 = "how long to brew tea"


def policy(**more):
    return Policy(positive_grade=2, negative_grade=0, negatives=4, **more)


def pairs_of(*rows):
    """Rows of qid, grade, score and origin."""
    return pl.DataFrame(rows, schema=["qid", "grade", "score", "origin"], orient="row")


def roles(pairs, **more):
    """For every row a letter: positive, negative, or neither; a false negative is a capital."""
    rows = policy(**more).marked(pairs).select("positive", "negative", "false_negative").rows()
    letters = ["p" if positive else "n" if negative else "-" for positive, negative, _ in rows]
    return "".join(x.upper() if row[2] else x for x, row in zip(letters, rows, strict=True))


LIST = pairs_of(
    ("q", 3, 0.9, "dense"), ("q", 2, 0.8, "source"), ("q", 1, 0.5, "bm25"), ("q", 0, 0.1, "both")
)


@pytest.mark.parametrize(
    ("policy_name", "expected"), [("promote", "Pp-n"), ("drop", "-p-n"), ("keep", "Np-n")]
)
def test_what_the_teacher_grades_like_a_positive_becomes_what_the_recipe_says(
    policy_name, expected
):
    assert roles(LIST, false_negatives=policy_name) == expected


def test_where_nobody_knows_the_source_every_relevant_document_is_a_positive():
    given_query = LIST.with_columns(origin=pl.lit("dense"))
    for name in ("promote", "drop", "keep"):
        assert roles(given_query, false_negatives=name) == "pp-n"


def test_a_source_that_its_teacher_does_not_like_leaves_no_positive_but_promoted_ones():
    disliked = LIST.with_columns(grade=pl.Series([3, 1, 1, 0]))
    assert roles(disliked, false_negatives="promote") == "P--n"
    assert roles(disliked, false_negatives="drop") == "---n"


def test_what_is_known_to_answer_is_no_negative_whatever_its_grade():
    graded_down = pairs_of(("q", 3, 0.9, "dense"), ("q", 0, 0.2, "source"), ("q", 0, 0.1, "both"))
    expected = {"promote": "P-n", "drop": "--n", "keep": "N-n"}
    assert {name: roles(graded_down, false_negatives=name) for name in expected} == expected


def test_a_list_whose_known_answer_is_all_that_is_graded_down_is_named():
    one = policy(false_negatives="promote")
    pairs = one.marked(pairs_of(("q", 3, 0.9, "dense"), ("q", 0, 0.2, "source")))
    assert one.lacking(pairs).rows() == [
        (
            "q",
            "no_negative",
            "0 of 1 negatives of at most grade 0; a known answer has grade 0 and is no negative",
        )
    ]


def test_a_judge_margin_drops_what_scores_too_near_the_lowest_positive():
    # UniME-V2: a candidate goes if its score is above s(q, c_t) - beta: 0.8 - 0.25 = 0.55.
    near = pairs_of(
        ("q", 2, 0.8, "source"),
        ("q", 0, 0.56, "dense"),
        ("q", 0, 0.55, "dense"),
        ("q", 0, 0.2, "bm25"),
    )
    assert roles(near) == "pnnn"
    assert roles(near, judge_margin=0.25) == "p-nn"
    # Kept false negatives count as negatives, so the margin is for them too.
    kept = policy(false_negatives="keep", judge_margin=0.25).marked(LIST)
    assert kept["negative"].to_list() == [False, False, False, True]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("promote", {("d2", "d4"), ("d2", "d3"), ("d1", "d4"), ("d1", "d3")}),
        ("drop", {("d1", "d4"), ("d1", "d3")}),
        ("keep", {("d1", "d4"), ("d1", "d2"), ("d1", "d3")}),
    ],
)
def test_triplets_follow_the_policy(tables, tmp_path, documents, name, expected):
    labelled = Labelled(tables, policy(false_negatives=name))
    write([Triplets()], labelled, tmp_path)
    words = {
        "\n".join(filter(None, (title, text))): docid
        for docid, title, text in documents.select("docid", "title", "text").rows()
    }
    found = pl.read_parquet(tmp_path / "triplets" / "train.parquet")
    rows = {(words[p], words[n]) for _, p, n in found.rows()}
    assert rows == expected


def test_binary_pairs_leave_dropped_documents_out(tables, tmp_path):
    labelled = Labelled(tables, policy(false_negatives="drop"))
    write([LabelledPairs(label="binary")], labelled, tmp_path)
    found = pl.read_parquet(tmp_path / "labelled_pairs" / "train.parquet")
    assert found["label"].to_list() == [1, 0, 0]


def test_lists_of_grades_hold_every_document_whatever_the_policy(tables, tmp_path):
    write([Listwise()], Labelled(tables, policy(false_negatives="drop")), tmp_path)
    (row,) = pl.read_parquet(tmp_path / "listwise" / "train.parquet").to_dicts()
    assert row["labels"] == [3.0, 2.0, 0.0, 0.0]


def test_a_list_whose_negatives_a_margin_took_is_missing_by_name(tables):
    labelled = Labelled(tables, policy(judge_margin=0.3))  # 0.5 - 0.3: d3 with 0.25 goes
    assert Ntuples(negatives=1).missing(labelled.pairs, labelled.policy)["id"].to_list() == ["q3"]
    lacking = Ntuples(negatives=2).missing(labelled.pairs, labelled.policy).row(0)
    assert lacking == ("q1", "too_few_negatives", "1 of 2 negatives of at most grade 0")


def test_a_stride_goes_through_all_negatives_of_a_list():
    grades = pl.DataFrame(
        {
            "qid": "q",
            "docid": [str(n) for n in range(8)],
            "grade": [3] + [0] * 7,
            "score": [1.0] + [0.0] * 7,
            "origin": ["source"] + ["dense"] * 7,
            "candidate_rank": range(1, 9),
        }
    )
    from rankmill.export.parts import Part, Span

    how = policy(sampling=Stride(step=3))
    part = Part(
        split="train",
        policy=how,
        span=Span(best_grade=3, lowest=0.0, highest=1.0),
        lists=pl.DataFrame({"qid": ["q"]}),
        documents=how.marked(grades),
        judgments=pl.DataFrame(),
    )
    # Seven negatives, every third: the 1st, 4th, 7th, then the 2nd and 5th.
    assert part.hardest(5)["docid"].to_list() == ["1", "4", "7", "2", "5"]


def test_the_share_of_false_negatives_is_counted_by_origin_and_rank_with_wilsons_interval():
    rows = [("q1", 1, "source", True)]
    rows += [("q1", rank, "dense", rank == 3) for rank in range(2, 7)]
    rows += [("q1", rank, "bm25", False) for rank in (11, 12)]
    rows += [("given", 1, "dense", False)]  # of unknown source
    pairs = pl.DataFrame(
        rows, schema=["qid", "candidate_rank", "origin", "false_negative"], orient="row"
    ).with_columns(false_negative=pl.col("false_negative") & (pl.col("origin") != "source"))
    found = {one.name: (one.found, one.of) for one in false_negatives(pairs)}
    assert found == {
        "all": (1, 7),
        "bm25": (0, 2),
        "dense": (1, 5),
        "ranks 1 to 5": (1, 4),
        "ranks 6 to 10": (0, 1),
        "ranks 11 to 20": (0, 2),
    }


def test_nothing_is_estimated_where_no_source_is_known():
    pairs = pl.DataFrame(
        {"qid": ["q"], "candidate_rank": [1], "origin": ["given"], "false_negative": [False]}
    )
    assert not false_negatives(pairs)


def test_wilsons_interval_is_as_published():
    # Newcombe, Statistics in Medicine 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20.
    for found, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        share = Share.counted("", found, of)
        assert (share.low, share.high) == pytest.approx((low, high), abs=5e-5)
    none = Share.counted("", 0, 20)
    assert (none.low, none.high) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert str(Share.counted("", 1, 4)) == "25.0% (4.6% to 69.9%)"


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share(counts):
    share = Share.counted("", *counts)
    assert 0 <= share.low <= share.share + 1e-9
    assert share.share - 1e-9 <= share.high <= 1
    assert "-0.0" not in str(share)


def test_the_card_and_the_stage_say_the_estimate(tables, facts, tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    made = assemble(Assembly(false_negatives="keep"), tables, folder, facts)
    assert made.report.facts == {"false negatives": "25.0% (4.6% to 69.9%)"}
    card = (folder / "README.md").read_text()
    assert "| all | 4 | 1 | 0.250 | 0.046 | 0.699 |" in card
    assert "Here each is a negative all the same" in card
    lists = pl.read_parquet(folder / "lists" / "train.parquet")
    assert lists["false_negatives"].to_list() == [[True, False, False, False]]


def test_margins_and_strides_are_said_in_the_card(tables, facts, tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    spec = Assembly(judge_margin=0.05, negatives_by={"kind": "stride", "step": 2})
    assemble(spec, tables, folder, facts)
    card = " ".join((folder / "README.md").read_text().split())
    assert "negatives: in the order of the retriever, one of every 2, then those after" in card
    assert "A negative scores at least 0.05 less than the lowest positive of its list." in card


def test_a_margin_on_scores_that_only_order_is_refused():
    spec = Assembly(judge_margin=0.1)
    assert spec.refusal(Scale(score_kind="mean_score", best_grade=3)) is None
    reason = spec.refusal(Scale(score_kind="borda", best_grade=3))
    assert reason
    assert reason.startswith("judge_margin: scores of borda order documents")
    assert Assembly().refusal(Scale(score_kind="borda", best_grade=3)) is None
    with pytest.raises(ValidationError):
        Assembly(judge_margin=-0.1)


def test_without_settings_pairs_are_what_they_were(tables):
    marked = Labelled(tables, policy()).pairs
    assert marked.filter("positive").equals(marked.filter(pl.col("grade") >= 2))
    assert marked.filter("negative").equals(marked.filter(pl.col("grade") <= 0))
    assert replace(policy(), negatives=1).marked(marked).equals(marked)
