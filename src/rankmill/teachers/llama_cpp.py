"""The embedded teacher: a GGUF model that llama.cpp runs inside this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rankmill.errors import ModelError
from rankmill.spec import Machine
from rankmill.teachers import weights
from rankmill.teachers.engine import Engine, Surroundings


class LlamaCpp(weights.Weighted):
    """A model in this process: no server, no key, no network once its weights are there.

    It gives true log-probabilities of prompts, and keeps the beginnings that prompts share.
    One request runs at a time; more in flight would be no faster.

    Attributes:
        model: A name that `rankmill models` lists, or the path of a file that ends in `.gguf`.
            A file's identity is its name, its size and a digest of samples of its bytes, so a
            dataset does not depend on the folder it lies in.
        context: Tokens that a prompt and its reply may have together.
        gpu_layers: Layers that run on a GPU, if llama.cpp was built for one; -1 for all.
        beginnings: How many prompts are remembered for their beginnings; one for each kind of
            prompt that a build mixes. Each takes memory for `context` tokens.
        batch: Tokens that go through the model together.
    """

    kind: Literal["llama_cpp"] = "llama_cpp"
    context: int = Field(default=4096, ge=256)
    gpu_layers: int = Machine(0, ge=-1)
    beginnings: int = Machine(4, ge=1)
    batch: int = Machine(256, ge=32)

    @asynccontextmanager
    async def open(self, where: Surroundings) -> AsyncIterator[Engine]:
        """Fetch the weights if need be, load them, and free them at the end.

        Raises:
            ModelError: The model is unknown, unreachable or unreadable, or llama.cpp is missing.
        """
        path = await asyncio.to_thread(weights.gguf, self.model, where)
        engine = await asyncio.to_thread(self._load, path, where.settings.cores)
        try:
            yield engine
        finally:
            engine.close()

    def _load(self, path: Path, threads: int) -> Any:  # noqa: ANN401 - its module needs llama.cpp
        try:
            from rankmill.teachers._embedded import Embedded
            from rankmill.teachers._llama_cpp import Model
        except ImportError as error:
            raise ModelError(
                f"teacher.kind llama_cpp: pip install 'rankmill[local]' ({error})"
            ) from error
        model = Model(
            path,
            context=self.context,
            threads=threads,
            gpu_layers=self.gpu_layers,
            slots=self.beginnings,
            batch=self.batch,
        )
        return Embedded(model)
