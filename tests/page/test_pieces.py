"""What the page holds of lists, unpacked again."""

import json
import re
import zlib
from base64 import b64decode

import polars as pl
import pytest

from made_up_build import MadeUp
from rankmill.page import report
from rankmill.page.short import cut, rounded, within
from rankmill.page.trialled import Trial, ranks_of
from rankmill.records import Ranking
from rankmill.tables import JUDGMENTS, LISTS

WICKED = ("<b>title</b>", "</script><script>alert(1)</script>")


def pieces(page):
    """Every piece of data in a page, by id."""
    found = re.findall(r'<script type="application/octet-stream" id="(.*?)">(.*?)</script>', page)
    return {name: json.loads(zlib.decompress(b64decode(packed))) for name, packed in found}


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made-up")
    return MadeUp(folder, lists=30, depth=5, texts=[WICKED], thought="I think, therefore.").made()


@pytest.fixture(scope="module")
def page(build):
    return report(build).read_text(encoding="utf-8")


def test_a_list_has_its_documents_in_the_order_of_its_labels(build, page):
    found = pieces(page)
    lists = build.read("settle", LISTS)
    place = lists["kept"].arg_max()
    labels = pl.read_parquet(build.output("settle").folder / "labels.parquet")
    mine = labels.filter(qid=lists["qid"][place]).sort("rank")
    one = found["lists-0"][place]
    assert [found["documents-0"][number][0] for number in one["documents"]] == list(mine["docid"])
    assert one["grades"] == list(mine["grade"])
    assert one["scores"] == [float(f"{score:.3g}") for score in mine["score"]]


def test_a_rejected_list_has_its_documents_its_trials_and_its_reason(build, page):
    found = pieces(page)
    place = build.read("settle", LISTS)["kept"].arg_min()
    assert found["index"]["rule"][place] == "self_consistency"
    assert found["index"]["detail"][place].startswith("listwise: mean tau")
    assert found["lists-0"][place]["grades"] == []
    assert len(found["lists-0"][place]["documents"]) == 5
    assert [len(view["trials"]) for view in found["lists-0"][place]["views"]] == [1, 3]


def test_a_trial_is_what_its_judgment_says(build, page):
    found = pieces(page)
    one = found["lists-0"][4]
    (row,) = (
        build.read("label", JUDGMENTS).filter(qid="q000004", view="listwise", trial=1).to_dicts()
    )
    trial = one["views"][1]["trials"][1]
    docids = [found["documents-0"][number][0] for number in one["documents"]]
    assert trial["ranks"] == [row["ranked"].index(docid) + 1 for docid in docids]
    assert trial["shown"] == [row["shown"].index(docid) + 1 for docid in docids]
    assert trial["words"] == ["I think, therefore."]
    assert "scores" not in trial


def test_a_view_that_scores_shows_its_scores(build, page):
    found = pieces(page)
    one = found["lists-0"][4]
    rows = build.read("label", JUDGMENTS).filter(qid="q000004", view="pointwise")
    scores = dict(zip(rows["shown"].list.first(), rows["scores"].list.first(), strict=True))
    docids = [found["documents-0"][number][0] for number in one["documents"]]
    assert one["views"][0]["trials"][0]["scores"] == [float(f"{scores[d]:.3g}") for d in docids]


def test_no_text_of_a_corpus_stands_in_the_page_as_markup(page):
    assert pieces(page)["documents-0"][0] == ["d000000", *WICKED]
    assert "<script>alert(1)" not in page
    assert "<b>title</b>" not in page


def test_the_same_build_gives_the_same_bytes(build, page):
    assert report(build).read_text(encoding="utf-8") == page


def test_a_fault_of_a_build_is_shown_as_text(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=4).made()
    made.manifest["error"] = "<script>alert(1)</script>"
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in report(made).read_text(encoding="utf-8")


