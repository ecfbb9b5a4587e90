import json

import numpy as np
import polars as pl
import pytest

from rankmill.contamination import Decontamination, contaminated
from rankmill.errors import CorpusError

RUN = "one two three four five six seven eight nine ten eleven twelve thirteen"
PLACES = {"brew tea": 0, "how to brew tea": 10, "reef a sail": 90, RUN: 200, f"and {RUN}": 300}


def encode(texts):
    """Unit vectors in a plane, at angles that are known."""
    turned = np.radians([PLACES.get(text, 180) for text in texts])
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


@pytest.fixture
def collection(tmp_path):
    def collection(*queries, name="scitea"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "corpus.jsonl").write_text('{"_id": "e1", "text": "a document"}\n')
        rows = [json.dumps({"_id": qid, "text": text}) for qid, text in queries]
        (folder / "queries.jsonl").write_text("\n".join(rows))
        return folder

    return collection


def held(folders, *texts, **how):
    rows = [(f"q{number}", text) for number, text in enumerate(texts)]
    queries = pl.DataFrame(rows, schema={"qid": pl.String, "text": pl.String}, orient="row")
    named = {folder.name: folder for folder in folders}
    found = contaminated(queries, encode(texts), named, encode, Decontamination(**how))
    return [(one.id, one.rule, one.detail) for one in found]


def test_a_query_of_theirs_is_found_by_its_words_by_13_of_them_and_by_its_vector(collection):
    folder = collection(("7", "Brew tea!"), ("8", RUN), ("9", "brew tea"))
    assert held([folder], "reef a sail", "brew tea", f"and {RUN}", "how to brew tea") == [
        ("q1", "contaminated", "scitea: same_text, the words of query 7"),
        ("q2", "contaminated", "scitea: shared_13_words, 13 words in a row of query 8"),
        ("q3", "contaminated", "scitea: cosine 0.985 to query 9 >= 0.9"),
    ]


def test_how_near_is_too_near_is_a_setting(collection):
    folder = collection(("9", "brew tea"))
    assert held([folder], "how to brew tea", query_similarity=0.99) == []


def test_a_query_is_rejected_once_for_the_first_collection_it_touches(collection):
    folders = [collection(("1", "brew tea"), name=name) for name in ("one", "two")]
    (found,) = held(folders, "brew tea")
    assert found[2].startswith("one: same_text")


def test_a_recipe_may_keep_them(collection):
    assert held([collection(("1", "brew tea"))], "brew tea", queries="keep") == []


def test_queries_are_held_against_queries_and_not_against_documents(collection):
    assert held([collection(("1", "brew tea"))], "a document") == []


def test_no_queries_of_ours_or_theirs_are_no_contamination(collection):
    assert held([collection()], "brew tea") == []
    assert held([collection(("1", "brew tea"), name="two")]) == []


def test_a_collection_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="no such"):
        held([tmp_path / "nowhere"], "brew tea")
