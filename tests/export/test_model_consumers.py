"""Rows for language models through the code that reads them, or by the rules of that code."""

import json
import re
from copy import deepcopy
from types import SimpleNamespace

import pytest

from lists_for_models import made, one_list, rows_of, thoughtful
from rankmill.export import kinds

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture
def folder(tables, replaced, tmp_path):
    """A dataset of every export for language models, with reasoning."""
    exports = [
        {"kind": "sft"},
        {"kind": "sft", "name": "messages", "form": "messages"},
        {"for": "sft-reasoned"},
        *({"kind": kind} for kind in ("dpo", "reward", "grpo", "verl", "rankllm", "rankgpt")),
        {"kind": "reward", "name": "margins", "margin": True},
        {"kind": "rankllm", "name": "array", "form": "json"},
        {"kind": "rankzephyr"},
        {"kind": "e2rank", "most": 4},
        {"kind": "llama-factory"},
        {"for": "reasonrank-sft"},
        {"kind": "llama-factory", "name": "sharegpt", "form": "sharegpt"},
    ]
    made(replaced(judgments=thoughtful(tables)), tmp_path, *exports)
    return tmp_path


# TRL


@pytest.fixture(scope="module")
def trl():
    return pytest.importorskip("trl")


@pytest.fixture(scope="module")
def tiny():
    """A Llama of one layer that reads bytes, and how it is trained for one step."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    names = ["<pad>", "<|im_start|>", "<|im_end|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    bpe = Tokenizer(models.BPE(vocab={name: n for n, name in enumerate(names)}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<pad>",
        additional_special_tokens=["<|im_start|>"],
    )
    tokenizer.chat_template = CHATML
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    ends = {"pad_token_id": 0, "eos_token_id": 2, "bos_token_id": None}
    config = LlamaConfig(vocab_size=len(tokenizer), **sizes, **heads, **ends)
    return SimpleNamespace(
        tokenizer=tokenizer,
        config=config,
        language_model=lambda: LlamaForCausalLM(config),
        step={
            "max_steps": 1,
            "per_device_train_batch_size": 2,
            "report_to": [],
            "use_cpu": True,
            "save_strategy": "no",
            "logging_steps": 1,
            "bf16": False,
            "disable_tqdm": True,
        },
    )


@pytest.fixture
def load(folder, tmp_path):
    datasets = pytest.importorskip("datasets")

    def load(name):
        path = str(folder / "dataset" / name / "train.parquet")
        cache = str(tmp_path / "cache")
        return datasets.load_dataset("parquet", data_files=path, split="train", cache_dir=cache)

    return load


def loss(trainer):
    trainer.train()
    return next(line["loss"] for line in trainer.state.log_history if "loss" in line)


@pytest.mark.parametrize("name", ["sft", "messages", "sft-reasoned"])
def test_trl_trains_on_answers(trl, tiny, load, tmp_path, name):
    args = trl.SFTConfig(output_dir=str(tmp_path / "out"), max_length=4096, **tiny.step)
    model = tiny.language_model()
    trainer = trl.SFTTrainer(
        model=model, args=args, train_dataset=load(name), processing_class=tiny.tokenizer
    )
    assert 3 < loss(trainer) < 8  # a model that knows nothing: about ln(259) = 5.6


def test_trl_trains_on_the_completion_alone(trl, tiny, load, tmp_path):
    args = trl.SFTConfig(output_dir=str(tmp_path / "out"), max_length=4096, **tiny.step)
    trainer = trl.SFTTrainer(
        model=tiny.language_model(),
        args=args,
        train_dataset=load("sft"),
        processing_class=tiny.tokenizer,
    )
    (batch,) = trainer.get_train_dataloader()
    learned = batch["labels"][0][batch["labels"][0] != -100]
    assert tiny.tokenizer.decode(learned) == "[3] > [1] > [4] > [2]<|im_end|>\n"


def test_trl_prefers_the_consensus(trl, tiny, load, tmp_path):
    args = trl.DPOConfig(output_dir=str(tmp_path / "out"), max_length=4096, **tiny.step)
    model = tiny.language_model()
    trainer = trl.DPOTrainer(
        model=model,
        ref_model=deepcopy(model),
        args=args,
        train_dataset=load("dpo"),
        processing_class=tiny.tokenizer,
    )
    assert loss(trainer) == pytest.approx(0.693, abs=0.01)  # ln 2: no preference yet


@pytest.mark.parametrize("name", ["reward", "margins", "dpo"])
def test_trl_rewards_documents_and_orders(trl, tiny, load, tmp_path, name):
    from transformers import LlamaForSequenceClassification

    tiny.config.num_labels = 1
    args = trl.RewardConfig(output_dir=str(tmp_path / "out"), max_length=4096, **tiny.step)
    trainer = trl.RewardTrainer(
        model=LlamaForSequenceClassification(tiny.config),
        args=args,
        train_dataset=load(name),
        processing_class=tiny.tokenizer,
    )
    # ln 2 without a margin; with margins of 3 and 2 grades, the mean of ln(1 + e^m).
    expected = {"margins": (3.049 + 2.127) / 2}.get(name, 0.693)
    assert loss(trainer) == pytest.approx(expected, abs=0.1)


@pytest.fixture
def ndcg():
    """The reward function of the card's example."""
    (grpo,) = (kind for kind in kinds() if kind.model_fields["kind"].default == "grpo")
    source = grpo.example.split("from datasets import")[0] + "\n\n"
    source += grpo.example[grpo.example.index("def ndcg") : grpo.example.index("rows = ")]
    names = {}
    exec(source, names)
    return names["ndcg"]


