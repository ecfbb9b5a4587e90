"""The open teacher: a model in this process whose attention can be read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from pydantic import Field

from rankmill import models
from rankmill.errors import ModelError
from rankmill.teachers import weights
from rankmill.teachers.engine import Engine, Surroundings


class Transformers(weights.Weighted):
    """A model that the transformers library runs, on the GPU when there is one.

    It shows attention, which no server does, and answers nothing else. One request runs at a time.

    Attributes:
        model: A name that `rankmill models` lists, the path of a file that ends in `.gguf`, a
            folder, or a hub model's `owner/name`. A GGUF file is unpacked to `dtype` in memory.
            A file's or folder's identity is its name and a digest of samples of its bytes.
        revision: Branch, tag or commit of a hub model.
        context: Tokens that a prompt may have.
    """

    kind: Literal["transformers"] = "transformers"
    revision: str = "main"
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    context: int = Field(default=8192, ge=256)

    @asynccontextmanager
    async def open(self, where: Surroundings) -> AsyncIterator[Engine]:
        """Fetch the weights if need be, load them, and free them at the end.

        Raises:
            ModelError: The model is unknown, unreachable or unreadable, or transformers is missing.
        """
        source = await asyncio.to_thread(self._source, where)
        engine = await asyncio.to_thread(self._load, source, where.settings.cores)
        try:
            yield engine
        finally:
            engine.close()

    def _source(self, where: Surroundings) -> str:
        """A file, a folder, or a hub model's name."""
        if path := weights.local(self.model):
            return str(path)
        if "/" in self.model:
            where.say(f"loading {self.model} from the Hugging Face hub")
            return self.model
        if models.find(self.model).role != "teacher":
            raise ModelError(f"teacher.model: {self.model} is no teacher but an embedder")
        return str(models.fetch(self.model, where.settings.cache, say=where.say))

    def _load(self, source: str, threads: int) -> Any:  # noqa: ANN401 - its module needs torch
        try:
            from rankmill.teachers._attention import Attentive, load
        except ImportError as error:
            raise ModelError(
                f"teacher.kind transformers: pip install 'rankmill[local]' ({error})"
            ) from error
        model, tokenizer = load(source, revision=self.revision, dtype=self.dtype, threads=threads)
        return Attentive(model, tokenizer, context=self.context)
