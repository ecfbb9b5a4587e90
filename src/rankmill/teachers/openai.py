"""Any endpoint that speaks the OpenAI protocol, or several that serve one model."""

import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from rankmill.errors import ConfigError
from rankmill.spec import Machine, Spec
from rankmill.teachers.batch.ledger import Ledger
from rankmill.teachers.batch.spec import Batching
from rankmill.teachers.engine import Engine, Surroundings

_PUBLIC = "https://api.openai.com/v1"
_OURS = {
    *("messages", "prompt", "model", "stream", "n", "stop", "temperature", "echo", "seed"),
    *("max_tokens", "max_completion_tokens", "logprobs", "top_logprobs", "prompt_logprobs"),
}


def _not_ours(extra: dict[str, Any]) -> dict[str, Any]:
    if taken := sorted(_OURS & extra.keys()):
        raise ValueError(f"rankmill itself decides about {', '.join(taken)}")
    return extra


Extra = Annotated[dict[str, Any], AfterValidator(_not_ours)]
"""Fields added to every request body; never one that a request itself decides."""


def _checked(url: str) -> str:
    """The URL without a slash at its end."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is none is an error too
    except ValueError:
        raise ValueError("an endpoint is not a URL") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            f"the endpoint at {host} has credentials in its URL; name an environment variable "
            "that holds the key in api_key_env"
        )
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise ValueError(f"expected an endpoint such as http://host:8000/v1, found {url!r}")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_checked)]
"""A base URL without credentials; they belong into environment variables."""


def _named(variable: str) -> str:
    if variable and not re.fullmatch("[A-Z_][A-Z0-9_]*", variable):
        raise ValueError("expected the name of an environment variable, such as OPENAI_API_KEY")
    return variable


Variable = Annotated[str, AfterValidator(_named)]
"""The name of an environment variable in capitals; empty for none. A key that somebody puts here
by mistake is no such name, and is neither kept nor shown."""


class Place(Spec):
    """An endpoint.

    Attributes:
        url: Its base URL.
        weight: How much it takes on, against the others: its concurrency is the teacher's times
            this.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Url
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)


def _place(given: object) -> object:
    return {"url": given} if isinstance(given, str) else given


class OpenAI(Spec):
    """A model behind OpenAI-compatible endpoints.

    Attributes:
        model: The name that the endpoints know the model by.
        revision: Tells weights apart that are served under one name: replies are kept by both.
        extra: Fields added to every request body, such as `chat_template_kwargs`.
        endpoints: Base URLs such as `http://host:8000/v1`, or tables with a `url` and a `weight`,
            all serving the same model. None means the environment's `OPENAI_BASE_URL`, or OpenAI.
        api_key_env: Environment variable that holds the key; empty for no key at all.
        concurrency: Requests in flight at one endpoint at most; fewer while it is overloaded.
        timeout_seconds: The longest time that one answer may take.
        tries: Failures of one request before the teacher counts as unavailable; being told to come
            back later is none.
        patience_seconds: How long endpoints may say that, or not answer at all, before they count
            as unavailable.
        batch: Whether requests go out by the file, through OpenAI's Batch API: half the price, and
            answers within a day. `true`, or a table with the limits of a file.
        price_in: Money for a million tokens of prompt, in batches too; a table of well-known models
            may have it.
        price_cached: The same for those that the server had in its cache.
        price_out: Money for a million generated tokens.
    """

    # A URL may hold a password: no error may repeat what was given.
    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Literal["openai"] = "openai"
    model: str = Field(min_length=1)
    revision: str = ""
    extra: Extra = Field(default_factory=dict)
    endpoints: tuple[Annotated[Place, BeforeValidator(_place)], ...] = Machine(())
    api_key_env: Variable = Machine("OPENAI_API_KEY")
    concurrency: int = Machine(16, ge=1)
    timeout_seconds: float = Machine(300.0, gt=0)
    tries: int = Machine(8, ge=1)
    patience_seconds: float = Machine(900.0, gt=0)
    batch: Batching = Machine(None)
    price_in: float | None = Machine(None, ge=0, allow_inf_nan=False)
    price_cached: float | None = Machine(None, ge=0, allow_inf_nan=False)
    price_out: float | None = Machine(None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def one_place_takes_batches(self) -> Self:
        """Refuse to choose among endpoints who gets a batch."""
        if self.batch and len(self.endpoints) > 1:
            raise ValueError(f"batch needs one endpoint, found {len(self.endpoints)}")
        return self

    @property
    def _places(self) -> tuple[Place, ...]:
        return self.endpoints or (_from_environment(),)

    @asynccontextmanager
    async def connection(self, say: Callable[[str], None]) -> AsyncIterator[Any]:
        """A `Sender` to the endpoints, for what is no conversation."""
        from rankmill.teachers._sender import sender

        async with sender(self, self._places, say, None) as opened:
            yield opened

    @asynccontextmanager
    async def open(self, where: Surroundings) -> AsyncIterator[Engine]:
        """Connect to the endpoints; nothing is asked yet.

        Raises:
            ConfigError: `OPENAI_BASE_URL` is not a plain URL.
        """
        from rankmill.teachers._openai import connect

        places = self._places
        if self.batch:
            from rankmill.teachers.batch.hosted import hosted

            async with hosted(self, self.batch, places[0].url, where) as engine:
                yield engine
        else:
            for entry in Ledger(where.settings.data, self.fingerprint).entries():
                where.say(f"{entry.waits}; with batch = true they would be collected")
            async with connect(self, places, where.say) as engine:
                yield engine


def _from_environment() -> Place:
    try:
        return Place(url=_checked(os.environ.get("OPENAI_BASE_URL") or _PUBLIC))
    except ValueError as error:
        raise ConfigError(f"OPENAI_BASE_URL: {error}") from None
