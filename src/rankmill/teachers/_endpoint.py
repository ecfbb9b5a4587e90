"""One endpoint that speaks the OpenAI protocol, and its failures in this package's words."""

import itertools
import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson

from rankmill.errors import RequestRefused, TeacherError, TeacherIncapable, TeacherRefused
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.protocol import BadBody, error_of, message_of

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PASSING = {408, 409, 425, 429}
_LATER = {429, 503, 529}
_ONE_REQUEST = {400, 413, 422}
_LONGEST_WAIT = 600.0
_CONNECT_SECONDS = 10.0


class Fault(Exception):
    """A failure that may pass.

    Attributes:
        cause: What people count it under: an HTTP status, "reset", "timeout", "bad body" or
            "unreachable".
        wait: Seconds that the server asked to wait, if it did.
    """

    def __init__(self, cause: str, detail: str, *, wait: float | None = None) -> None:
        super().__init__(detail)
        self.cause = cause
        self.wait = wait


class Unreachable(Fault):
    """Nothing listens at an endpoint."""

    def __init__(self, detail: str) -> None:
        super().__init__("unreachable", detail)


class Endpoint:
    """An open connection pool to one base URL.

    Attributes:
        url: The base URL.
    """

    def __init__(self, spec: OpenAI, url: str) -> None:
        self.url = url
        self._spec = spec
        self._key = os.environ.get(spec.api_key_env, "").strip() if spec.api_key_env else ""
        self._proxy = _proxy_of(url)
        self._mark, self._numbers = secrets.token_hex(8), itertools.count()
        self._echoes = False
        self._model = ""
        key = {"Authorization": f"Bearer {self._key}"} if self._key else {}
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
        name = f"{self._mark}{next(self._numbers):x}"
        status, headers, content = await self._exchange("POST", path, raw, {"X-Request-Id": name})
        if status == 404:
            raise await self._not_found(path)
        if status != 200:
            raise self._named(status, headers, content)
        try:
            found = _object(content)
            self._belongs(found, name)
        except BadBody as error:
            raise Fault("bad body", str(error)) from error
        return found

    async def get(self, path: str) -> dict[str, Any]:
        """What the endpoint says at `path`; empty when it says nothing that can be read."""
        try:
            status, _, content = await self._exchange("GET", path, None, {})
            return _object(content) if status == 200 else {}
        except (Fault, BadBody):
            return {}

    async def models(self) -> list[dict[str, Any]]:
        """What the endpoint says of every model that it serves; empty when it does not say."""
        entries = (await self.get("/models")).get("data") or []
        return [entry for entry in entries if isinstance(entry, dict) and "id" in entry]

    async def _exchange(
        self, method: str, path: str, raw: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            async with self._session.request(
                method,
                self.url + path,
                data=raw,
                headers=headers,
                proxy=self._proxy,
                allow_redirects=False,
            ) as response:
                return response.status, response.headers, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable(self._scrub(str(error))) from error
        except TimeoutError as error:
            seconds = self._spec.timeout_seconds
            raise Fault("timeout", f"no answer within {seconds:g} s") from error
        except aiohttp.ClientError as error:
            raise Fault("reset", self._scrub(str(error) or type(error).__name__)) from error

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

    def _named(
        self, status: int, headers: Mapping[str, str], content: bytes
    ) -> TeacherError | Fault:
        code, words = error_of(content)
        words = self._scrub(words)
        match status:
            case 401 | 403:
                return TeacherRefused(self._key_trouble(status, words))
            case 429 if code == "insufficient_quota":
                return TeacherRefused(f"{self.url}: the quota is used up: {words}")
            case _ if status in _ONE_REQUEST:
                return RequestRefused(words or f"{self.url} answered {status}")
            case _ if status in _PASSING or status >= 500:
                told = _retry_after(headers) if status in _LATER else None
                return Fault(str(status), f"answered {status}: {words}", wait=told)
            case _:
                moved = f" (moved to {headers['Location']})" if "Location" in headers else ""
                return TeacherRefused(f"{self.url} answered {status}{moved}: {words}")

    def _key_trouble(self, status: int, words: str) -> str:
        variable = self._spec.api_key_env
        if not variable:
            return f"{self.url} answered {status}: it wants a key, and api_key_env is empty"
        if not self._key:
            return (
                f"{self.url} answered {status}: it wants a key, and {variable} is empty or not set"
            )
        said = f": {words}" if status == 403 and words else ""
        return f"{self.url} answered {status}: it rejects the key in {variable}{said}"

    async def _not_found(self, path: str) -> TeacherError:
        model, served = self._spec.model, [str(one["id"]) for one in await self.models()]
        if model in served:
            return TeacherIncapable(f"{self.url} has the model {model}, but no {path} for it")
        known = f"; it has {', '.join(served[:20])}" if served else ""
        return TeacherRefused(f"{self.url} has no model {model}{known}")

    def _scrub(self, words: str) -> str:
        return words.replace(self._key, "<key>") if self._key else words


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


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from a header that gives seconds or a date; at most ten minutes."""
    value = headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT) if seconds == seconds else None
