"""One endpoint that speaks the OpenAI protocol."""

import itertools
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson

from rankmill.errors import TeacherError, TeacherIncapable, TeacherRefused
from rankmill.teachers._faults import Fault, Unreachable, Words
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.protocol import BadBody, message_of

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_CONNECT_SECONDS = 10.0


class Endpoint:
    """An open connection pool to one base URL.

    Attributes:
        url: The base URL.
    """

    def __init__(self, spec: OpenAI, url: str) -> None:
        self.url = url
        self._spec = spec
        self._words = Words(spec, url)
        self._proxy = _proxy_of(url)
        self._mark, self._numbers = secrets.token_hex(8), itertools.count()
        self._echoes = False
        self._model = ""
        key = {"Authorization": f"Bearer {self._words.key}"} if self._words.key else {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers={"Content-Type": "application/json", **key},
            timeout=aiohttp.ClientTimeout(
                total=spec.timeout_seconds, sock_connect=min(_CONNECT_SECONDS, spec.timeout_seconds)
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def post(self, path: str, raw: bytes) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Args:
            path: Below the base URL.
            raw: The body.

        Raises:
            Fault: A failure that may pass; `Unreachable` when nothing listens there.
            TeacherRefused: A wrong key or an unknown model.
            TeacherIncapable: There is no such path for this model.
            RequestRefused: This one request is rejected.
        """
        # 32 hex digits: llama_cpp.server takes nothing but a UUID.
        name = f"{self._mark}{next(self._numbers):016x}"
        status, headers, content = await self._exchange(
            "POST", self.url + path, raw, {"X-Request-Id": name}
        )
        if status == 404:
            raise await self._not_found(path)
        if status != 200:
            raise self._words.named(status, headers, content)
        try:
            found = _object(content)
            self._belongs(found, name)
        except BadBody as error:
            raise Fault("bad body", str(error)) from error
        return found

    async def get(self, path: str) -> dict[str, Any]:
        """What the endpoint says at `path`; empty when it says nothing that can be read."""
        return await self._told("GET", self.url + path, None)

    async def beside(self, path: str, raw: bytes) -> dict[str, Any]:
        """What the server says at `path` beside its `/v1`; empty when nothing that can be read."""
        return await self._told("POST", self.url.removesuffix("/v1") + path, raw)

    async def _told(self, method: str, url: str, raw: bytes | None) -> dict[str, Any]:
        try:
            status, _, content = await self._exchange(method, url, raw, {})
            return _object(content) if status == 200 else {}
        except (Fault, BadBody):
            return {}

    async def models(self) -> list[dict[str, Any]]:
        """What the endpoint says of every model that it serves; empty when it does not say."""
        entries = (await self.get("/models")).get("data") or []
        return [entry for entry in entries if isinstance(entry, dict) and "id" in entry]

    async def _exchange(
        self, method: str, url: str, raw: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        with self._faults():
            async with self._session.request(
                method,
                url,
                data=raw,
                headers=headers,
                proxy=self._proxy,
                allow_redirects=False,
            ) as response:
                return response.status, response.headers, await response.read()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Say in this package's words why nothing came back."""
        try:
            yield
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(self._words.scrub(str(error))) from error
        except TimeoutError as error:
            seconds = self._spec.timeout_seconds
            raise Fault("timeout", f"no answer within {seconds:g} s") from error
        except aiohttp.ClientError as error:
            raise Fault("reset", self._words.scrub(str(error) or type(error).__name__)) from error

    def _belongs(self, body: Mapping[str, Any], name: str) -> None:
        """Refuse what another model said, or what answers another request.

        Servers that take a request's name over into their answer's id, as vLLM does, are known
        by it from then on; the model that answers first is the one that is expected.
        """
        self._echoes = self._echoes or name in str(body.get("id"))
        if self._echoes and name not in str(body.get("id")):
            raise BadBody(f"an answer to another request, {message_of(body.get('id'))}")
        if isinstance(model := body.get("model"), str):
            self._model = self._model or model
            if model != self._model:
                raise BadBody(f"an answer of the model {message_of(model)}, not {self._model}")

    async def _not_found(self, path: str) -> TeacherError:
        model, served = self._spec.model, [str(one["id"]) for one in await self.models()]
        if model in served:
            return TeacherIncapable(f"{self.url} has the model {model}, but no {path} for it")
        known = f"; it has {', '.join(served[:20])}" if served else ""
        return TeacherRefused(f"{self.url} has no model {model}{known}")


def _proxy_of(url: str) -> str | None:
    """The environment's proxy for a URL. None can reach a server of this very machine."""
    parts = urlsplit(url)
    if not parts.hostname or parts.hostname in _LOOPBACK or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadBody(f"a body that is not JSON: {message_of(_opening(raw))}") from error
    if not isinstance(found, dict):
        raise BadBody("a body that is not a JSON object")
    return found


def _opening(raw: bytes) -> str:
    return raw[:80].decode(errors="replace") or "(nothing)"
