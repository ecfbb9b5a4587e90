"""One endpoint that speaks the OpenAI protocol, and its failures in this package's words."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import openai
import orjson

from rankmill.errors import RequestRefused, TeacherError, TeacherIncapable, TeacherRefused
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.protocol import BadBody, message_of

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PASSING = {408, 409, 425, 429}
_ONE_REQUEST = {400, 413, 422}
_LONGEST_WAIT = 600.0


class Fault(Exception):
    """A failure that may pass.

    Attributes:
        wait: Seconds that the server asked to wait, if it did.
    """

    def __init__(self, detail: str, *, wait: float | None = None) -> None:
        super().__init__(detail)
        self.wait = wait


class Unreachable(Exception):
    """Nothing listens at an endpoint."""


class Endpoint:
    """An open connection pool to one base URL.

    Attributes:
        url: The base URL.
        in_flight: Requests that are waiting for an answer.
        resting_until: Time of the event loop before which it is not worth a try.
    """

    def __init__(self, spec: OpenAI, url: str) -> None:
        self.url = url
        self.in_flight = 0
        self.resting_until = 0.0
        self._spec = spec
        self._key = os.environ.get(spec.api_key_env, "").strip() if spec.api_key_env else ""
        # A proxy of the environment cannot reach a server of this very machine.
        trusted = urlsplit(url).hostname not in _LOOPBACK
        self._client = openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=url,
            max_retries=0,
            timeout=openai.Timeout(spec.timeout_seconds, connect=10.0),
            http_client=openai.DefaultAioHttpClient(trust_env=trusted),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Raises:
            Fault: A failure that may pass.
            BadBody: The answer is not a JSON object.
            Unreachable: Nothing listens there.
            TeacherRefused: A wrong key or an unknown model.
            TeacherIncapable: There is no such path for this model.
            RequestRefused: This one request is rejected.
        """
        self.in_flight += 1
        try:
            raw = await self._client.post(path, content=orjson.dumps(body), cast_to=bytes)
        except openai.APIStatusError as error:
            if error.status_code == 404:
                raise await self._not_found(path) from error
            raise self._named(error) from error
        except (openai.APIConnectionError, aiohttp.ClientError) as error:
            raise self._broken(error) from error
        finally:
            self.in_flight -= 1
        return _object(raw)

    async def models(self) -> list[str]:
        """Names of the models that are served; empty when the endpoint does not say."""
        try:
            listing = _object(await self._client.get("/models", cast_to=bytes))
        except (openai.APIError, aiohttp.ClientError, BadBody):
            return []
        entries = listing.get("data") or []
        return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]

    def _named(self, error: openai.APIStatusError) -> TeacherError | Fault:
        status, words = error.status_code, self._scrub(message_of(error.body))
        match status:
            case 401 | 403:
                return TeacherRefused(self._key_trouble(status, words))
            case 429 if error.code == "insufficient_quota":
                return TeacherRefused(f"{self.url}: the quota is used up: {words}")
            case _ if status in _ONE_REQUEST:
                return RequestRefused(words or f"{self.url} answered {status}")
            case _ if status in _PASSING or status >= 500:
                return Fault(
                    f"answered {status}: {words}", wait=_retry_after(error.response.headers)
                )
            case _:
                return TeacherRefused(f"{self.url} answered {status}: {words}")

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
        model, served = self._spec.model, await self.models()
        if model in served:
            return TeacherIncapable(f"{self.url} has the model {model}, but no {path} for it")
        known = f"; it has {', '.join(served[:20])}" if served else ""
        return TeacherRefused(f"{self.url} has no model {model}{known}")

    def _broken(self, error: Exception) -> Fault | Unreachable:
        causes: list[BaseException] = [error]
        while (cause := causes[-1].__cause__) is not None:
            causes.append(cause)
        if any(isinstance(cause, aiohttp.ClientConnectorError) for cause in causes):
            return Unreachable(self._scrub(str(causes[-1])))
        return Fault(self._scrub(str(causes[-1]) or type(causes[-1]).__name__))

    def _scrub(self, words: str) -> str:
        return words.replace(self._key, "<key>") if self._key else words


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
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT) if seconds == seconds else None
