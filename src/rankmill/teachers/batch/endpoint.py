"""The calls of OpenAI's Batch API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from rankmill.disk import storage
from rankmill.errors import TeacherError, TeacherRefused
from rankmill.teachers._endpoint import Endpoint
from rankmill.teachers._faults import Fault
from rankmill.teachers.batch.ledger import Entry

_MARK = "rankmill"
_DAY = 86_400
_CHUNK = 1 << 20


class BatchEndpoint(Endpoint):
    """An endpoint that takes files and batches over, and hands them out again."""

    async def json(self, method: str, path: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send something, and read what comes back.

        Args:
            method: An HTTP verb.
            path: Below the base URL.
            given: What aiohttp takes: `data`, `headers`, `params`.

        Raises:
            Fault: A failure that may pass.
            TeacherError: The server rejects it.
        """
        async with self._open(method, path, **given) as response:
            content = self._words.scrubbed(await response.read())
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise Fault("bad body", f"{path}: a body that is not a JSON object")
        return found

    async def upload(self, entry: Entry) -> str:
        """Send a batch's file of requests, and return the server's id for it."""
        with storage(entry.input), entry.input.open("rb") as opened:
            form = aiohttp.MultipartWriter("form-data")
            form.append("batch").set_content_disposition("form-data", name="purpose")
            part = form.append(opened, {"Content-Type": "application/jsonl"})
            part.set_content_disposition("form-data", name="file", filename=f"{entry.token}.jsonl")
            kind = {"Content-Type": form.content_type}
            found = await self.json("POST", "/files", data=form, headers=kind)
        return id_of(found, "file")

    async def submit(self, entry: Entry, file: str) -> dict[str, Any]:
        """Have the requests of an uploaded file answered, and return the batch."""
        asked = {
            "input_file_id": file,
            "endpoint": f"/v1{entry.state.path}",
            "completion_window": "24h",
            "metadata": {_MARK: entry.token},
        }
        return await self.json("POST", "/batches", data=orjson.dumps(asked))

    async def find(self, entry: Entry) -> dict[str, Any] | None:
        """The batch of a submission whose end nobody saw; None if the server does not list it."""
        after: dict[str, str] = {}
        while True:
            try:
                page = await self.json("GET", "/batches", params={"limit": 100, **after})
            except TeacherError:
                return None  # it keeps no list
            listed = [one for one in page.get("data") or () if isinstance(one, dict)]
            for one in listed:
                if _is(one, entry):
                    return one
            oldest = min((one.get("created_at") or 0 for one in listed), default=0)
            if not page.get("has_more") or oldest < entry.state.created - _DAY:
                return None
            after = {"after": str(listed[-1].get("id"))}

    async def download(self, name: str, place: Path) -> None:
        """Append the content of a file to another, whose last line is made whole."""
        async with self._open("GET", f"/files/{name}/content", allow_redirects=True) as response:
            with storage(place), place.open("ab") as file:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    file.write(chunk)
                file.write(b"\n")

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        **given: Any,  # noqa: ANN401
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        patience = aiohttp.ClientTimeout(total=None, sock_read=self._spec.timeout_seconds)
        proxy = {"proxy": self._proxy, "proxy_auth": self._proxy_auth}
        given = {"allow_redirects": False, "timeout": patience, **proxy, **given}
        with self._faults():
            async with self._session.request(method, self.url + path, **given) as response:
                if response.status >= 300:
                    content = self._words.scrubbed(await response.read())
                    if (response.status, path) == (404, "/files"):
                        raise TeacherRefused(f"{self.url} takes no batches: set batch = false")
                    raise self._words.named(response.status, response.headers, content)
                yield response


def id_of(found: dict[str, Any], what: str) -> str:
    """The server's name for a file or a batch.

    Raises:
        Fault: It has none.
    """
    match found:
        case {"id": str() as name} if name:
            return name
        case _:
            raise Fault("bad body", f"a {what} without an id")


def status_of(batch: dict[str, Any]) -> str:
    """How a batch is, in the server's words."""
    return str(batch.get("status") or "in an unknown state")


def _is(batch: dict[str, Any], entry: Entry) -> bool:
    """Whether a batch of the server's list is an entry of ours that it has taken."""
    mark = (batch.get("metadata") or {}).get(_MARK)
    return mark == entry.token and status_of(batch) != "failed"
