import gzip
import json

import polars as pl
import pytest

from rankmill.assemble import Assembly, assemble
from rankmill.contamination import Decontamination, Evaluation, look
from rankmill.errors import CorpusError

RUN = "one two three four five six seven eight nine ten eleven twelve thirteen"


@pytest.fixture
def collection(tmp_path):
    """Write a collection in BEIR's layout: documents (id, text) and queries (id, text)."""

    def collection(documents=(), queries=(), name="scitea"):
        folder = tmp_path / "collections" / name
        folder.mkdir(parents=True)
        rows = [{"_id": id_, "title": "", "text": text} for id_, text in documents]
        (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        rows = [{"_id": id_, "text": text} for id_, text in queries]
        (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return collection


@pytest.fixture
def touched(tmp_path):
    """Hold documents and queries of ours against a collection."""

    def touched(folder, documents=(), queries=(), within=None, policy="remove", **how):
        path = tmp_path / "ours.parquet"
        schema = {"docid": pl.String, "title": pl.String, "text": pl.String}
        pl.DataFrame(list(documents), schema=schema, orient="row").write_parquet(path)
        ours = pl.DataFrame(
            list(queries), schema={"qid": pl.String, "text": pl.String}, orient="row"
        )
        spec = Decontamination(documents=policy, **how)
        rows, looked = look({folder.name: folder}, path, ours, spec=spec, within=within)
        return [row[1:] for row in rows.iter_rows()], looked

    return touched


def test_a_document_of_theirs_by_id_by_words_and_by_a_run_of_13(collection, touched):
    folder = collection(
        [
            ("d1", f"Steep {RUN}."),
            ("e2", "Boiling water burns GREEN tea!"),
            ("e3", f"So {RUN} more"),
        ]
    )
    ours = [
        ("d1", "", f"Brew {RUN}."),
        ("d2", "", "boiling water burns green tea"),
        ("d3", "A title", f"{RUN.upper()}, and on"),
        ("d4", "", RUN.removesuffix(" thirteen")),
    ]
    found, _ = touched(folder, ours)
    assert found == [
        ("document", "d1", "same_id", "the id of document d1"),
        ("document", "d1", "shared_13_words", "13 words in a row of document d1"),
        ("document", "d2", "same_text", "the words of document e2"),
        ("document", "d3", "shared_13_words", "13 words in a row of document d1"),
    ]


def test_an_id_alone_is_no_contamination_for_corpora_number_their_documents(collection, touched):
    folder = collection([("1", "Sails are reefed."), ("2", "Green tea!")])
    ours = [("1", "", "Steep black tea."), ("2", "", "green tea"), ("3", "", "x")]
    found, (looked,) = touched(folder, ours)
    assert found == [
        ("document", "2", "same_id", "the id of document 2"),
        ("document", "2", "same_text", "the words of document 2"),
    ]
    assert looked.found == {"same_id": 1, "same_text": 1}


def test_a_query_of_theirs_is_found_among_queries_and_inside_documents(collection, touched):
    folder = collection([("e1", "Nothing.")], [("7", "How long to brew tea?"), ("8", RUN)])
    found, (looked,) = touched(
        folder, [("d1", "", f"They asked: {RUN}?")], [("q1", "how long to brew tea")]
    )
    assert found == [
        ("document", "d1", "shared_13_words", "13 words in a row of query 8"),
        ("query", "q1", "same_text", "the words of query 7"),
    ]
    assert (looked.name, looked.documents, looked.queries) == ("scitea", 1, 2)
    assert looked.found == {"same_text": 1, "shared_13_words": 1}


def test_the_id_of_a_query_says_nothing_of_a_document(collection, touched):
    found, _ = touched(collection([("e1", "x")], [("1", "y")]), [("1", "", "z")], [("e1", "w")])
    assert found == []


def test_a_run_that_goes_from_one_text_into_the_next_is_none(collection, touched):
    first, second = RUN[:30], RUN[31:]
    folder = collection([("e1", RUN)])
    found, _ = touched(folder, [("d1", "", first), ("d2", "", second)])
    assert found == []


def test_texts_without_words_equal_nothing(collection, touched):
    assert touched(collection([("e1", "...")]), [("d1", "", "!!!"), ("d2", "", "")])[0] == []


def test_a_collection_is_read_in_parts_and_nothing_is_said_twice(collection, touched, monkeypatch):
    monkeypatch.setattr("rankmill.contamination.collection._PART", 1)
    monkeypatch.setattr("rankmill.contamination.words._OURS", 1)
    folder = collection([("e1", "green tea"), ("e2", "Green tea"), ("e3", "black tea")])
    found, (looked,) = touched(folder, [("d1", "", "green tea"), ("d2", "", "black tea")])
    assert found == [
        ("document", "d1", "same_text", "the words of document e1"),
        ("document", "d2", "same_text", "the words of document e3"),
    ]
    assert looked.documents == 3


def test_a_corpus_of_the_collection_s_own_is_one_with_half_of_its_documents(collection, touched):
    folder = collection([("e1", "green tea"), ("e2", "black tea")], [("7", "white tea")])
    ours = [("d1", "", "green tea"), ("d2", "", "white tea")]
    found, (looked,) = touched(folder, ours, policy="auto")
    assert found == [("document", "d2", "same_text", "the words of query 7")]
    assert (looked.ours, looked.spared) == (1, True)
    found, (looked,) = touched(folder, ours, policy="auto", same_corpus=0.51)
    assert [row[1] for row in found] == ["d1", "d2"]
    assert (looked.ours, looked.spared) == (1, False)


def test_a_document_of_theirs_that_holds_a_query_of_theirs_goes_even_where_theirs_stay(
    collection, touched, monkeypatch
):
    folder = collection([("e1", f"Steep {RUN} more."), ("e2", "tea")], [("7", RUN), ("8", "Tea!")])
    ours = [("d1", "", f"Steep {RUN} more."), ("d2", "", "tea")]
    goes = [
        ("document", "d1", "shared_13_words", "13 words in a row of query 7"),
        ("document", "d2", "same_text", "the words of query 8"),
    ]
    for part in (100_000, 1):
        monkeypatch.setattr("rankmill.contamination.collection._PART", part)
        found, (looked,) = touched(folder, ours, policy="auto")
        assert found == goes
        assert (looked.ours, looked.spared) == (2, True)
        assert looked.found == {"same_text": 1, "shared_13_words": 1}


def test_a_large_corpus_that_has_swallowed_a_collection_is_not_its_own(collection, touched):
    folder = collection([("e1", "green tea"), ("e2", "black tea")])
    theirs = [("d1", "", "green tea"), ("d2", "", "black tea")]
    others = [(f"o{number}", "", f"text {number}") for number in range(3)]
    found, (looked,) = touched(folder, [*theirs, *others], policy="auto")
    assert [row[1] for row in found] == ["d1", "d2"]
    assert (looked.ours, looked.spared) == (2, False)
    _, (looked,) = touched(folder, [*theirs, *others[:2]], policy="auto")
    assert looked.spared


def test_of_a_document_in_pieces_the_collection_s_document_counts_once(collection, touched):
    words = " ".join(f"w{number}" for number in range(40))
    folder = collection([("e1", words), ("e2", "a"), ("e3", "b")])
    pieces = [("d#1", "", words[: len(words) // 2]), ("d#2", "", words[len(words) // 2 :])]
    _, (looked,) = touched(folder, pieces, policy="auto")
    assert (looked.ours, looked.spared) == (1, False)


def test_documents_that_curation_left_out_do_not_count(collection, touched):
    folder = collection([("e1", "green tea"), ("e2", "black tea")])
    ours = [("d1", "", "green tea"), ("d2", "", "black tea")]
    found, _ = touched(folder, ours, within=pl.Series(["d2"]))
    assert [row[1] for row in found] == ["d2"]


def test_scripts_without_spaces_share_runs_of_characters(collection, touched):
    folder = collection([("e1", "昨天我们在公园里散步的时候看见了一只猫")])
    ours = [("d1", "", "他说我们在公园里散步的时候看见了很多人"), ("d2", "", "公园里散步")]
    found, _ = touched(folder, ours)
    assert [(row[1], row[2]) for row in found] == [("d1", "shared_13_words")]


def test_compressed_collections_are_read_too(collection, touched):
    folder = collection([("e1", "green tea")], [("7", "brew tea")])
    for name in ("corpus.jsonl", "queries.jsonl"):
        packed = folder / f"{name}.gz"
        packed.write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    found, _ = touched(folder, [("d1", "", "green tea")], [("q1", "brew tea")])
    assert [row[1] for row in found] == ["d1", "q1"]


def test_the_digest_is_of_the_texts_and_not_of_the_place(collection):
    one = collection([("e1", "tea")], [("7", "brew")], "a/same")
    other = collection([("e1", "tea")], [("7", "brew")], "b/same")
    changed = collection([("e1", "tea")], [("7", "brewed")], "c/same")
    assert Evaluation(one).digest == Evaluation(other).digest != Evaluation(changed).digest


def test_a_collection_that_is_not_there_is_refused_by_name(tmp_path, touched):
    with pytest.raises(CorpusError, match="no such"):
        touched(tmp_path / "nowhere")


def test_the_dataset_says_what_touches_and_what_was_looked_at(
    collection, tables, facts, replaced, tmp_path
):
    theirs = [("e1", "Boiling water burns green tea."), ("e2", "Mate."), ("e3", "Rooibos.")]
    folder = collection(theirs, [("7", "when to reef")])
    evaluated = replaced(evaluation={"scitea": folder})
    assemble(Assembly(), evaluated, tmp_path / "dataset", facts)
    rows = pl.read_parquet(tmp_path / "dataset/contamination/found.parquet")
    assert rows.rows() == [
        ("scitea", "document", "d2", "same_text", "the words of document e1"),
        ("scitea", "query", "q3", "same_text", "the words of query 7"),
    ]
    card = (tmp_path / "dataset/README.md").read_text()
    assert "| `scitea` | 3 | 1 | 0 | 2 | 0 |" in card
    assert "taken for its own" not in card
    assert "path: contamination/found.parquet" in card
    (said,) = json.loads((tmp_path / "dataset/MANIFEST.json").read_text())["evaluation"]
    assert said == {
        "name": "scitea",
        "digest": Evaluation(folder).digest,
        "documents": 3,
        "queries": 1,
        "ours": 1,
        "spared": False,
        "found": {"same_text": 2},
    }


def test_documents_of_a_collection_with_our_corpus_are_no_contamination_but_its_queries_are(
    collection, tables, facts, replaced, tmp_path
):
    ours = pl.read_parquet(tables.documents).select(pl.concat_str("title", "text", separator=" "))
    texts = ours.to_series().to_list()
    theirs = [(f"e{number}", text) for number, text in enumerate(texts[:3])]
    folder = collection(theirs, [("7", "when to reef"), ("8", texts[0])])
    evaluated = replaced(evaluation={"scitea": folder})
    assemble(Assembly(), evaluated, tmp_path / "dataset", facts)
    rows = pl.read_parquet(tmp_path / "dataset/contamination/found.parquet")
    assert rows.rows() == [
        ("scitea", "document", "d1", "same_text", "the words of query 8"),
        ("scitea", "query", "q3", "same_text", "the words of query 7"),
    ]
    card = (tmp_path / "dataset/README.md").read_text()
    assert "| `scitea` | 3 | 2 | 0 | 2 | 0 |" in card
    assert "3 of the 3 documents of `scitea` stand in the corpus" in card


def test_a_collection_that_nothing_touches_is_named_and_the_config_left_out(
    collection, facts, replaced, tmp_path
):
    evaluated = replaced(evaluation={"scitea": collection([("e1", "x")], [("7", "y")])})
    assemble(Assembly(), evaluated, tmp_path / "dataset", facts)
    assert not (tmp_path / "dataset/contamination").exists()
    assert "| `scitea` | 1 | 1 | 0 | 0 | 0 |" in (tmp_path / "dataset/README.md").read_text()


def test_where_a_collection_lies_is_no_part_of_a_recipe_s_identity():
    here, there = Assembly(evaluation=("a/scitea",)), Assembly(evaluation=("b/scitea",))
    assert here.fingerprint == there.fingerprint == Assembly().fingerprint


def test_two_collections_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two folders are called scitea"):
        Assembly(evaluation=("a/scitea", "b/scitea"))
