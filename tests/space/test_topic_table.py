import polars as pl
import pytest

from rankmill.space import topics

SCHEMA = {"docid": pl.String, "cluster": pl.Int32, "similarity": pl.Float32}
TEXTS = {
    "a1": "Galaxy and comet, comet and galaxy.",
    "a2": "A comet has a tail; the comet returns.",
    "a3": "The tail of a comet shines.",
    "b1": "Yeast makes the dough rise in the oven.",
    "b2": "An oven, flour, and dough.",
}
CLUSTERS = [("b1", 1, 0.75), ("a1", 0, 0.5), ("a3", 0, 0.9), ("b2", 1, 0.75), ("a2", 0, 0.7)]


def written(path, rows):
    schema = dict.fromkeys(["docid", "title", "text", "lang"], pl.String)
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)
    return path


@pytest.fixture
def documents(tmp_path):
    path = tmp_path / "documents.parquet"
    return written(path, [(docid, "", text, None) for docid, text in TEXTS.items()])


def clusters(rows=CLUSTERS):
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_topics_come_largest_first_with_their_coherence_and_nearest_documents(documents):
    table = topics(clusters(), documents)
    assert table["cluster"].to_list() == [0, 1]
    assert table["documents"].to_list() == [3, 2]
    assert table["coherence"].to_list() == pytest.approx([0.7, 0.75])  # (.5 + .9 + .7) / 3
    assert table["nearest"].to_list() == [["a3", "a2", "a1"], ["b1", "b2"]]  # a tie by docid


def test_words_weigh_by_their_count_and_by_how_rare_they_are_elsewhere(documents):
    # In topic 0 comet stands 5 times; galaxy and tail twice.
    words = topics(clusters(), documents)["words"].to_list()
    assert words[0][:3] == ["comet", "galaxy", "tail"]
    assert set(words[1][:2]) == {"dough", "oven"}


def test_a_document_without_a_cluster_takes_no_part(documents):
    table = topics(clusters([row for row in CLUSTERS if row[0] != "a2"]), documents)
    assert dict(table.select("cluster", "documents").iter_rows()) == {0: 2, 1: 2}
    assert "returns" not in table["words"].explode().to_list()


def test_documents_without_a_word_leave_topics_without_words(tmp_path):
    path = tmp_path / "documents.parquet"
    written(path, [("x", "", "1 + 1", "en")])
    table = topics(clusters([("x", 0, 1.0)]), path)
    assert table["words"].to_list() == [[]]


def test_of_a_large_topic_fifty_documents_are_read(tmp_path):
    path = tmp_path / "documents.parquet"
    docids = [f"d{n:03}" for n in range(200)]
    texts = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(200)]
    written(path, [(docid, "", text, None) for docid, text in zip(docids, texts, strict=True)])
    where = pl.DataFrame({"docid": docids}).select(
        "docid", cluster=pl.lit(0, pl.Int32), similarity=pl.lit(0.5, pl.Float32)
    )
    # Every fourth document is read, and all its words weigh alike: the first ten are kept.
    kept = topics(where, path)["words"].to_list()[0]
    assert kept == sorted(texts[::4])[:10]


@pytest.mark.parametrize(
    ("langs", "shown"),
    [
        (["de", "de_AT", "en"], {"through", "teig", "ofen"}),
        (["en", "en-GB", "de"], {"eine", "teig", "ofen"}),
        (["fi", "fi", None], {"eine", "through", "teig", "ofen"}),
        ([None, None, None], {"eine", "teig", "ofen"}),
    ],
)
def test_stop_words_are_those_of_the_language_most_documents_are_in(tmp_path, langs, shown):
    text = "Eine Teig, eine Ofen; through eine."
    rows = [(f"d{place}", "", text, lang) for place, lang in enumerate(langs)]
    path = written(tmp_path / "documents.parquet", rows)
    where = clusters([(docid, 0, 1.0) for docid, *_ in rows])
    assert set(topics(where, path)["words"].to_list()[0]) == shown