@pytest.mark.parametrize(
    ("said", "worth"),
    [
        ("<think>hm</think><answer>[3] > [1] > [4] > [2]</answer>", 1.0),
        ("<answer>[3] > [1] > [2] > [4]</answer>", 1.0),
        ("<answer>[3] > [1] > [4]</answer>", 0.0),
        ("<answer>[3] > [1] > [4] > [4]</answer>", 0.0),
        ("[3] > [1] > [4] > [2]", 0.0),
    ],
)
def test_the_example_of_a_reward_rewards(ndcg, said, worth):
    turns = [{"role": "assistant", "content": said}]
    assert ndcg([turns], grades=[[2, 0, 3, 0]], gold=[[3, 1, 4, 2]], id=["q1"]) == [worth]


def test_trl_hands_the_gold_columns_to_rewards(trl, tiny, load, tmp_path):
    seen = {}

    def watch(completions, gold, grades, docids, **columns):
        seen.update(gold=gold, grades=grades, docids=docids, id=columns["id"])
        return [float(n) for n, _ in enumerate(completions)]

    args = trl.GRPOConfig(
        output_dir=str(tmp_path / "out"),
        num_generations=2,
        max_completion_length=4,
        **tiny.step,
    )
    trl.GRPOTrainer(
        model=tiny.language_model(),
        reward_funcs=watch,
        args=args,
        train_dataset=load("grpo"),
        processing_class=tiny.tokenizer,
    ).train()
    assert seen == {
        "gold": [[3, 1, 4, 2]] * 2,
        "grades": [[2, 0, 3, 0]] * 2,
        "docids": [["d1", "d4", "d2", "d3"]] * 2,
        "id": ["q1", "q1"],
    }


# RankLLM


@pytest.mark.parametrize("name", ["rankllm/train.jsonl", "array/train.json"])
def test_rank_llm_reads_requests(folder, name):
    data = pytest.importorskip("rank_llm.data")
    (request,) = data.read_requests_from_file(str(folder / "dataset" / name))
    assert (request.query.qid, request.query.text) == ("q1", "how long to brew tea")
    found = [(one.docid, one.score, one.doc["title"]) for one in request.candidates]
    assert found == [
        ("d1", 0.9, "Tea"),
        ("d4", 0.8, "Milk"),
        ("d2", 0.7, ""),
        ("d3", 0.6, "Coffee"),
    ]


def test_requests_have_the_types_that_rank_llm_checks(folder):
    lines = (folder / "dataset/rankllm/train.jsonl").read_text().splitlines()
    for request in map(json.loads, lines):
        assert {name: type(value) for name, value in request["query"].items()} == {
            "text": str,
            "qid": str,
        }
        for one in request["candidates"]:
            assert (type(one["docid"]), type(one["score"])) == (str, float)
            assert {type(value) for value in one["doc"].values()} == {str}


