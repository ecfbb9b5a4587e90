"""This file holds a model that llama.cpp runs in this process: tokens in, logits out."""

import ctypes
import functools
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp.llama_chat_format import Jinja2ChatFormatter
from numpy.typing import NDArray

from rankmill.errors import ModelError, TeacherUnavailable
from rankmill.teachers._prefixes import Prefixes

logger = logging.getLogger(__name__)

Logits = NDArray[np.float32]

_PIECE_BYTES = 256
_ERROR = 3
_complaints: deque[str] = deque(maxlen=3)


class Model:
    """One GGUF file, loaded. Not thread-safe: every call must come from one thread at a time.

    Attributes:
        computed: Tokens that went through the model so far.
        reused: Prompt tokens that did not, because an earlier prompt began with them.
    """

    def __init__(
        self, path: Path, *, context: int, threads: int, gpu_layers: int, slots: int, batch: int
    ) -> None:
        """Load the weights.

        Args:
            path: A GGUF file.
            threads: Threads that compute.
            context: Tokens that one prompt and its reply may have.
            gpu_layers: Layers to keep on a GPU, -1 for all.
            slots: Prompts whose beginnings are remembered; each has a context of its own.
            batch: Tokens that go through the model together.

        Raises:
            ModelError: llama.cpp cannot read the file, or there is no memory for it.
        """
        _listen()
        self._model, self._context = _load(path, gpu_layers), None
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        parameters = _parameters(context * slots, slots, batch, threads)
        if not gpu_layers:
            # On a CPU it is no faster, and results change more with how a prompt is cut.
            parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._context = llama_cpp.llama_init_from_model(self._model, parameters)
        if not self._context:
            self.close()
            raise ModelError(f"{path}: no room for a context of {context:,} tokens: {_complaint()}")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(batch, 0, 1)
        self._size = batch
        self._prefixes = Prefixes(slots)
        self._slot = 0
        self._length = 0
        self._ending = False
        self.context = context
        self.words = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        self.computed = 0
        self.reused = 0

    @functools.cached_property
    def template(self) -> Jinja2ChatFormatter | None:
        """The chat template that the file carries, if it carries one."""
        source = llama_cpp.llama_model_chat_template(self._model, None)
        if not source:
            return None
        return Jinja2ChatFormatter(
            template=source.decode(),
            bos_token=self._name(llama_cpp.llama_vocab_bos(self._vocab)),
            eos_token=self._name(llama_cpp.llama_vocab_eos(self._vocab)),
        )

    @functools.cached_property
    def opening(self) -> list[int]:
        """The beginning-of-text token, where the model wants one."""
        wanted = llama_cpp.llama_vocab_get_add_bos(self._vocab)
        return [int(llama_cpp.llama_vocab_bos(self._vocab))] if wanted else []

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """The tokens of `text`, with nothing added.

        If `special`, then `<|im_end|>` and its like are read as the tokens they name.
        """
        raw = text.encode()
        room = len(raw) + 8
        tokens = (llama_cpp.llama_token * room)()
        found = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), tokens, room, False, special)
        return list(tokens[:found])

    def piece(self, token: int, *, special: bool) -> bytes:
        """The bytes that `token` stands for; they may be part of a character.

        If `special`, then `<|im_end|>` and its like have their name for bytes, else none.
        """
        room = ctypes.create_string_buffer(_PIECE_BYTES)
        size = llama_cpp.llama_token_to_piece(self._vocab, token, room, _PIECE_BYTES, 0, special)
        return room.raw[: max(size, 0)]

    def is_control(self, token: int) -> bool:
        """Whether `token` marks structure, such as the end of a turn."""
        return bool(llama_cpp.llama_vocab_is_control(self._vocab, token))

    def ends(self, token: int) -> bool:
        """Whether `token` ends a generation."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def read(self, tokens: Sequence[int], *, logits_from: int) -> Iterator[Logits]:
        """Read a prompt, and yield the logits after each token from `logits_from` on.

        Each array has shape (words,) and is only good until the next is asked for. What an
        earlier prompt began with is not computed again. A short rest takes another path through
        llama.cpp, so log-probabilities can differ by a few hundredths with what was read before.

        Raises:
            TeacherUnavailable: llama.cpp cannot go on, or the model is being closed.
        """
        self._slot, shared = self._prefixes.take(tokens[:logits_from])
        if not llama_cpp.llama_memory_seq_rm(self._memory, self._slot, shared, -1):
            llama_cpp.llama_memory_seq_rm(self._memory, self._slot, -1, -1)
            self._prefixes.forget(self._slot)
            shared = 0
        self._length = shared
        self.reused += shared
        for start in range(shared, len(tokens), self._size):
            yield from self._decode(tokens[start : start + self._size], logits_from - start)

    def follow(self, token: int) -> Logits:
        """Add one token to the prompt just read; the logits after it, shape (words,)."""
        return next(self._decode([token], 0))

    def _decode(self, tokens: Sequence[int], logits_from: int) -> Iterator[Logits]:
        if self._ending:
            raise TeacherUnavailable("the model is being closed")
        batch = self._batch
        batch.n_tokens = len(tokens)
        for row, token in enumerate(tokens):
            batch.token[row], batch.pos[row] = token, self._length + row
            batch.n_seq_id[row], batch.seq_id[row][0] = 1, self._slot
            batch.logits[row] = row >= logits_from
        code = llama_cpp.llama_decode(self._context, batch)
        if code:
            raise TeacherUnavailable(f"llama.cpp stopped with code {code}: {_complaint()}")
        self._prefixes.extend(self._slot, tokens)
        self._length += len(tokens)
        self.computed += len(tokens)
        for row in range(max(logits_from, 0), len(tokens)):
            pointer = llama_cpp.llama_get_logits_ith(self._context, row)
            yield np.ctypeslib.as_array(pointer, shape=(self.words,))

    def stop(self) -> None:
        """Make the call in progress, if any, end soon with TeacherUnavailable. Any thread may."""
        self._ending = True

    def close(self) -> None:
        """Free the memory. The model must not be used afterwards."""
        if self._context:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._context)
        llama_cpp.llama_model_free(self._model)

    def _name(self, token: int) -> str:
        return "" if token < 0 else llama_cpp.llama_vocab_get_text(self._vocab, token).decode()


def _load(path: Path, gpu_layers: int) -> int:
    parameters = llama_cpp.llama_model_default_params()
    parameters.n_gpu_layers = gpu_layers
    parameters.use_extra_bufts = _repacks()
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
    if not model:
        raise ModelError(f"{path}: llama.cpp cannot load it: {_complaint()}")
    return int(model)


def _parameters(tokens: int, slots: int, batch: int, threads: int) -> Any:  # noqa: ANN401 - ctypes
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx, parameters.n_seq_max = tokens, slots
    parameters.n_batch = parameters.n_ubatch = batch
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.kv_unified = False
    return parameters


def _repacks() -> bool:
    """Whether llama.cpp may reorder the weights for this CPU.

    With AVX-512 and no AMX it had better not: with the weights as they are in the file it reads
    prompts at 146 tokens a second per thread, with reordered ones at 88 (Qwen2.5 1.5B, Q4_K_M,
    Zen 5), and loads in a tenth of the time.
    """
    features = llama_cpp.llama_print_system_info()
    return b"AVX512 = 1" not in features or b"AMX_INT8 = 1" in features


def _complaint() -> str:
    return " ".join(_complaints) or "no reason given"


@functools.cache
def _listen() -> object:
    """Take llama.cpp's own messages off the terminal; called once in a process."""

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def hear(level: int, text: bytes, _: object) -> None:
        line = text.decode(errors="replace").strip()
        logger.debug("%s", line)
        if level == _ERROR and line:
            _complaints.append(line)

    llama_cpp.llama_log_set(hear, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return hear
