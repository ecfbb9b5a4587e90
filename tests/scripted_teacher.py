"""A real HTTP server that speaks the OpenAI protocol and says what a test tells it to say.

In a test:

    with ScriptedTeacher(respond=lambda messages: "[2] > [1]") as teacher:
        ...  # teacher.url, teacher.requests

On its own: `python tests/scripted_teacher.py --port 8000 [--delay MS] [--log FILE]`.
"""

import argparse
import asyncio
import json
import math
import re
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from aiohttp import web

BY_HEART = {
    ("K", "L"),
    ("Thursday,", "Friday"),
    ("May,", "June"),
    ("six,", "seven"),
    ("sets in the", "west"),
    ("green house water", "dog"),
}
"""What every language model knows: this word follows these, as the conformance probe expects."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """One turn: its text, and the alternatives of its first token with log-probabilities."""

    text: str
    top_logprobs: Sequence[tuple[str, float]] = ()
    reasoning: str = ""
    finish_reason: str = "stop"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        status: Answer with this status; with 200 and `body`, answer these bytes.
        reset: Cut the connection instead.
        cut: Answer, and cut the connection in mid-body.
        stall: Answer, and fall silent for so many seconds in mid-body.
        model: Answer as this model.
        other: Answer what another request asked.
        delay: Seconds to wait before anything else.
    """

    status: int = 200
    body: str | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "scripted"
    code: str | None = None
    reset: bool = False
    cut: bool = False
    stall: float = 0.0
    model: str = ""
    other: bool = False
    delay: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it came. `digest` is the same for the same path and body."""

    path: str
    body: dict
    digest: str
    authorization: str


Respond = Callable[[list[dict]], "str | Said"]
LogProb = Callable[[str, str], float]
"""Log-probability of a token, given all that stands before it."""


def hashed(*parts: str) -> float:
    """A number in [0, 1) that the same texts always give."""
    return int(sha256("\n".join(parts).encode()).hexdigest()[:8], 16) / 2**32


def by_hash(messages: list[dict]) -> Said:
    """A turn that depends on the messages alone; yes or no as its first token's alternatives."""
    share = 0.02 + 0.96 * hashed(json.dumps(messages))
    text = f"words about {int(share * 1_000_000):x}"
    pairs = [("Yes", math.log(share)), ("No", math.log(1 - share))]
    return Said(text=text, top_logprobs=sorted(pairs, key=lambda pair: -pair[1]))


def plausible(before: str, token: str) -> float:
    """High where a word follows by heart (Thursday, Friday); else by hash, from -9 to -6."""
    word = token.strip()
    if any(word == known and before.endswith(last) for last, known in BY_HEART):
        return -0.05
    return -9 + 3 * hashed(before[-20:], token)


