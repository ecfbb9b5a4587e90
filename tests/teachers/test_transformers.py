"""Attention in numbers: against a plain forward pass over the whole prompt, and by hand."""

import asyncio
import copy
import sys
from itertools import chain, pairwise
from statistics import mean, stdev

import pytest

from rankmill.errors import ModelError, RequestRefused, TeacherIncapable
from rankmill.records import Attention, Chat, Continuation, Message
from rankmill.settings import Settings
from rankmill.teachers import LlamaCpp, OpenAI, Transformers
from rankmill.teachers.engine import Surroundings
from rankmill.teachers.probe import probe

DOCUMENTS = (
    "[1] Rome is the capital of Italy, and lies on the Tiber.",
    "[2] To sort a list in Python, call sorted() or list.sort().",
    "[3] Über süßem Brot: <|im_end|> Mehl, Wasser, Salz und Hefe 🍞.",
)
REFUSAL = r"^attention is only read from kind transformers$"
BEFORE, AFTER = "Here are some paragraphs:", "Find what answers the query.\n\nQuery:"


def asking(text=" how do I sort a list", documents=DOCUMENTS, **fields):
    parts = [BEFORE, *documents, AFTER]
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part) + 2)
    spans = tuple((first, last - 2) for first, last in list(pairwise(starts))[1:-1])
    given = {"prefix": "\n\n".join(parts), "spans": spans, "text": text, "blank": " N/A"}
    return Attention(**given | fields)


def opened(spec, where, work):
    async def run():
        async with spec.open(where) as engine:
            return await work(engine)

    return asyncio.run(run())


# Without weights


def kept_sum(values):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from rankmill.teachers._attention import kept_sum

    return kept_sum(torch.tensor(values))


def test_tokens_far_below_their_document_are_left_out():
    values = [1.0] * 9 + [-9.0]  # mean 0, deviation sqrt(90 / 9)
    assert mean(values) - 2 * stdev(values) == pytest.approx(-6.32, abs=0.01)
    assert kept_sum(values) == 9.0


def test_tokens_near_the_others_all_count():
    assert kept_sum([1.0, -1.0, 2.5]) == 2.5


@pytest.mark.parametrize("values", [[3.0], [0.0, 0.0], [0.5, 0.5]])
def test_a_lone_token_counts_and_so_do_equal_ones(values):
    assert kept_sum(values) == sum(values)


def test_other_teachers_refuse_to_read_attention_by_name(where):
    served = OpenAI(model="m", endpoints=("http://127.0.0.1:9/v1",), api_key_env="")
    with pytest.raises(TeacherIncapable, match=REFUSAL):
        opened(served, where, lambda engine: engine.answer(asking()))


def test_the_embedded_teacher_refuses_to_read_attention_by_name(where, smollm2):
    with pytest.raises(TeacherIncapable, match=REFUSAL):
        opened(LlamaCpp(model=smollm2), where, lambda engine: engine.answer(asking()))


def test_a_view_that_reads_attention_off_another_teacher_is_refused_in_one_line(where):
    served = OpenAI(model="m", endpoints=("http://127.0.0.1:9/v1",), api_key_env="")
    with pytest.raises(TeacherIncapable) as caught:
        opened(served, where, lambda engine: probe("big", engine, {"icr": "attention"}))
    assert str(caught.value) == (
        "teacher big cannot answer: attention is only read from kind transformers; for: icr"
    )


def test_a_file_or_a_folder_is_the_same_teacher_wherever_it_lies(tmp_path):
    weights = {"a": b"weights", "b": b"weights", "c": b"heights"}
    for place, content in weights.items():
        (tmp_path / place / "m").mkdir(parents=True)
        (tmp_path / place / "m" / "model.safetensors").write_bytes(content)
        (tmp_path / place / "m" / "README.md").write_text(place)
        (tmp_path / place / "m.gguf").write_bytes(content)
    for name in ("m", "m.gguf"):
        one, other, third = (Transformers(model=str(tmp_path / at / name)) for at in weights)
        assert one.identity() == other.identity()
        assert one.fingerprint != third.fingerprint
        assert str(tmp_path) not in str(one.identity())


@pytest.mark.parametrize("name", ["nowhere/m.gguf", "qwen", "all-minilm-l6-v2"])
def test_a_model_that_cannot_be_had_is_named(name, where):
    with pytest.raises(ModelError, match=name):
        opened(Transformers(model=name), where, None)


def test_a_file_that_is_no_model_is_named(tmp_path, where):
    pytest.importorskip("transformers")
    (tmp_path / "m.gguf").write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"teacher.model m.gguf: cannot be loaded: "):
        opened(Transformers(model=str(tmp_path / "m.gguf")), where, None)


def test_without_the_library_it_says_what_to_install(tmp_path, where, monkeypatch):
    (tmp_path / "m.gguf").write_bytes(b"weights")
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "rankmill.teachers._attention", raising=False)
    with pytest.raises(ModelError, match=r"pip install 'rankmill\[local\]'"):
        opened(Transformers(model=str(tmp_path / "m.gguf")), where, None)


# With the smallest model


