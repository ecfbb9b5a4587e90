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
from yarl import URL

from rankmill.errors import ConfigError, TeacherError, TeacherIncapable, TeacherRefused
from rankmill.teachers._faults import Fault, Unreachable, Words
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.protocol import BadBody, error_of, message_of

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_CONNECT_SECONDS = 10.0

_PAGES = 3  # one may be a proxy's excuse
_NO_BASE = "this is no base URL, which often ends in /v1"


class Endpoint:
    """An open connection pool to one base URL.

    Attributes:
        url: The base URL.
    """

    def __init__(self, spec: OpenAI, url: str) -> None:
        self.url = url
        self._spec = spec
        self._words = Words(spec, url)
        self._proxy, self._proxy_auth = _proxy_of(url)
        self._mark, self._numbers = secrets.token_hex(8), itertools.count()
        self._echoes = False
        self._model = ""
        key = {"Authorization": f"Bearer {self._words.key}"} if self._words.key else {}
        self._spoke, self._pages = False, 0
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
            raise await self._not_found(path, content)
        if status != 200:
            raise self._words.named(status, headers, content)
        try:
            found = _object(content)
            self._belongs(found, name)
        except BadBody as error:
            self._pages += content.lstrip()[:1] == b"<"
            if self._pages == _PAGES and not self._spoke:
                raise TeacherRefused(f"{self.url}{path} is a web page: {_NO_BASE}") from error
            raise Fault("bad body", str(error)) from error
        self._spoke = True
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
                proxy_auth=self._proxy_auth,
                allow_redirects=False,
            ) as response:
                content = self._words.scrubbed(await response.read())
                return response.status, response.headers, content

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Say in this package's words why nothing came back."""
        try:
            yield
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            plain = str(error).replace(" ssl:default", "")
            raise Unreachable(self._words.scrub(plain)) from error
        except TimeoutError as error:
            seconds = self._spec.timeout_seconds
            raise Fault("timeout", f"no answer within {seconds:g} s") from error
        except aiohttp.ClientError as error:
            raise Fault("reset", self._words.scrub(str(error) or type(error).__name__)) from error

    def _belongs(self, body: Mapping[str, Any], name: str) -> None:
        """Refuse what another model said, or what answers another request.

        Servers that take a request's name over into their answer's id, as vLLM does, are known
        by it from then on. The model that answers first is the one that is expected, unless one
        answers by the very name that was asked for.
        """
        self._echoes = self._echoes or name in str(body.get("id"))
        if self._echoes and name not in str(body.get("id")):
            raise BadBody(f"an answer to another request, {message_of(body.get('id'))}")
        if isinstance(model := body.get("model"), str):
            if not self._model or model == self._spec.model:
                self._model = model
            if model != self._model:
                raise BadBody(f"an answer of the model {message_of(model)}, not {self._model}")

    async def _not_found(self, path: str, content: bytes) -> TeacherError:
        model, served = self._spec.model, [str(one["id"]) for one in await self.models()]
        if model in served:
            return TeacherIncapable(f"{self.url} has the model {model}, but no {path} for it")
        if served:
            return TeacherRefused(
                f"{self.url} has no model {model}; it has {', '.join(served[:20])}"
            )
        _, words = error_of(content)
        return TeacherRefused(
            f"{self.url}{path} answered 404 ({words}): it has no model {model}, or {_NO_BASE}"
        )


def _proxy_of(url: str) -> tuple[URL | None, aiohttp.BasicAuth | None]:
    """The environment's proxy for a URL, and its user. None can reach a server of this machine.

    Raises:
        ConfigError: The environment's proxy is no URL.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.hostname in _LOOPBACK or proxy_bypass(parts.hostname):
        return None, None
    given = getproxies().get(parts.scheme)
    if not given:
        return None, None
    try:
        proxy = URL(given)
    except ValueError:
        proxy = URL()
    if proxy.scheme not in {"http", "https"} or not proxy.host:
        raise ConfigError(f"the environment's proxy for {parts.scheme} is not a URL")
    user = aiohttp.BasicAuth(proxy.user, proxy.password or "") if proxy.user else None
    return proxy.with_user(None), user


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
