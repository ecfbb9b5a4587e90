"""This file holds the engine of the embedded teacher: requests in, replies out."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jinja2
import numpy as np

from rankmill.errors import RequestRefused, TeacherIncapable
from rankmill.records import Attention, Chat, Continuation, Message, Reply, Request
from rankmill.teachers._constraint import held_to
from rankmill.teachers._llama_cpp import Logits, Model
from rankmill.teachers.engine import NO_ATTENTION
from rankmill.teachers.held import apart, endings, is_permutation
from rankmill.teachers.protocol import split_thought

_UNSEEN = "\u200b"

Choose = Callable[[Logits, bytes], int]
"""Chooses the next token by the logits after what was written so far."""


class Embedded:
    """One loaded model that answers requests, one at a time, in a thread of its own.

    Attributes:
        model: Counts the tokens it computed and those it reused.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llama.cpp")

    @property
    def concurrency(self) -> int:
        """One: the model keeps every core busy with one request."""
        return 1

    async def answer(self, request: Request, *, trial: int = 0) -> Reply:
        """Answer one request; requests are answered in the order they come.

        Raises:
            RequestRefused: The prompt does not fit the context, or the model's chat template.
            TeacherIncapable: The model has no chat template, or attention is asked for.
            TeacherUnavailable: llama.cpp cannot go on, or the teacher is being closed.
        """
        loop = asyncio.get_running_loop()
        match request:
            case Chat():
                return await loop.run_in_executor(self._thread, self._chat, request, trial)
            case Continuation():
                return await loop.run_in_executor(self._thread, self._score, request)
            case Attention():
                raise TeacherIncapable(NO_ATTENTION)

    def close(self) -> None:
        """End the request in progress and free the memory."""
        self.model.stop()
        self._thread.submit(self.model.close)
        self._thread.shutdown()

    def _score(self, request: Continuation) -> Reply:
        """Read prefix and text, tokenized apart so that the border is exact."""
        prefix = [*self.model.opening, *self.model.tokenize(request.prefix, special=False)]
        text = self.model.tokenize(request.text, special=False)
        if not prefix:
            raise RequestRefused("a continuation needs a prefix: no token comes before its text")
        tokens = [*prefix, *text]
        self._fit(tokens)
        before = self.model.reused
        # The logits after each token are the chances of the next one; the last has none.
        logits = self.model.read(tokens[:-1], logits_from=len(prefix) - 1)
        logprobs = tuple(
            float(row[token]) - _log_sum(row) for row, token in zip(logits, text, strict=True)
        )
        cached = self.model.reused - before
        return Reply(logprobs=logprobs, tokens_in=len(tokens), tokens_cached=cached)

    def _chat(self, request: Chat, trial: int) -> Reply:
        prompt = self._prompt(request.messages)
        self._fit(prompt)
        before = self.model.reused
        (logits,) = self.model.read(prompt, logits_from=len(prompt) - 1)
        top = self._top(logits, request)
        cached = self.model.reused - before
        choose = _chooser(prompt, request.temperature, trial)
        if request.permutes or apart(request.choices):
            choose = held_to(partial(_ways, request), choose, self.model)
        written, tokens_out, finish = self._generate(len(prompt), logits, request, choose)
        reasoning, text = split_thought(written)
        return Reply(
            text=text,
            reasoning=reasoning,
            finish_reason=finish,
            top_logprobs=top,
            tokens_in=len(prompt),
            tokens_out=tokens_out,
            tokens_cached=cached,
        )

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        template = self.model.template
        if template is None:
            raise TeacherIncapable("the model's file has no chat template: it cannot chat")
        turns = [{"role": turn.role, "content": self._plain(turn.content)} for turn in messages]
        try:
            text = template(messages=turns).prompt
        except (ValueError, jinja2.TemplateError) as error:
            raise RequestRefused(f"the model's chat template: {error}") from error
        tokens = self.model.tokenize(text, special=True)
        opening = self.model.opening
        return tokens if tokens[: len(opening)] == opening else [*opening, *tokens]

    def _plain(self, content: str) -> str:
        """The content with control tokens broken up, so that text cannot end its own turn."""
        for token in set(self.model.tokenize(content, special=True)):
            if self.model.is_control(token):
                name = self.model.piece(token, special=True).decode()
                content = content.replace(name, name[:1] + _UNSEEN + name[1:])
        return content

    def _fit(self, prompt: Sequence[int]) -> None:
        if len(prompt) >= self.model.context:
            raise RequestRefused(
                f"the prompt has {len(prompt):,} tokens, the context {self.model.context:,}"
            )

    def _top(self, logits: Logits, request: Chat) -> tuple[tuple[str, float], ...]:
        """The most probable tokens and the labels, all of them however improbable."""
        count = request.top_logprobs
        if not count:
            return ()
        likely = {
            *np.argpartition(logits, -count)[-count:].tolist(),
            *map(self._label, request.labels),
        }
        ordered = sorted(likely, key=lambda token: (-logits[token], token))
        total = _log_sum(logits)
        return tuple(
            (_decoded(self.model.piece(token, special=True)), float(logits[token]) - total)
            for token in ordered
        )

    def _label(self, label: str) -> int:
        tokens = self.model.tokenize(label, special=False)
        if len(tokens) != 1:
            raise TeacherIncapable(
                f"the label {label} is {len(tokens)} tokens of this model, not 1"
            )
        return tokens[0]

    def _generate(
        self, read: int, logits: Logits, request: Chat, choose: Choose
    ) -> tuple[str, int, str]:
        """The text before any stop text, how many tokens it took, and why it ends."""
        room = min(request.max_tokens, self.model.context - read)
        written = b""
        for generated in range(1, room + 1):
            token = choose(logits, written)
            if self.model.ends(token):
                return _decoded(written), generated, "stop"
            written += self.model.piece(token, special=False)
            text = _decoded(written)
            if request.permutes and is_permutation(text, request.permutes):
                return text, generated, "stop"
            if text in request.choices and apart(request.choices):
                return text, generated, "stop"
            if found := [at for stop in request.stop if (at := text.find(stop)) >= 0]:
                return text[: min(found)], generated, "stop"
            if generated < room:
                logits = self.model.follow(token)
        return _decoded(written), room, "length"


def _ways(request: Chat, text: str) -> list[str]:
    """How what is written may go on, where a request holds its reply to something."""
    if request.permutes:
        return endings(text, request.permutes)
    return [one.removeprefix(text) for one in request.choices if one.startswith(text)]


def _chooser(prompt: Sequence[int], temperature: float, trial: int) -> Choose:
    """How the next token is chosen: the likeliest, or by chance at a temperature.

    Chance depends on the prompt and the trial alone, so that trials differ and a build can be
    repeated.
    """
    if temperature == 0:
        return lambda logits, _: int(logits.argmax())
    asked = hashlib.sha256(np.asarray(prompt, dtype=np.int32).tobytes()).digest()
    chance = np.random.default_rng([*asked, trial])

    def draw(logits: Logits, _: bytes) -> int:
        weights = np.exp((logits - logits.max()).astype(np.float64) / temperature).cumsum()
        return int(weights.searchsorted(chance.random() * weights[-1], side="right"))

    return draw


def _log_sum(logits: Logits) -> float:
    """The logarithm of the sum of exponentials, without overflow."""
    top = logits.max()
    return float(top) + float(np.log(np.exp(logits - top).sum(dtype=np.float64)))


def _decoded(written: bytes) -> str:
    return written.decode(errors="replace")
