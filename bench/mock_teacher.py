"""An OpenAI-compatible server that costs next to nothing, to measure clients against.

    python bench/mock_teacher.py PORT [--latency MS] [--rejects SHARE] [--log FILE]

Every chat gets the same permutation after LATENCY. A SHARE of the requests is rejected with status
429 and `Retry-After: 1`, as a seeded draw decides. FILE gets one line for every request that is
answered: a digest of its body; but for short ones, by which a client finds out what a server can
do. `GET /stats` tells what came, and when.
"""

import argparse
import asyncio
import json
import random
import time
from hashlib import blake2b
from pathlib import Path

DOCUMENTS = 20
SHORT = 1000
TEXT = " > ".join(f"[{place}]" for place in range(DOCUMENTS, 0, -1))
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "mock",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": TEXT},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ],
    "usage": {"prompt_tokens": 400, "completion_tokens": 60, "total_tokens": 460},
}
MODELS = {"object": "list", "data": [{"id": "mock", "object": "model", "max_model_len": 8192}]}
LATER = {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}


def response(body, status="200 OK", headers=""):
    raw = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


class Stats:
    """What came so far; times are those of the first request and of the last answer."""

    def __init__(self):
        self.requests = self.rejected = self.in_flight = self.busiest = 0
        self.first = self.last = None

    def seconds(self):
        return (self.last or 0) - (self.first or 0)


class Connection(asyncio.Protocol):
    """One connection: requests come whole or in pieces, and are answered in turn."""

    def __init__(self, given, stats):
        self.given, self.stats, self.buffer = given, stats, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            _, mark, length = head.partition(b"content-length:")
            whole = end + 4 + (int(length.split(b"\r\n", 1)[0]) if mark else 0)
            if len(self.buffer) < whole:
                return
            body, self.buffer = self.buffer[end + 4 : whole], self.buffer[whole:]
            self.route(head, body)

    def route(self, head, body):
        if head.startswith(b"get /stats"):
            self.transport.write(response({**vars(self.stats), "seconds": self.stats.seconds()}))
        elif head.startswith(b"get"):
            self.transport.write(response(MODELS))
        else:
            self.asked(body)

    def asked(self, body):
        stats = self.stats
        stats.requests += 1
        stats.in_flight += 1
        stats.busiest = max(stats.busiest, stats.in_flight)
        stats.first = stats.first or time.time()
        rejected = self.given.rejects and random.random() < self.given.rejects
        stats.rejected += bool(rejected)
        if self.given.latency:
            delay = self.given.latency / 1000
            asyncio.get_running_loop().call_later(delay, self.answer, body, rejected)
        else:
            self.answer(body, rejected)

    def answer(self, body, rejected):
        self.stats.in_flight -= 1
        self.stats.last = time.time()
        if self.transport.is_closing():
            return
        self.transport.write(self.given.later if rejected else self.given.chat)
        if self.given.file and not rejected and len(body) > SHORT:
            self.given.file.write(blake2b(body, digest_size=8).hexdigest() + "\n")
            self.given.file.flush()


async def serve(given):
    stats = Stats()
    given.chat = response(CHAT)
    given.later = response(LATER, "429 Too Many Requests", "Retry-After: 1\r\n")
    given.file = Path(given.log).open("a") if given.log else None  # noqa: SIM115 - to the end
    random.seed(0)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(given, stats), "127.0.0.1", given.port, backlog=4096
    )
    await server.serve_forever()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("port", type=int)
    options.add_argument("--latency", type=float, default=0.0, help="milliseconds")
    options.add_argument("--rejects", type=float, default=0.0, help="a share, from 0 to 1")
    options.add_argument("--log", help="a file")
    try:
        import uvloop

        uvloop.run(serve(options.parse_args()))
    except ImportError:
        asyncio.run(serve(options.parse_args()))


if __name__ == "__main__":
    main()
