"""One step of training with sentence-transformers on every export that is made for it."""

import re

import pytest

from rankmill.assemble import Assembly, assemble
from rankmill.export.by_ids import ByIds
from rankmill.export.labelled_pairs import LabelledPairs
from rankmill.export.lipo import Lipo
from rankmill.export.listwise import Listwise
from rankmill.export.ntuples import Ntuples
from rankmill.export.pairs import Pairs
from rankmill.export.rerank_eval import RerankEval
from rankmill.export.scored_ntuples import ScoredNtuples
from rankmill.export.triplets import Triplets

pytest.importorskip("accelerate")
pytest.importorskip("datasets")
pytest.importorskip("sentence_transformers")
pytestmark = pytest.mark.filterwarnings("ignore:'pin_memory' argument is set")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "milk", "how", "long", "to", "brew"]
MADE = (
    *(Pairs(), Triplets(), Ntuples(negatives=2), ScoredNtuples(negatives=2), Lipo()),
    *(Listwise(), Listwise(name="listwise_scores", labels="scores"), ByIds(), RerankEval()),
    *(LabelledPairs(label="binary"), LabelledPairs(name="labelled_grades")),
)
QUERY, BEST = "how long to brew tea", "Boiling water burns green tea."
MILK, COFFEE = "Milk\nMilk first or tea first? People argue.", "Coffee\nGrind beans just before"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("training")


@pytest.fixture
def folder(tables, facts, place, tmp_path, monkeypatch, offline):
    """A dataset with all of them; written once for all tests of this file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", place / "cache")
    if not (place / "dataset").exists():
        assemble(Assembly(exports=MADE, negatives=4), tables, place / "dataset", facts)
    return place / "dataset"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A BERT of one layer that has learned nothing."""
    from transformers import BertConfig, BertModel, BertTokenizer

    place = tmp_path_factory.mktemp("tiny")
    vocabulary = place / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS))
    BertTokenizer(str(vocabulary)).save_pretrained(place)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(WORDS), intermediate_size=8, **shape)
    BertModel(config).save_pretrained(place)
    return place


def watched(loss, seen):
    """The loss, which notes what it is given and what it gives."""
    forward = loss.forward

    def watch(inputs, labels, **rest):
        inputs = list(inputs)
        value = forward(inputs, labels, **rest)
        seen.append((inputs, labels, float(value.detach())))
        return value

    loss.forward = watch
    return loss


def step(trainer, options, *, model, data, loss):
    """One step of a trainer, and what its loss was given: columns, labels and value."""
    seen = []
    args = options(
        output_dir="out", max_steps=1, per_device_train_batch_size=4, report_to=[], use_cpu=True
    )
    trainer(model=model, args=args, train_dataset=data, loss=watched(loss, seen)).train()
    (once,) = seen
    return once


def retrieve(folder, tiny, config, loss):
    """A step of a bi-encoder."""
    from datasets import load_dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer import losses

    model = SentenceTransformer(str(tiny), device="cpu")
    data = load_dataset(str(folder), config, split="train")
    trainer, options = SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    return step(trainer, options, model=model, data=data, loss=getattr(losses, loss)(model))


def rerank(tiny, data, loss):
    """A step of a cross-encoder."""
    from sentence_transformers import CrossEncoder, CrossEncoderTrainer
    from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments, losses

    model = CrossEncoder(str(tiny), num_labels=1, device="cpu")
    trainer, options = CrossEncoderTrainer, CrossEncoderTrainingArguments
    return step(trainer, options, model=model, data=data, loss=getattr(losses, loss)(model))


@pytest.mark.parametrize(
    ("config", "loss", "columns"),
    [
        ("pairs", "MultipleNegativesRankingLoss", 2),
        ("pairs", "CachedMultipleNegativesRankingLoss", 2),
        ("triplets", "MultipleNegativesRankingLoss", 3),
        ("triplets", "TripletLoss", 3),
        ("ntuples", "MultipleNegativesRankingLoss", 4),
        ("ntuples", "CachedMultipleNegativesRankingLoss", 4),
    ],
)
def test_a_retriever_learns_from_texts(folder, tiny, config, loss, columns):
    inputs, labels, value = retrieve(folder, tiny, config, loss)
    assert (len(inputs), labels) == (columns, None)
    assert value > 0


@pytest.mark.parametrize("loss", ["MarginMSELoss", "DistillKLDivLoss"])
def test_a_retriever_imitates_scores_with_the_positive_first(folder, tiny, loss):
    inputs, labels, value = retrieve(folder, tiny, "scored_ntuples", loss)
    assert len(inputs) == 4
    assert sorted(labels.tolist()) == [[0.5, 0.125, 0.25], [1.0, 0.125, 0.25]]
    assert value > 0


@pytest.mark.parametrize("loss", ["CoSENTLoss", "CosineSimilarityLoss"])
def test_a_retriever_learns_from_labelled_pairs(folder, tiny, loss):
    inputs, labels, value = retrieve(folder, tiny, "labelled_grades", loss)
    assert len(inputs) == 2
    assert sorted(labels.tolist()) == pytest.approx([0.0, 0.0, 2 / 3, 1.0])
    assert value > 0


