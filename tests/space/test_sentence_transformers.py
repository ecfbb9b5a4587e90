import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rankmill.errors import ModelError, StageError
from rankmill.settings import Settings
from rankmill.space import SentenceTransformer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cat", "dog", "purrs", "barks", "query", ":"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A real model of the library with random weights: one layer, eight dimensions."""
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    import torch
    from sentence_transformers import SentenceTransformer as Model
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    root = tmp_path_factory.mktemp("model")
    (root / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizer(str(root / "vocab.txt")).save_pretrained(root / "bert")
    torch.manual_seed(0)
    size = {"hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(WORDS), num_hidden_layers=1, **size)
    BertModel(config).save_pretrained(root / "bert")
    words = Transformer(str(root / "bert"))
    Model(modules=[words, Pooling(8)], device="cpu").save(str(root / "whole"))
    return root / "whole"


def encode(spec, texts, kind="document"):
    with spec.open(Settings(threads=1), lambda line: None) as encoder:
        return encoder.encode(texts, kind)


def test_rows_are_unit_length_float32_in_the_order_given(folder):
    rows = encode(SentenceTransformer(model=str(folder)), ["cat purrs", "dog", "cat purrs"])
    assert rows.dtype == np.float32
    assert rows.shape == (3, 8)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert rows[0] == pytest.approx(rows[2], abs=0.02)
    assert rows[0] != pytest.approx(rows[1], abs=0.02)


def test_a_prefix_stands_before_its_own_kind_of_text_only(folder):
    spec = SentenceTransformer(model=str(folder), query_prefix="query: ")
    assert np.array_equal(encode(spec, ["cat"], "query"), encode(spec, ["query: cat"]))
    assert not np.array_equal(encode(spec, ["cat"], "query"), encode(spec, ["cat"]))


def test_float32_is_what_the_library_gives_and_auto_is_near_it(folder):
    from sentence_transformers import SentenceTransformer as Model

    expected = Model(str(folder), device="cpu").encode(
        ["cat purrs", "dog"], normalize_embeddings=True
    )
    exact = encode(
        SentenceTransformer(model=str(folder), precision="float32"), ["cat purrs", "dog"]
    )
    assert exact == pytest.approx(expected, abs=1e-6)
    assert encode(SentenceTransformer(model=str(folder)), ["cat purrs", "dog"]) == pytest.approx(
        expected, abs=0.02
    )


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_weights_that_were_saved_in_half_precision_are_computed_with_in_whole(
    folder, tmp_path, precision
):
    from sentence_transformers import SentenceTransformer as Model

    half = Model(str(folder), device="cpu").half()
    half.save(str(tmp_path / "half"))
    spec = SentenceTransformer(model=str(tmp_path / "half"), precision=precision)
    rows = encode(spec, ["cat purrs", "dog"])
    whole = encode(
        SentenceTransformer(model=str(folder), precision=precision), ["cat purrs", "dog"]
    )
    assert rows == pytest.approx(whole, abs=0.01)


def test_the_batch_is_no_part_of_what_a_dataset_depends_on():
    assert SentenceTransformer(batch=8).fingerprint == SentenceTransformer().fingerprint
    assert SentenceTransformer(model="x").fingerprint != SentenceTransformer().fingerprint
    with pytest.raises(ValidationError):
        SentenceTransformer(batch=0)


def test_a_folder_without_a_model_is_a_model_error(tmp_path, capfd):
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    with pytest.raises(ModelError, match=r"embedding model .*: cannot be loaded") as caught:
        encode(SentenceTransformer(model=str(tmp_path)), ["cat"])
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(StageError, match=r"pip install 'rankmill\[local\]'"):
        encode(SentenceTransformer(), ["cat"])


LOAD = """
import sys
from rankmill.settings import Settings
from rankmill.space import SentenceTransformer
with SentenceTransformer(model=sys.argv[1]).open(Settings(), print) as encoder:
    encoder.encode(["cat"] * 100, "document")
"""


def test_nothing_reaches_the_terminal(folder):
    source = Path(sys.modules["rankmill"].__path__[0]).parent
    process = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")
