"""An embedding model behind an OpenAI-compatible endpoint."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rankmill.errors import RequestRefused, TeacherIncapable, TeacherRefused
from rankmill.settings import Settings
from rankmill.space.encoder import Encoder, Kind, unit
from rankmill.spec import Machine, Spec
from rankmill.teachers.openai import OpenAI, Url, Variable
from rankmill.teachers.protocol import BadBody


class OpenAIEmbeddings(Spec):
    """A model served at `<endpoint>/embeddings`: OpenAI's, or vLLM, llama.cpp, TEI, Ollama.

    It is asked by the same client as teachers are: failures that may pass are tried again, and an
    endpoint that says when to come back is obeyed.

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

    # A URL may hold a password: no error may repeat what was given.
    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Literal["openai"] = "openai"
    model: str
    dimensions: int | None = Field(default=None, ge=1)
    query_prefix: str = ""
    document_prefix: str = ""
    endpoint: Url = Machine("https://api.openai.com/v1")
    api_key_env: Variable = Machine("OPENAI_API_KEY")
    batch: int = Machine(128, ge=1)
    tries: int = Machine(5, ge=1)
    timeout_seconds: float = Machine(60.0, gt=0)

    @property
    def weights(self) -> str:
        """Nothing: what an endpoint serves under a name, nobody here can know."""
        return ""

    @contextmanager
    def open(self, settings: Settings, say: Callable[[str], None]) -> Iterator[Encoder]:
        """Connect to the endpoint; leaving the context closes the connection."""
        del settings  # nothing is loaded here
        asked = OpenAI(
            model=self.model,
            endpoints=(self.endpoint,),
            api_key_env=self.api_key_env,
            tries=self.tries,
            timeout_seconds=self.timeout_seconds,
        )
        with asyncio.Runner() as runner:
            connection = asked.connection(say)
            sender = runner.run(connection.__aenter__())
            try:
                yield _Opened(spec=self, sender=sender, runner=runner)
            finally:
                runner.run(connection.__aexit__(None, None, None))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    spec: OpenAIEmbeddings
    sender: Any
    runner: asyncio.Runner

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
            parts.append(self.runner.run(self._ask(part)))
        return unit(np.concatenate(parts)) if parts else np.empty((0, 0), np.float32)

    async def _ask(self, texts: list[str]) -> NDArray[np.float32]:
        body: dict[str, Any] = {"input": texts}
        if self.spec.dimensions:
            body["dimensions"] = self.spec.dimensions

        def read(answer: Mapping[str, Any]) -> NDArray[np.float32]:
            return self._read(answer, len(texts))

        try:
            vectors: NDArray[np.float32] = await self.sender.ask("/embeddings", body, read)
        except RequestRefused as error:
            raise TeacherRefused(f"{self._place} rejects a text: {error}") from error
        return vectors

    def _read(self, answer: Mapping[str, Any], count: int) -> NDArray[np.float32]:
        try:
            items = sorted(_Answer.model_validate(answer).data, key=lambda item: item.index)
        except ValidationError as error:
            raise BadBody(f"{self._place}: the answer is not vectors") from error
        sizes = {len(item.embedding) for item in items}
        if [item.index for item in items] != list(range(count)) or len(sizes) != 1:
            raise TeacherIncapable(
                f"{self._place}: expected {count} vectors of one length, "
                f"found {len(items)} of lengths {sorted(sizes)}"
            )
        return np.array([item.embedding for item in items], dtype=np.float32)

    @property
    def _place(self) -> str:
        return f"embeddings of {self.spec.model} at {self.spec.endpoint}"


class _Item(BaseModel):
    index: int
    embedding: list[float]


class _Answer(BaseModel):
    """What we read of an answer."""

    data: list[_Item]
