"""What goes wrong at an endpoint, in this package's words."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from rankmill.errors import ConfigError, RequestRefused, TeacherError, TeacherRefused
from rankmill.teachers.openai import OpenAI
from rankmill.teachers.protocol import error_of

_PASSING = {408, 409, 425, 429}
_LATER = {429, 503, 529}
_NOT_BUILT = 501
ONE_REQUEST = {400, 413, 422}
"""Statuses that reject one request, and would again."""
_LONGEST_WAIT = 600.0


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

    @property
    def overload(self) -> bool:
        """Whether this may be because the endpoint has too much to do."""
        return self.cause == "timeout" or self.cause.startswith("5")


class Unreachable(Fault):
    """Nothing listens at an endpoint."""

    def __init__(self, detail: str) -> None:
        super().__init__("unreachable", detail)


class Words:
    """Puts failures of one endpoint into words, without the key.

    Attributes:
        key: The key, empty for none.
    """

    def __init__(self, spec: OpenAI, url: str) -> None:
        self.key = os.environ.get(spec.api_key_env, "").strip() if spec.api_key_env else ""
        if not self.key.isprintable():
            raise ConfigError(f"the value of {spec.api_key_env} is no key: it has more than a line")
        self._variable, self._url = spec.api_key_env, url

    def named(
        self, status: int, headers: Mapping[str, str], content: bytes
    ) -> TeacherError | Fault:
        """The failure that a status other than 200 tells of."""
        code, words = error_of(content)
        match status:
            case 401 | 403:
                return TeacherRefused(self._key_trouble(status, words))
            case 429 if code == "insufficient_quota":
                return TeacherRefused(f"{self._url}: the quota is used up: {words}")
            case _ if status in ONE_REQUEST:
                return RequestRefused(words or f"{self._url} answered {status}")
            case _ if status in _PASSING or (status >= 500 and status != _NOT_BUILT):
                told = _retry_after(headers) if status in _LATER else None
                return Fault(str(status), f"answered {status}: {words}", wait=told)
            case _:
                moved = f" (moved to {headers['Location']})" if "Location" in headers else ""
                return TeacherRefused(f"{self._url} answered {status}{moved}: {words}")

    def _key_trouble(self, status: int, words: str) -> str:
        variable = self._variable
        if not variable:
            return f"{self._url} answered {status}: it wants a key, and api_key_env is empty"
        if not self.key:
            return (
                f"{self._url} answered {status}: it wants a key, and {variable} is empty or not set"
            )
        said = f": {words}" if status == 403 and words else ""
        return f"{self._url} answered {status}: it rejects the key in {variable}{said}"

    def scrubbed(self, content: bytes) -> bytes:
        """Bytes without the key."""
        return content.replace(self.key.encode(), b"<key>") if self.key else content

    def scrub(self, words: str) -> str:
        """Words without the key."""
        return words.replace(self.key, "<key>") if self.key else words


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from a header that gives seconds or a date; at most ten minutes.

    None where it gives nothing to go by: no time, one that is over, or none at all.
    """
    value = headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(seconds, _LONGEST_WAIT) if seconds > 0 else None