def words(text: str) -> list[str]:
    """Tokens: a word with the white space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


class ScriptedTeacher:
    """A teacher that is a server on this machine, in a thread of its own.

    Args:
        respond: Messages of a chat to the next turn.
        logprob: What stands before a token, and the token, to its log-probability.
        tokenize: A prompt to its tokens, as the server writes them.
        embed: A text to its vector, where the server offers embeddings.
        ways: How log-probabilities of a prompt may be asked for; any others are ignored.
        shifted: Return the values of llama_cpp.server 0.3.36: one position late.
        key: The key to insist on, if any.

    Attributes:
        url: The base URL, while it runs.
        requests: Every request that came, in order, those that met a fault included.
        faults: What goes wrong with the next requests, one each; None lets one pass.
        busiest: The largest number of requests that were in progress at once.
    """

    def __init__(
        self,
        respond: Respond = by_hash,
        *,
        logprob: LogProb = plausible,
        tokenize: Callable[[str], list[str]] = words,
        embed: Callable[[str], list[float]] | None = None,
        ways: Iterable[str] = ("prompt_logprobs", "echo"),
        shifted: bool = False,
        models: Sequence[str] = ("teacher",),
        key: str = "",
        delay: float = 0.0,
        log: Path | None = None,
        port: int = 0,
    ) -> None:
        self.respond, self.logprob, self.tokenize = respond, logprob, tokenize
        self.ways, self.shifted, self.models, self.key = set(ways), shifted, tuple(models), key
        self.embed = embed
        self.delay, self.log, self.port = delay, log, port
        self.requests: list[Seen] = []
        self.faults: deque[Fault | None] = deque()
        self.busiest = 0
        self._busy = 0
        self._loop = asyncio.new_event_loop()
        self._leave = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._live, name="scripted teacher", daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(10), "the scripted teacher does not start"
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def repeats(self) -> int:
        """How many requests came that had come before."""
        seen = Counter(request.digest for request in self.requests)
        return sum(seen.values()) - len(seen)

    def _live(self) -> None:
        self._loop.run_until_complete(self.serve())

    async def serve(self) -> None:
        """Serve until told to leave."""
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/completions", self._completions)
        if self.embed:
            app.router.add_post("/v1/embeddings", self._embeddings)
        self.offer_more(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._leave.wait()
        await runner.cleanup()

    def offer_more(self, app: web.Application) -> None:
        """Add what a server of another kind offers besides."""

    def leave(self) -> None:
        self._leave.set()

    async def _models(self, request: web.Request) -> web.Response:
        if refusal := self._unauthorized(request):
            return refusal
        return web.json_response({"data": [{"id": name} for name in self.models]})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._turn)

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._continue)

    async def _embeddings(self, request: web.Request) -> web.Response:
        texts = (await request.json())["input"]
        rows = [{"index": i, "embedding": self.embed(text)} for i, text in enumerate(texts)]
        return web.json_response({"object": "list", "data": rows, "model": "bag-of-words"})

    async def _answer(self, request, make) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw)
        digest = sha256(request.path.encode() + raw).hexdigest()[:16]
        header = request.headers.get("Authorization", "")
        seen = Seen(path=request.path, body=body, digest=digest, authorization=header)
        self.requests.append(seen)
        if self.log:
            with self.log.open("a") as lines:
                lines.write(f"{digest}\n")
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            fault = self.fault()
            if fault and (spoilt := await self._spoil(request, fault)):
                return spoilt
        finally:
            self._busy -= 1
        if refusal := self._unauthorized(request):
            return refusal
        if body["model"] not in self.models:
            return _error(404, f"no model {body['model']}")
        name = request.headers.get("X-Request-Id", "")
        whole = {**make(body), "id": f"chatcmpl-{name}"}
        if fault and (spoilt := await self._spoil_body(request, fault, whole)):
            return spoilt
        return web.json_response(whole)

    def fault(self) -> Fault | None:
        """What goes wrong with the next request."""
        return self.faults.popleft() if self.faults else None

    async def _spoil_body(self, request, fault: Fault, whole: dict) -> web.StreamResponse | None:
        if fault.model:
            return web.json_response({**whole, "model": fault.model})
        if fault.other:
            another = {"role": "assistant", "content": "what somebody else asked"}
            choices = [{"index": 0, "message": another, "finish_reason": "stop"}]
            return web.json_response({**whole, "choices": choices, "id": "chatcmpl-another"})
        if fault.cut or fault.stall:
            raw = json.dumps(whole).encode()
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            response.content_length = len(raw)
            await response.prepare(request)
            await response.write(raw[: len(raw) // 2])
            await asyncio.sleep(fault.stall)
            request.transport.abort()
            return response
        return None

    def _unauthorized(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if self.key and given != f"Bearer {self.key}":
            return _error(401, f"Incorrect API key provided: {given}")
        return None

    async def _spoil(self, request: web.Request, fault: Fault) -> web.Response | None:
        await asyncio.sleep(fault.delay)
        if fault.reset:
            request.transport.abort()
            return web.Response()
        if fault.body is not None:
            return web.Response(
                text=fault.body, status=fault.status, content_type=fault.content_type
            )
        if fault.status == 200:
            return None
        return _error(fault.status, fault.message, headers=fault.headers, code=fault.code)

    def _turn(self, body: dict) -> dict:
        said = self.respond(body["messages"])
        said = Said(text=said) if isinstance(said, str) else said
        message = {"role": "assistant", "content": said.text}
        if said.reasoning:
            message["reasoning_content"] = said.reasoning
        choice = {"index": 0, "message": message, "finish_reason": said.finish_reason}
        if body.get("logprobs"):
            choice["logprobs"] = _first_token(said, body.get("top_logprobs", 0))
        sent = "".join(message["content"] for message in body["messages"])
        return _completion(choice, len(words(sent)), len(words(said.text)))

    def _continue(self, body: dict) -> dict:
        prompt = body["prompt"]
        tokens = self.tokenize(prompt)
        values = self._values(tokens)
        choice = {"index": 0, "text": " end", "finish_reason": "length"}
        if "prompt_logprobs" in body and "prompt_logprobs" in self.ways:
            choice["prompt_logprobs"] = [
                value if value is None else {str(i): {"logprob": value, "decoded_token": token}}
                for i, (token, value) in enumerate(zip(tokens, values, strict=True))
            ]
        if body.get("logprobs") is not None:
            choice["logprobs"] = {"tokens": [" end"], "token_logprobs": [-1.0]}
            if body.get("echo") and "echo" in self.ways:
                choice["text"] = prompt + " end"
                choice["logprobs"] = {
                    "tokens": [*tokens, " end"],
                    "token_logprobs": [*values, -1.0],
                }
        return _completion(choice, len(tokens), 1)

    def _values(self, tokens: list[str]) -> list[float | None]:
        values: list[float | None] = []
        before = ""
        for token in tokens:
            seen = before + token if self.shifted else before
            values.append(self.logprob(seen, token) if before else None)
            before += token
        return values


def _first_token(said: Said, top: int) -> dict:
    if not said.top_logprobs:
        return {"content": []}
    alternatives = [{"token": token, "logprob": value} for token, value in said.top_logprobs]
    return {"content": [{**alternatives[0], "top_logprobs": alternatives[:top]}]}


def _completion(choice: dict, tokens_in: int, tokens_out: int) -> dict:
    usage = {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }
    return {"id": "scripted", "model": "teacher", "choices": [choice], "usage": usage}


def _error(status: int, message: str, *, headers=None, code=None) -> web.Response:
    body = {"error": {"message": message, "code": code}}
    return web.json_response(body, status=status, headers=headers)


def main() -> None:
    """Serve until a signal comes."""
    options = argparse.ArgumentParser(description="A scripted OpenAI-compatible teacher")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--delay", type=float, default=0.0, help="milliseconds before an answer")
    options.add_argument("--log", type=Path, help="file that gets a line for every request")
    given = options.parse_args()
    teacher = ScriptedTeacher(port=given.port, delay=given.delay / 1000, log=given.log)

    async def serve() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, teacher.leave)
        await teacher.serve()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
