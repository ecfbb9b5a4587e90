"""FlagEmbedding's own datasets read our lines, where it is installed."""

import math

import pytest

from rankmill.export import Labelled, Policy, write
from rankmill.export.flagembedding import FlagEmbedding, FlagReranker

pytest.importorskip("datasets")
pytest.importorskip("FlagEmbedding")
POLICY = Policy(positive_grade=2, negative_grade=0, negatives=4)
QUERY = "how long to brew tea"
SCORES = {
    "Boiling water burns green tea.": 1.0,
    "Tea\nSteep black tea for four minutes.": 0.5,
    "Coffee\nGrind beans just before brewing.": 0.25,
    "Milk\nMilk first or tea first? People argue.": 0.125,
}
POSITIVES = list(SCORES)[:2]


@pytest.fixture
def lines(tables, tmp_path, offline):
    """The file that an export writes for training."""

    def lines(export):
        write([export], Labelled(tables, POLICY), tmp_path)
        return tmp_path / export.folder / "train.jsonl"

    return lines


@pytest.fixture
def tokenizer(tmp_path):
    from transformers import BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "milk", "find", "fit"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    return BertTokenizer(str(tmp_path / "vocab.txt"))


def embedders(path, tmp_path, **settings):
    from FlagEmbedding.abc.finetune.embedder.AbsArguments import AbsEmbedderDataArguments

    return AbsEmbedderDataArguments(
        train_data=[str(path)], cache_path=str(tmp_path / "cache"), train_group_size=3, **settings
    )


def test_an_embedder_is_trained_without_scores(lines, tmp_path, tokenizer):
    from FlagEmbedding.abc.finetune.embedder import AbsDataset

    args = embedders(lines(FlagEmbedding()), tmp_path)
    (row,) = list(AbsDataset.AbsEmbedderTrainDataset(args, tokenizer))
    query, passages, scores = row
    assert (query, scores) == (QUERY, None)
    assert passages[0] in POSITIVES
    assert sorted(passages[1:]) == sorted(list(SCORES)[2:])
    batch = AbsDataset.AbsEmbedderCollator(tokenizer=tokenizer)([row])
    assert batch["passages"]["input_ids"].shape[0] == 3


def test_an_embedder_distils_scores_and_reads_its_prompt(lines, tmp_path, tokenizer):
    from FlagEmbedding.abc.finetune.embedder import AbsDataset

    args = embedders(
        lines(FlagEmbedding(scores=True, prompt="Find: ")),
        tmp_path,
        knowledge_distillation=True,
        query_instruction_for_retrieval="unused",
    )
    ((query, passages, scores),) = list(AbsDataset.AbsEmbedderTrainDataset(args, tokenizer))
    assert query == f"Find: {QUERY}"
    assert scores == [SCORES[passage] for passage in passages]


def test_batches_of_one_type_come_from_our_lines(lines, tmp_path, tokenizer):
    from FlagEmbedding.abc.finetune.embedder import AbsDataset

    path = lines(FlagEmbedding(scores=True, prompt="Find: ", type="normal"))
    args = embedders(path, tmp_path, knowledge_distillation=True)
    data = AbsDataset.AbsEmbedderSameDatasetTrainDataset(args, 1, 17, tokenizer)
    queries, passages, scores, no_in_batch_negatives = data[0]
    assert queries == [f"Find: {QUERY}"]
    assert scores == [SCORES[passage] for passage in passages]
    assert not no_in_batch_negatives


def test_distillation_without_scores_is_refused_there(lines, tmp_path, tokenizer):
    from FlagEmbedding.abc.finetune.embedder import AbsDataset

    args = embedders(lines(FlagEmbedding()), tmp_path, knowledge_distillation=True)
    with pytest.raises(ValueError, match="`pos_scores` and `neg_scores` not found"):
        AbsDataset.AbsEmbedderTrainDataset(args, tokenizer)


def test_a_group_larger_than_the_negatives_repeats_them(lines, tmp_path, tokenizer):
    from FlagEmbedding.abc.finetune.embedder import AbsDataset

    args = embedders(lines(FlagEmbedding(negatives=1)), tmp_path)
    ((_, passages, _),) = list(AbsDataset.AbsEmbedderTrainDataset(args, tokenizer))
    assert passages[1:] == [list(SCORES)[3]] * 2


def test_a_reranker_is_trained_with_and_without_scores(lines, tmp_path, tokenizer):
    from FlagEmbedding.abc.finetune.reranker.AbsArguments import AbsRerankerDataArguments
    from FlagEmbedding.abc.finetune.reranker.AbsDataset import AbsRerankerTrainDataset

    path = lines(FlagReranker(scores=True, query_prompt="Find: "))
    for distil in (False, True):
        args = AbsRerankerDataArguments(
            train_data=[str(path)],
            cache_path=str(tmp_path / "cache"),
            train_group_size=3,
            knowledge_distillation=distil,
            query_instruction_for_rerank="unused",
        )
        ((batch, scores),) = list(AbsRerankerTrainDataset(args, tokenizer))
        assert len(batch) == 3
        assert tokenizer.decode(batch[0]["input_ids"]).startswith("[CLS] find")
        if distil:
            assert scores[0] in {1.0, 0.5}
            assert math.isclose(sum(scores[1:]), 0.375)
        else:
            assert scores is None
