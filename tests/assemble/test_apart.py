import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.assemble import Assembly, assemble
from rankmill.assemble.apart import alike
from rankmill.errors import StageError


def runs(text):
    """The runs of three characters of a text in lower case."""
    plain = f" {text.lower()} "
    return {plain[start : start + 3] for start in range(len(plain) - 2)}


def test_the_likeness_is_the_jaccard_index_of_runs_of_three_characters():
    one, other = "how long to brew tea", "how long to brew a tea"
    expected = len(runs(one) & runs(other)) / len(runs(one) | runs(other))
    ((place, nearest, likeness),) = alike([one], ["when to reef", other], 0.5)
    assert (place, nearest) == (0, 1)
    assert likeness == pytest.approx(expected)
    assert list(alike([one], [other], expected + 0.001)) == []


def test_case_and_punctuation_make_no_other_query():
    assert list(alike(["How long?!"], ["how, long"], 1.0)) == [(0, 0, 1.0)]


def test_of_equally_near_ones_the_first_is_named():
    assert list(alike(["tea"], ["Tea", "tea"], 0.9)) == [(0, 0, 1.0)]


@given(
    st.lists(st.text("abc ", min_size=1, max_size=8), max_size=6),
    st.lists(st.text("abc ", min_size=1, max_size=8), max_size=6),
)
def test_blocks_find_what_a_comparison_of_all_pairs_finds(texts, others):
    expected = []
    for place, text in enumerate(texts):
        mine = runs(" ".join(text.split()))
        found = [
            (len(mine & theirs) / len(mine | theirs), -number)
            for number, theirs in enumerate(runs(" ".join(one.split())) for one in others)
            if mine | theirs
        ]
        if found and max(found)[0] >= 0.5:
            expected.append((place, -max(found)[1], pytest.approx(max(found)[0])))
    assert list(alike(texts, others, 0.5)) == expected


def test_a_list_of_train_whose_query_is_held_out_too_is_left_out_by_name(
    spec, facts, tables, replaced, tmp_path
):
    same = pl.when(qid="q1").then(pl.lit("When to REEF?")).otherwise("text").alias("text")
    near = replaced(queries=tables.queries.with_columns(same))
    made = assemble(spec, near, tmp_path / "dataset", facts)
    assert (made.report.read, made.report.written) == (2, 1)
    assert made.report.rejected == {"near_duplicate_split": 1}
    assert made.rows["lists"] == {"validation": 1}
    rows = pl.read_parquet(tmp_path / "dataset/rejections/rejected.parquet")
    assert rows.filter(rule="near_duplicate_split").rows() == [
        (
            "assemble",
            "q1",
            "near_duplicate_split",
            "likeness 1.00 with q3 of validation, less than 0.8 allowed",
        )
    ]
    card = (tmp_path / "dataset/README.md").read_text()
    assert "| `assemble` | 2 | 1 | `near_duplicate_split` 1 |" in card
    assert "1 of 3 ranked lists were kept." in card


def test_queries_of_one_split_may_be_alike(spec, facts, tables, replaced, tmp_path):
    same = replaced(queries=tables.queries.with_columns(text=pl.lit("brewing")).filter(qid="q1"))
    kept = {"labels": tables.labels.filter(qid="q1"), "queries": same.queries}
    lists = tables.lists.with_columns(kept=pl.col("qid") == "q1")
    made = assemble(spec, replaced(lists=lists, **kept), tmp_path / "dataset", facts)
    assert made.report.rejected == {}


def test_a_higher_limit_lets_them_pass(facts, tables, replaced, tmp_path):
    near = replaced(
        queries=tables.queries.with_columns(
            text=pl.when(qid="q1").then(pl.lit("when to reef it")).otherwise("text")
        )
    )
    strict = assemble(Assembly(near_duplicate=0.6), near, tmp_path / "strict", facts)
    lenient = assemble(Assembly(near_duplicate=1.0), near, tmp_path / "lenient", facts)
    assert (strict.report.written, lenient.report.written) == (1, 2)


def test_a_build_that_loses_its_last_list_so_is_refused(spec, facts, tables, replaced, tmp_path):
    alone = tables.lists.with_columns(kept=pl.lit(False))
    with pytest.raises(StageError, match="found 0 of 3"):
        assemble(
            spec,
            replaced(lists=alone, labels=tables.labels.clear()),
            tmp_path / "dataset",
            facts,
        )


def test_queries_without_a_word_are_like_no_other():
    assert list(alike(["?", "!!"], ["?"], 0.1)) == []
    assert list(alike(["?", "tea"], ["tea", "?"], 0.9)) == [(1, 0, 1.0)]
