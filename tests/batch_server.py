"""A scripted teacher that also takes batches, as OpenAI's Batch API does, over HTTP.

    with BatchServer(seconds=0.2) as server:
        ...  # server.url, server.submitted

Files go up as multipart forms, batches pass through OpenAI's states while time goes by, and
answers are two files: what was answered, shuffled, and what was not.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from scripted_teacher import Fault, ScriptedTeacher, _error

EXPIRED = {
    "code": "batch_expired",
    "message": "This request could not be executed before the completion window expired.",
}
Spoil = Callable[[int, dict, dict], Sequence[dict | bytes]]
"""Number of the batch, a line that was asked, its answer: the lines that come instead."""


def faithful(number: int, asked: dict, answer: dict) -> list[dict]:
    return [answer]


def refused(asked: dict, status: int, message: str) -> dict:
    """The line about a request that was answered with an error."""
    body = {"error": {"message": message, "type": "error", "param": None, "code": None}}
    response = {"status_code": status, "request_id": "req_1", "body": body}
    return {
        "id": "batch_req_1",
        "custom_id": asked["custom_id"],
        "response": response,
        "error": None,
    }


@dataclass(kw_only=True)
class _Batch:
    id: str
    number: int
    asked: dict
    lines: list[dict]
    created: float = field(default_factory=time.time)
    ends: str = "completed"
    reason: dict | None = None
    files: dict | None = None


class BatchServer(ScriptedTeacher):
    """A teacher that takes batches.

    Args:
        seconds: How long a batch takes.
        spoil: What goes wrong with the answers.
        ends: How the next batches end, one each: "completed" once they run out, "expired",
            "cancelled", or the code and message of a batch that fails.
        expires_at: Lines that a batch has answered when it expires or is cancelled.
        lists: Whether batches can be listed.
        trip: What goes wrong with a call of the API; gets the method and the path.

    Attributes:
        submitted: The custom_ids of every batch, in the order in which the server got them.
        calls: Method and path of every call of the API.
        lost: Batches that are to be taken, and the connection cut before the server says so.
    """

    def __init__(
        self,
        *args,
        seconds: float = 0.05,
        spoil: Spoil = faithful,
        ends: Sequence[str | tuple[str, str]] = (),
        expires_at: int = 0,
        lists: bool = True,
        trip: Callable[[str, str], Fault | None] = lambda method, path: None,
        **options,
    ) -> None:
        super().__init__(*args, **options)
        self.seconds, self.spoil, self.ends = seconds, spoil, list(ends)
        self.expires_at, self.lists, self.trip = expires_at, lists, trip
        self.lost = 0
        self.files: dict[str, tuple[str, bytes]] = {}
        self.batches: dict[str, _Batch] = {}
        self.calls: list[tuple[str, str]] = []

    @property
    def submitted(self) -> list[list[str]]:
        return [[line["custom_id"] for line in batch.lines] for batch in self.batches.values()]

    def offer_more(self, app: web.Application) -> None:
        for method, path, answer in (
            ("POST", "/v1/files", self._upload),
            ("GET", "/v1/files/{id}/content", self._download),
            ("POST", "/v1/batches", self._create),
            ("GET", "/v1/batches", self._list),
            ("GET", "/v1/batches/{id}", self._show),
        ):
            app.router.add_route(method, path, self._guarded(answer))

    def _guarded(self, answer):
        async def guarded(request: web.Request) -> web.StreamResponse:
            self.calls.append((request.method, request.path))
            if fault := self.trip(request.method, request.path):
                spoilt = await self._spoil(request, fault)
                if spoilt:
                    return spoilt
            return self._unauthorized(request) or await answer(request)

        return guarded

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form["purpose"] != "batch":
            return _error(400, "purpose must be batch")
        content = form["file"].file.read()
        name = f"file-{len(self.files)}"
        self.files[name] = (form["file"].filename, content)
        told = {"id": name, "object": "file", "bytes": len(content), "purpose": "batch"}
        return web.json_response({**told, "filename": form["file"].filename})

    async def _download(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.files:
            return _error(404, "No such File object")
        return web.Response(body=self.files[request.match_info["id"]][1])

    async def _create(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if asked["input_file_id"] not in self.files or asked["completion_window"] != "24h":
            return _error(400, "Invalid batch")
        _, content = self.files[asked["input_file_id"]]
        lines = [json.loads(line) for line in content.splitlines()]
        number = len(self.batches)
        batch = _Batch(id=f"batch_{number}", number=number, asked=asked, lines=lines)
        self._judge(batch)
        self.batches[batch.id] = batch
        if self.lost:
            self.lost -= 1
            request.transport.abort()
            return web.Response()
        return web.json_response(self._object(batch))

    def _judge(self, batch: _Batch) -> None:
        """Validate a batch, and decide how it will end."""
        end = self.ends.pop(0) if self.ends else "completed"
        names = [line["custom_id"] for line in batch.lines]
        if len(set(names)) < len(names):
            end = ("duplicate_custom_id", "a custom_id repeats")
        if {line["url"] for line in batch.lines} != {batch.asked["endpoint"]}:
            end = ("mismatched_endpoint", "a line is for another endpoint")
        if {line["body"]["model"] for line in batch.lines} - set(self.models):
            end = ("model_not_found", "The provided model is not supported by the Batch API.")
        batch.ends = end if isinstance(end, str) else "failed"
        batch.reason = None if isinstance(end, str) else {"code": end[0], "message": end[1]}

    async def _list(self, request: web.Request) -> web.Response:
        if not self.lists:
            return _error(404, "no such path")
        newest = list(self.batches.values())[::-1]
        names = [batch.id for batch in newest]
        start = names.index(request.query["after"]) + 1 if "after" in request.query else 0
        limit = int(request.query.get("limit", 20))
        page = newest[start : start + limit]
        data = [self._object(batch) for batch in page]
        more = start + limit < len(newest)
        return web.json_response({"object": "list", "data": data, "has_more": more})

    async def _show(self, request: web.Request) -> web.Response:
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return _error(404, f"No batch found with id '{request.match_info['id']}'.")
        return web.json_response(self._object(batch))

    def _object(self, batch: _Batch) -> dict:
        """A batch as it is at this moment."""
        share = min((time.time() - batch.created) / self.seconds, 1) if self.seconds else 1
        total = len(batch.lines)
        shown = {
            "id": batch.id,
            "object": "batch",
            "endpoint": batch.asked["endpoint"],
            "input_file_id": batch.asked["input_file_id"],
            "completion_window": "24h",
            "created_at": int(batch.created),
            "metadata": batch.asked.get("metadata"),
            "errors": None,
            "output_file_id": None,
            "error_file_id": None,
            "request_counts": {"total": total, "completed": int(total * share), "failed": 0},
        }
        if batch.ends == "failed" and share > 0.2:
            errors = {"object": "list", "data": [{**batch.reason, "param": None, "line": None}]}
            return {**shown, "status": "failed", "errors": errors}
        if share < 1:
            steps = ["validating", "in_progress", "in_progress", "in_progress", "finalizing"]
            return {**shown, "status": steps[int(share * len(steps))]}
        batch.files = batch.files or self._answers(batch)
        return {**shown, "status": batch.ends, **batch.files}

    def _answers(self, batch: _Batch) -> dict:
        output: list[dict | bytes] = []
        errors: list[dict | bytes] = []
        for place, line in enumerate(batch.lines):
            if batch.ends in {"expired", "cancelled"} and place >= self.expires_at:
                error = EXPIRED if batch.ends == "expired" else {"code": "batch_cancelled"}
                head = {"id": "batch_req_1", "custom_id": line["custom_id"]}
                errors.append({**head, "response": None, "error": error})
                continue
            for said in self.spoil(batch.number, line, self._answer_of(line)):
                good = isinstance(said, bytes) or said["response"]["status_code"] == 200
                (output if good else errors).append(said)
        random.Random(batch.number).shuffle(output)
        return {
            "output_file_id": self._file(f"{batch.id}_output.jsonl", output),
            "error_file_id": self._file(f"{batch.id}_error.jsonl", errors),
        }

    def _file(self, name: str, lines: list[dict | bytes]) -> str | None:
        if not lines:
            return None
        texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        self.files[name] = (name, b"\n".join(texts))
        return name

    def _answer_of(self, line: dict) -> dict:
        make = self._turn if line["url"].endswith("/chat/completions") else self._continue
        response = {"status_code": 200, "request_id": "req_1", "body": make(line["body"])}
        return {
            "id": f"batch_req_{line['custom_id']}",
            "custom_id": line["custom_id"],
            "response": response,
            "error": None,
        }


def main() -> None:
    """Serve on a port until a signal comes: `python tests/batch_server.py PORT [SECONDS]`."""
    import sys

    server = BatchServer(port=int(sys.argv[1]), seconds=float((sys.argv[2:] or [5])[0]))
    asyncio.run(server.serve())


if __name__ == "__main__":
    main()
