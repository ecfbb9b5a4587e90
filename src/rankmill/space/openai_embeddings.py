"""An embedding model behind an OpenAI-compatible endpoint."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from rankmill.errors import TeacherError, TeacherIncapable, TeacherRefused, TeacherUnavailable
from rankmill.settings import Settings
from rankmill.space.encoder import Encoder, Kind, unit
from rankmill.spec import Machine, Spec


class OpenAIEmbeddings(Spec):
    """A model served at `<endpoint>/embeddings`: OpenAI's, or vLLM, llama.cpp, TEI, Ollama.

    Attributes:
        model: The name the endpoint knows it by.
        endpoint: Base address, up to and including `/v1`.
        api_key_env: Environment variable that holds the key; local servers need none.
        dimensions: Asks for shorter vectors, of models that offer them.
        query_prefix: Stands before every query, for models trained with one.
        document_prefix: Stands before every document.
        batch: Texts in one request, and documents embedded between two savings.
        tries: How often one request is sent before the endpoint counts as unavailable.
    """

    kind: Literal["openai"] = "openai"
    model: str
    dimensions: int | None = Field(default=None, ge=1)
    query_prefix: str = ""
    document_prefix: str = ""
    endpoint: str = Machine("https://api.openai.com/v1")
    api_key_env: str = Machine("OPENAI_API_KEY")
    batch: int = Machine(128, ge=1)
    tries: int = Machine(5, ge=1)
    timeout_seconds: float = Machine(60.0, gt=0)

    @contextmanager
    def open(self, settings: Settings, say: Callable[[str], None]) -> Iterator[Encoder]:
        """Connect to the endpoint; leaving the context closes the connection."""
        from openai import OpenAI

        del settings, say  # nothing is loaded here, and nothing takes long
        key = os.environ.get(self.api_key_env) or "none"
        with OpenAI(
            base_url=self.endpoint,
            api_key=key,
            max_retries=self.tries - 1,
            timeout=self.timeout_seconds,
        ) as client:
            yield _Opened(spec=self, client=client)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    spec: OpenAIEmbeddings
    client: Any

    def encode(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        """Embed texts, `batch` in one request.

        Raises:
            TeacherUnavailable: No connection, or the tries are used up.
            TeacherRefused: The endpoint rejects the request: key, model name, a text too long.
            TeacherIncapable: The answer is not one vector for each text.
        """
        query = kind == "query"
        prefix = self.spec.query_prefix if query else self.spec.document_prefix
        rest = (prefix + text for text in texts)
        parts = []
        while part := list(islice(rest, self.spec.batch)):
            parts.append(self._ask(part))
        return unit(np.concatenate(parts)) if parts else np.empty((0, 0), np.float32)

    def _ask(self, texts: list[str]) -> NDArray[np.float32]:
        from openai import OpenAIError

        body: dict[str, Any] = {"model": self.spec.model, "input": texts}
        if self.spec.dimensions:
            body["dimensions"] = self.spec.dimensions
        try:
            answer = self.client.post("/embeddings", body=body, cast_to=object)
            items = sorted(_Answer.model_validate(answer).data, key=lambda item: item.index)
        except OpenAIError as error:
            raise _translated(self.spec, error) from error
        except ValueError as error:
            raise TeacherIncapable(f"{_place(self.spec)}: the answer is not vectors") from error
        sizes = {len(item.embedding) for item in items}
        if [item.index for item in items] != list(range(len(texts))) or len(sizes) != 1:
            raise TeacherIncapable(
                f"{_place(self.spec)}: expected {len(texts)} vectors of one length, "
                f"found {len(items)} of lengths {sorted(sizes)}"
            )
        return np.array([item.embedding for item in items], dtype=np.float32)


class _Item(BaseModel):
    index: int
    embedding: list[float]


class _Answer(BaseModel):
    """What we read of an answer; the openai package itself checks nothing of it."""

    data: list[_Item]


def _place(spec: OpenAIEmbeddings) -> str:
    return f"embeddings of {spec.model} at {spec.endpoint}"


def _translated(spec: OpenAIEmbeddings, error: Exception) -> TeacherError:
    import openai

    place = _place(spec)
    match error:
        case openai.APITimeoutError():
            return TeacherUnavailable(f"{place}: no answer in {spec.timeout_seconds:g} seconds")
        case openai.APIConnectionError():
            return TeacherUnavailable(f"{place}: no connection: {error.__cause__ or error}")
        case openai.RateLimitError() | openai.InternalServerError():
            return TeacherUnavailable(f"{place}: answered {_words(error)}, {spec.tries} times")
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            known = "is set" if os.environ.get(spec.api_key_env) else "is not set"
            return TeacherRefused(f"{place}: answered {_words(error)} ({spec.api_key_env} {known})")
        case openai.APIStatusError():
            return TeacherRefused(f"{place}: answered {_words(error)}")
        case _:
            return TeacherIncapable(f"{place}: {error}")


def _words(error: Any) -> str:  # noqa: ANN401 - an openai.APIStatusError
    body = error.body if isinstance(error.body, dict) else {}
    message = str(body.get("message") or error.message)
    return f"{error.status_code}: {' '.join(message.split())[:200]}"