@pytest.mark.parametrize(
    ("config", "loss", "labels"),
    [
        ("listwise", "LambdaLoss", [3.0, 2.0, 0.0, 0.0]),
        ("listwise", "ListNetLoss", [3.0, 2.0, 0.0, 0.0]),
        ("listwise", "ListMLELoss", [3.0, 2.0, 0.0, 0.0]),
        ("listwise", "PListMLELoss", [3.0, 2.0, 0.0, 0.0]),
        ("listwise_scores", "RankNetLoss", [1.0, 0.5, 0.25, 0.125]),
        ("listwise_scores", "ADRMSELoss", [1.0, 0.5, 0.25, 0.125]),
    ],
)
def test_a_reranker_learns_from_lists_best_first(folder, tiny, config, loss, labels):
    from datasets import load_dataset

    data = load_dataset(str(folder), config, split="train")
    (queries, docs), given, value = rerank(tiny, data, loss)
    assert queries == [QUERY]
    assert docs[0][0] == BEST
    assert [row.tolist() for row in given] == [labels]
    assert value > 0


def test_soft_lists_are_the_gains_that_lipo_asks_of_lambda_loss(folder, tiny):
    from datasets import load_dataset

    data = load_dataset(str(folder), "lipo", split="train")
    (queries, _), given, value = rerank(tiny, data, "LambdaLoss")
    assert queries == [QUERY]
    assert [row.tolist() for row in given] == [[0.875, 0.625, 0.375, 0.125]]
    assert value > 0


@pytest.mark.parametrize("loss", ["BinaryCrossEntropyLoss", "MSELoss"])
def test_a_reranker_learns_from_labelled_pairs(folder, tiny, loss):
    from datasets import load_dataset

    data = load_dataset(str(folder), "labelled_pairs", split="train")
    inputs, labels, value = rerank(tiny, data, loss)
    assert len(inputs) == 2
    assert sorted(labels.tolist()) == [0, 0, 1, 1]
    assert value > 0


def test_a_reranker_imitates_margins(folder, tiny):
    from datasets import load_dataset

    data = load_dataset(str(folder), "scored_ntuples", split="train")
    inputs, labels, value = rerank(tiny, data, "MarginMSELoss")
    assert len(inputs) == 4
    assert sorted(row.tolist() for row in labels) == [[0.5, 0.125, 0.25], [1.0, 0.125, 0.25]]
    assert value > 0


def by_ids(folder):
    from datasets import load_dataset

    parts = ("lists", "queries", "documents")
    return [load_dataset(str(folder), f"by_ids-{part}", split="train") for part in parts]


def test_lists_of_ids_resolve_to_lists_for_rerankers(folder, tiny):
    from sentence_transformers.util import resolve_ids

    lists, queries, documents = by_ids(folder)
    texts = {"query_id": queries, "document_ids": documents}
    lists.set_transform(resolve_ids(texts, output_format="lists"))
    (asked, docs), given, value = rerank(tiny, lists, "RankNetLoss")
    assert asked == [QUERY]
    assert docs[0][0] == BEST
    assert [row.tolist() for row in given] == [[1.0, 0.5, 0.25, 0.125]]
    assert value > 0


def test_lists_of_ids_resolve_to_columns_for_retrievers(folder):
    from sentence_transformers.util import resolve_ids

    lists, queries, documents = by_ids(folder)
    texts = {"query_id": queries, "document_ids": documents}
    lists.set_transform(resolve_ids(texts, max_list_length=2))
    tea = "Tea\nSteep black tea for four minutes."
    row = {"query": QUERY, "document_1": BEST, "document_2": tea, "scores": [1.0, 0.5]}
    assert lists[0] == row


def test_rerankers_are_measured_on_the_samples(folder, tiny):
    from datasets import load_dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator

    samples = load_dataset(str(folder), "rerank_eval", split="train").to_list()
    assert [sorted(sample) for sample in samples] == [["documents", "positive", "query"]]
    model = CrossEncoder(str(tiny), num_labels=1, device="cpu")
    measures = CrossEncoderRerankingEvaluator(samples, name="tea", write_csv=False)(model)
    # The retriever has the positives at 1 and 3: 1 / 1 and 2 / 3, and the best is always 1.
    assert measures["tea_base_map"] == pytest.approx((1 + 2 / 3) / 2)
    assert 0 < measures["tea_map"] <= 1


@pytest.mark.parametrize("export", MADE, ids=lambda export: export.folder)
def test_the_card_says_what_runs(folder, tiny, export, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    card = (folder / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    named = (f'"{export.folder}"', f'"{export.folder}-')
    used = [block for block in blocks if "sentence_transformers" in block]
    (code,) = (block for block in used if any(name in block for name in named))
    model = r'"(microsoft|sentence-transformers|cross-encoder)/[^"]+"'
    code = re.sub(model, repr(str(tiny)), code)
    said: dict[str, object] = {}
    exec(code.replace('"<folder>"', repr(str(folder))), said)
    assert "load_dataset" in said
