"""This file holds the engine of the transformers teacher: attention to documents, in numbers."""

import asyncio
import copy
import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm  # type: ignore[import-untyped]
from transformers import AutoModelForCausalLM, AutoTokenizer, modeling_gguf_pytorch_utils
from transformers.utils import logging

from rankmill.errors import ModelError, RequestRefused, TeacherIncapable
from rankmill.records import Attention, Reply, Request

_CONTENT = "\ue000"  # no white space, which some templates strip
_DEVIATIONS = 2.0


def load(source: str, *, revision: str, dtype: str, threads: int) -> tuple[Any, Any]:
    """A language model and its tokenizer.

    Args:
        source: A GGUF file, a folder, or a hub model's name.
        revision: Of a hub model.
        dtype: What torch calls the type of the weights.
        threads: Threads that torch may use on the CPU.

    Raises:
        ModelError: There is no such model, or transformers cannot read it.
    """
    _hush()
    torch.set_num_threads(threads)
    options: dict[str, Any] = {"revision": revision}
    path = Path(source)
    called = path.name if path.exists() else source
    if path.is_file():
        source, options = str(path.parent), {"gguf_file": path.name}
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        model: Any = AutoModelForCausalLM.from_pretrained(
            source, dtype=getattr(torch, dtype), **options
        )
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"teacher.model {called}: cannot be loaded: {reason}") from error
    if not tokenizer.is_fast:
        raise ModelError(f"teacher.model {called}: its tokenizer does not say where tokens are")
    return model.to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def _hush() -> None:
    """Keep bars and advice off the terminal, which shows our own."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    getLogger("huggingface_hub").setLevel(ERROR)
    # The bar of GGUF files heeds neither.
    reader: Any = modeling_gguf_pytorch_utils
    reader.tqdm = functools.partial(tqdm, disable=True)


class Attentive:
    """One loaded model that answers requests for attention, one at a time, in its own thread.

    Args:
        model: A causal language model of transformers.
        tokenizer: Its tokenizer, one that gives offsets.
        context: Tokens that a prompt may have; fewer if the model takes fewer.
    """

    def __init__(self, model: Any, tokenizer: Any, *, context: int) -> None:  # noqa: ANN401
        self._model = model.base_model  # no token is wanted, so no logits
        self._tokenizer = tokenizer
        self._fast = model.config._attn_implementation
        self._context = min(context, getattr(model.config, "max_position_embeddings", context))
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="transformers")

    @property
    def concurrency(self) -> int:
        """One: the model keeps every core busy with one request."""
        return 1

    async def answer(self, request: Request, *, trial: int = 0) -> Reply:
        """Answer one request; requests are answered in the order they come.

        Raises:
            RequestRefused: The prompt does not fit the context or the memory, or a document has
                no token.
            TeacherIncapable: The request is not for attention, or the model shows none.
        """
        del trial
        if not isinstance(request, Attention):
            raise TeacherIncapable(
                f"kind transformers shows attention only: no {type(request).__name__} is answered"
            )
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._read, request)
        except torch.OutOfMemoryError as error:
            raise RequestRefused("the prompt does not fit the accelerator's memory") from error

    def close(self) -> None:
        """Wait for the request in progress and let go of the model."""
        self._thread.shutdown(cancel_futures=True)
        del self._model

    def _read(self, request: Attention) -> Reply:
        """Read the context once, then the query and the one without content, each after it."""
        context, places = self._placed(request)
        texts = [self._tokens(text) for text in (request.text, request.blank)]
        self._fit(len(context) + max(map(len, texts)))
        with torch.inference_mode():
            cache = self._model(input_ids=self._row(context), use_cache=True).past_key_values
            paid, free = (self._attention(text, copy.deepcopy(cache)) for text in texts)
        paid, free = paid[: len(context)], free[: len(context)]
        scores = tuple(kept_sum((paid - free)[tokens]) for tokens in places)
        return Reply(scores=scores, tokens_in=len(context) + sum(map(len, texts)))

    def _placed(self, request: Attention) -> tuple[list[int], list[list[int]]]:
        """The tokens up to the query, and which of them are each document's."""
        opening = self._opening()
        words = self._tokenizer(
            request.prefix,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
        )
        offsets = list(enumerate(words["offset_mapping"], len(opening)))
        places = [
            [at for at, (start, end) in offsets if max(start, first) < min(end, last)]
            for first, last in request.spans
        ]
        if not all(places):
            raise RequestRefused(f"document {places.index([]) + 1} of the prompt has no token")
        return [*opening, *words["input_ids"]], places

    def _opening(self) -> list[int]:
        """What the chat template puts before a user's words; the first token, if it has none."""
        if not self._tokenizer.chat_template:
            first = self._tokenizer.bos_token_id
            return [] if first is None else [first]
        turn = {"role": "user", "content": _CONTENT}
        text = self._tokenizer.apply_chat_template([turn], tokenize=False)
        before, _, _ = text.partition(_CONTENT)
        tokens: list[int] = self._tokenizer(before, add_special_tokens=False)["input_ids"]
        return tokens

    def _tokens(self, text: str) -> list[int]:
        """Tokens of a text that has no control tokens, whatever it says."""
        found = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        tokens: list[int] = found["input_ids"]
        return tokens

    def _row(self, tokens: Sequence[int]) -> Any:  # noqa: ANN401 - a tensor
        return torch.tensor([tokens], device=self._model.device)

    def _fit(self, count: int) -> None:
        if count > self._context:
            raise RequestRefused(f"the prompt has {count:,} tokens, the context {self._context:,}")

    def _attention(self, text: Sequence[int], cache: Any) -> Any:  # noqa: ANN401
        """What each token gets from `text`: mean over its tokens, sum over layers and heads.

        Args:
            text: Tokens.
            cache: Keys and values of all tokens before; it grows.

        Returns:
            One number for each token of the cache and the text, in float32.
        """
        self._model.set_attn_implementation("eager")  # the others keep attention to themselves
        try:
            read = self._model(
                input_ids=self._row(text), past_key_values=cache, output_attentions=True
            )
        finally:
            self._model.set_attn_implementation(self._fast)
        if not read.attentions or read.attentions[0] is None:
            raise TeacherIncapable("this model does not show its attention")
        total = cache.get_seq_length()
        layers = (layer[0].float().sum(0).mean(0) for layer in read.attentions)
        # A layer that looks back over a window shows the last tokens only.
        return sum(torch.nn.functional.pad(one, (total - len(one), 0)) for one in layers)


def kept_sum(scores: Any) -> float:  # noqa: ANN401 - a tensor
    """The sum over a document's tokens, less those more than two deviations below their mean.

    The deviation is the sample's; a lone token is kept.
    """
    spread = scores.std() if len(scores) > 1 else 0.0
    return float(scores[scores >= scores.mean() - _DEVIATIONS * spread].sum())
