"""The dataset goes into sentence-transformers as its card says, through its own trainers."""

import re

import pytest

from rankmill.assemble import assemble

pytestmark = pytest.mark.filterwarnings("ignore:'pin_memory' argument is set")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "milk", "how", "long", "to", "brew"]


@pytest.fixture
def folder(spec, tables, facts, tmp_path, monkeypatch, offline):
    pytest.importorskip("datasets")
    pytest.importorskip("sentence_transformers")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    assemble(spec, tables, tmp_path / "dataset", facts)
    return tmp_path / "dataset"


@pytest.fixture
def tiny(tmp_path):
    """A BERT of one layer that has learned nothing."""
    from transformers import BertConfig, BertModel, BertTokenizer

    place = tmp_path / "tiny"
    place.mkdir()
    vocabulary = place / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS))
    BertTokenizer(str(vocabulary)).save_pretrained(place)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(WORDS), intermediate_size=8, **shape)
    BertModel(config).save_pretrained(place)
    return place


def block(folder, word, tiny):
    """The Python block of the card that holds `word`, with a model that is here."""
    card = (folder / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    (code,) = (block for block in blocks if word in block)
    code = re.sub(r'"(microsoft|sentence-transformers)/[^"]+"', repr(str(tiny)), code)
    return code.replace('"<folder>"', repr(str(folder)))


def test_the_listwise_losses_train_on_listwise_as_the_card_says(folder, tiny, monkeypatch):
    pytest.importorskip("accelerate")
    from sentence_transformers.cross_encoder.losses import LambdaLoss

    seen = []
    forward = LambdaLoss.forward

    def watch(loss, inputs, labels, **rest):
        value = forward(loss, inputs, labels, **rest)
        seen.append((inputs, [row.tolist() for row in labels], float(value.detach())))
        return value

    monkeypatch.setattr(LambdaLoss, "forward", watch)
    exec(block(folder, "LambdaLoss", tiny), {})
    (queries, docs), labels, value = seen[0]
    assert queries == ["how long to brew tea"]
    assert docs[0][0] == "Boiling water burns green tea."
    assert labels == [[3.0, 2.0, 0.0, 0.0]]
    assert value > 0


def test_every_listwise_loss_takes_the_rows(folder, tiny):
    from datasets import load_dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder import losses
    from torch import tensor

    (row,) = load_dataset(str(folder), "listwise", split="train").to_list()
    reranker = CrossEncoder(str(tiny), num_labels=1)
    names = ["ListNetLoss", "ListMLELoss", "PListMLELoss", "RankNetLoss", "LambdaLoss"]
    given = [[row["query"]], [row["docs"]]], [tensor(row["labels"])]
    values = {name: getattr(losses, name)(reranker)(*given).detach() for name in names}
    assert [name for name, value in values.items() if not value > 0] == []


def test_the_contrastive_losses_train_on_triplets_as_the_card_says(folder, tiny, monkeypatch):
    pytest.importorskip("accelerate")
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    seen = []
    forward = MultipleNegativesRankingLoss.forward

    def watch(loss, features, labels):
        features = list(features)
        seen.append(len(features))
        return forward(loss, features, labels)

    monkeypatch.setattr(MultipleNegativesRankingLoss, "forward", watch)
    exec(block(folder, "MultipleNegativesRankingLoss", tiny), {})
    assert set(seen) == {3}