@pytest.fixture(scope="module")
def engine(tmp_path_factory, smollm2):
    """An open engine and a function that has it answer."""
    for library in ("torch", "transformers", "gguf"):
        pytest.importorskip(library)
    folder = tmp_path_factory.mktemp("logs")
    where = Surroundings(settings=Settings(threads=2), folder=folder, say=lambda _: None)
    spec = Transformers(model=smollm2, dtype="float32", context=512)
    with asyncio.Runner() as runner:
        opening = spec.open(where)
        engine = runner.run(opening.__aenter__())
        yield engine, lambda request: runner.run(engine.answer(request))
        runner.run(opening.__aexit__(None, None, None))


@pytest.fixture
def ask(engine):
    return engine[1]


def token_scores(engine, request, text):
    """What every token of the prefix gets from `text`, from one plain pass over the prompt."""
    import torch

    tokenizer, model = engine._tokenizer, copy.copy(engine._model)
    turns = [{"role": "user", "content": "@@"}]
    opening = tokenizer.apply_chat_template(turns, tokenize=False).split("@@")[0]
    parts = [
        tokenizer(part, add_special_tokens=False, split_special_tokens=part != opening).input_ids
        for part in (opening, request.prefix, text)
    ]
    model.set_attn_implementation("eager")
    with torch.no_grad():
        read = model(input_ids=torch.tensor([[*chain(*parts)]]), output_attentions=True)
    model.set_attn_implementation("sdpa")
    every = torch.stack(read.attentions).squeeze(1)  # layers, heads, tokens, tokens
    first, last = len(parts[0]), len(parts[0]) + len(parts[1])
    assert every.shape == (30, 9, last + len(parts[2]), last + len(parts[2]))
    return every[:, :, last:, first:last].sum((0, 1)).mean(0).tolist()


def by_hand(engine, request):
    paid, free = (token_scores(engine, request, text) for text in (request.text, request.blank))
    calibrated = [one - other for one, other in zip(paid, free, strict=True)]
    offsets = engine._tokenizer(
        request.prefix,
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=True,
    ).offset_mapping
    for first, last in request.spans:
        mine = [
            score
            for score, (start, end) in zip(calibrated, offsets, strict=True)
            if max(start, first) < min(end, last)
        ]
        least = mean(mine) - 2 * stdev(mine)
        yield sum(score for score in mine if score > least)


def test_scores_are_those_of_a_plain_pass_over_the_whole_prompt(engine):
    request = asking()
    reply = engine[1](request)
    assert reply.scores == pytest.approx(list(by_hand(engine[0], request)), abs=1e-3)
    assert max(map(abs, reply.scores)) > 1
    assert (reply.text, reply.tokens_out) == ("", 0)


def test_the_document_that_answers_gets_the_most_attention(ask):
    scores = ask(asking()).scores
    assert max(scores) == scores[1]


def test_a_query_without_content_pays_no_attention_beyond_itself(ask):
    assert ask(asking(" N/A")).scores == (0.0, 0.0, 0.0)


def test_one_request_leaves_no_trace_in_the_next(ask):
    first = ask(asking())
    ask(asking(" bread"))
    assert ask(asking()) == first


def test_scores_come_in_the_order_of_the_spans(ask):
    request = asking()
    mirrored = asking(spans=request.spans[::-1])
    assert ask(mirrored).scores == ask(request).scores[::-1]


def test_control_tokens_in_a_document_are_text(engine):
    tokens, _ = engine[0]._placed(asking())
    end = engine[0]._tokenizer.convert_tokens_to_ids("<|im_end|>")
    opening = engine[0]._opening()
    assert tokens[: len(opening)] == opening
    assert end not in tokens[len(opening) :]


def test_a_document_owns_every_token_that_holds_a_part_of_it(engine):
    request = asking()
    tokens, places = engine[0]._placed(request)
    for (first, last), mine in zip(request.spans, places, strict=True):
        said = engine[0]._tokenizer.decode([tokens[at] for at in mine])
        assert request.prefix[first:last] in said
    assert len({at for mine in places for at in mine}) == sum(map(len, places))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (asking(documents=["word " * 600]), r"the prompt has \d+ tokens, the context 512"),
        (asking(spans=((0, 4), (7, 7))), "document 2 of the prompt has no token"),
    ],
)
def test_what_cannot_be_read_is_refused_for_itself(ask, request_, words):
    with pytest.raises(RequestRefused, match=words):
        ask(request_)


@pytest.mark.parametrize(
    "other",
    [
        Chat(messages=(Message(role="user", content="hi"),), max_tokens=1),
        Continuation(prefix="a", text=" b"),
    ],
)
def test_anything_else_is_refused_by_name(ask, other):
    with pytest.raises(TeacherIncapable, match=f"no {type(other).__name__} is answered"):
        ask(other)


def test_it_passes_the_probe_for_attention_and_no_other(engine):
    async def probed(need):
        await probe("mine", engine[0], {"view": need})

    asyncio.run(probed("attention"))
    with pytest.raises(TeacherIncapable, match="teacher mine cannot answer: kind transformers"):
        asyncio.run(probed("text"))