def test_a_build_of_before_says_nothing_of_what_its_stages_asked(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=4).made()
    del made.manifest["asked"]
    page = report(made).read_text(encoding="utf-8")
    assert "tokens in</th>" in page.partition('id="teachers"')[2]
    assert "tokens in</th>" not in page.partition('id="teachers"')[0]


def test_trials_without_a_valid_reading_show_their_faults(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=4).made()
    path = made.output("label").path(JUDGMENTS)
    spoilt = (pl.col("qid") == "q000003") & (pl.col("view") == "listwise") & (pl.col("trial") == 1)
    judgments = pl.read_parquet(path).with_columns(
        status=pl.when(spoilt).then(pl.lit("malformed")).otherwise("status"),
        detail=pl.when(spoilt).then(pl.lit("incomplete: [2] > [1]")).otherwise("detail"),
    )
    judgments.write_parquet(path)
    found = pieces(report(made).read_text(encoding="utf-8"))
    first, second, third = found["lists-0"][3]["views"][1]["trials"]
    assert second["faults"] == ["malformed: incomplete: [2] > [1]"]
    assert "ranks" not in second
    assert sorted(first["ranks"]) == sorted(third["ranks"]) == [1, 2, 3, 4]


def test_views_have_columns_for_what_some_view_was_measured_by(build, page, tmp_path):
    views = page.partition('id="views"')[2].partition('id="stages"')[0]
    assert "<th>Kendall&#39;s tau</th>" in views
    once = MadeUp(tmp_path, lists=12, depth=4).made()
    path = once.output("label").path(JUDGMENTS)
    pl.read_parquet(path).filter(trial=0, view="listwise").write_parquet(path)
    table = report(once).read_text(encoding="utf-8").partition('id="views"')[2]
    table = table.partition('id="stages"')[0]
    assert "<th>trials a list</th><th>place tau</th></tr>" in table
    assert "no agreement of trials" in table


def test_a_list_that_could_not_be_ranked_stands_as_retrieved(tmp_path):
    made = MadeUp(tmp_path, lists=12, depth=4).made()
    path = made.output("label").path(JUDGMENTS)
    judgments = pl.read_parquet(path)
    lost = (pl.col("qid") == "q000003") & (pl.col("view") == "pointwise")
    judgments.with_columns(
        status=pl.when(lost).then(pl.lit("refused")).otherwise("status")
    ).write_parquet(path)
    one = pieces(report(made).read_text(encoding="utf-8"))["lists-0"][3]
    assert (one["retrieved"], one["scores"]) == ([1, 2, 3, 4], [])
    assert [len(view["ranks"]) for view in one["views"]] == [0, 0]


def test_documents_of_equal_score_share_a_rank():
    ranking = Ranking(docids=("a", "b", "c", "d"), scores=(3.0, 2.0, 2.0, 1.0))
    assert ranks_of(ranking) == {"a": 1, "b": 2, "c": 2, "d": 4}


def test_a_trial_says_nothing_of_what_it_does_not_know():
    ranking = Ranking(docids=("b", "a"), scores=(0.12345, 0.1))
    assert Trial(number=2, ranking=ranking, scored=True).of(["a", "b"]) == {
        "number": 3,
        "ranks": [2, 1],
        "scores": [0.1, 0.123],
    }
    assert Trial(number=0, ranking=None, scored=True, faults=("malformed: empty",)).of(["a"]) == {
        "number": 1,
        "faults": ["malformed: empty"],
    }


@pytest.mark.parametrize(
    ("texts", "characters"), [(0, 400), (60_000, 400), (100_000, 240), (10_000_000, 120)]
)
def test_excerpts_are_shorter_where_there_are_more(texts, characters):
    assert within(texts, most=400) == characters


def test_a_text_is_cut_where_it_is_too_long():
    assert cut("twelve chars", 12) == "twelve chars"
    assert cut("twelve chars", 9) == "twelve …"


def test_numbers_have_three_digits():
    assert [rounded(value) for value in (None, 0.123456, 1234.5, -0.00012345)] == [
        *(None, 0.123, 1230.0, -0.000123)
    ]