def ranks_by_letter(target):
    """What RankLLM's and FIRST's trainers make of a target: a rank for every letter from A."""
    ranks = {}
    for letter in filter(str.isalpha, target):
        ranks[letter] = len(ranks)
    return [ranks[chr(code)] for code in range(ord("A"), ord("A") + len(ranks))]


def test_first_reads_a_rank_for_every_letter(folder, replaced, tmp_path):
    (row,) = json.loads((folder / "dataset/rankzephyr/train.json").read_text())
    roles = [turn["from"] for turn in row["conversations"]]
    system, human, target = (turn["value"] for turn in row["conversations"])
    assert roles == ["system", "human", "gpt"]
    assert system
    assert ranks_by_letter(target) == [1, 3, 0, 2]
    assert re.findall(r"^\[([A-Z])\]", human, re.MULTILINE) == ["A", "B", "C", "D"]


def test_first_knows_twenty_letters_and_gets_no_more(replaced, tmp_path):
    made(one_list(replaced, range(41)), tmp_path, {"kind": "rankzephyr"})
    rows = json.loads((tmp_path / "dataset/rankzephyr/train.json").read_text())
    assert [len(row["docids"]) for row in rows] == [14, 14, 13]
    for row in rows:
        count = len(row["docids"])
        ranks = ranks_by_letter(row["conversations"][2]["value"])
        assert ranks == list(range(count - 1, -1, -1))
        assert len(row["scores"]) == count


# RankGPT, E2Rank, verl, LLaMA-Factory: the rules of their loaders


def test_rankgpt_puts_passages_in_the_order_of_its_permutation(folder):
    responses = json.loads((folder / "dataset/rankgpt/train.permutations.json").read_text())
    rows = rows_of(folder, "rankgpt/train.jsonl")
    for row, response in zip(rows, responses, strict=True):
        places = [int(digits) - 1 for digits in re.findall(r"\d+", response)]
        passages = [row["retrieved_passages"][place] for place in places]
        assert [passage["docid"] for passage in passages] == ["d2", "d1", "d3", "d4"]
        assert all(isinstance(passage["text"], str) for passage in passages)


def test_e2rank_makes_one_tensor_of_a_batch(folder):
    torch = pytest.importorskip("torch")
    rows = rows_of(folder, "e2rank/train.jsonl")
    ranking = torch.tensor([row["ranking"] for row in rows]) - 1
    assert ranking.shape == (1, 4)
    assert rows[0]["document"][ranking[0, 0]].startswith("Boiling water")


def test_verl_loads_one_type_a_column(load):
    rows = load("verl")
    features = rows.features
    assert set(rows.column_names) == {
        *("data_source", "prompt", "ability", "reward_model", "extra_info"),
    }
    assert features["reward_model"]["ground_truth"].dtype == "string"
    assert features["extra_info"]["index"].dtype == "int64"
    (row,) = rows
    assert [turn["role"] for turn in row["prompt"]] == ["system", "user"]
    assert row["reward_model"]["style"] == "rule"
    assert row["extra_info"]["split"] == "train"


def aligned(folder, name, dataset):
    """What LLaMA-Factory makes of every row: system, prompt and response, by dataset_info."""
    root = folder / "dataset" / name
    info = json.loads((root / "dataset_info.json").read_text())[dataset]
    columns = info["columns"]
    for row in json.loads((root / info["file_name"]).read_text()):
        system = row[columns["system"]]
        if info["formatting"] == "alpaca":
            asked = [row[columns["prompt"]], row[columns["query"]]]
            yield system, "\n".join(filter(None, asked)), row[columns["response"]]
        else:
            turns = row[columns["messages"]]
            assert [turn["from"] for turn in turns] == ["human", "gpt"]
            yield system, turns[0]["value"], turns[1]["value"]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("llama-factory", "[3] > [1] > [4] > [2]"),
        ("sharegpt", "[3] > [1] > [4] > [2]"),
        (
            "reasonrank-sft",
            "<think>[3] says what burns.</think>\n<answer>[3] > [4] > [1] > [2]</answer>",
        ),
    ],
)
def test_llama_factory_finds_a_dataset_by_name(folder, name, answer):
    ((system, prompt, response),) = aligned(folder, name, f"{name}-train")
    assert system.startswith("You rank search results")
    assert prompt.startswith("Query: how long to brew tea\n[1] ")
    assert response == answer
