"""llama.cpp as a managed child process, asked through the same client as any other endpoint."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rankmill.spec import Machine
from rankmill.teachers import weights
from rankmill.teachers.engine import Engine, Surroundings
from rankmill.teachers.managed import ALIAS, installed, served, without
from rankmill.teachers.openai import Extra, OpenAI
from rankmill.teachers.serve import PORT, Server
from rankmill.teachers.serverlog import Phase

_OURS = without(
    {"--host", "--port", "--model", "-m", "--model-alias", "--alias", "-a"}
    | {"--api-key", "--api-key-file", "--api_key"}
)
_PHASES = (
    Phase(words="loading the weights", told=r"llama_model_load|load_tensors|load_model"),
    Phase(words="warming up", told=r"llama_context:|llama_kv_cache|warming up"),
)


class LlamaServer(weights.Weighted):
    """A GGUF model that a server of llama.cpp runs for as long as the build does.

    Unlike kind `llama_cpp` it is a process of its own: it may crash, and is started again; and
    llama.cpp's own `llama-server` answers several requests at once. Log-probabilities of prompts
    it does not give. Teachers of a recipe that differ only in `extra` share one server.

    Attributes:
        model: A name that `rankmill models` lists, or the path of a file that ends in `.gguf`,
            which is known by its name and a digest of samples of its bytes.
        context: Tokens that a prompt and its reply may have together.
        extra_arguments: Further arguments of the server.
        extra: Fields added to every request body.
        program: The binary `llama-server`; empty for the server that comes with llama-cpp-python.
        python: Interpreter that has llama-cpp-python[server]; empty for the one that runs this.
        gpu_layers: Layers that run on a GPU, if llama.cpp was built for one; -1 for all.
        slots: Requests that are answered at once, which `llama-server` alone can do. Each takes
            memory for `context` tokens.
        environment: Variables added to the server's environment.
        start_seconds: How long loading may take.
        timeout_seconds: The longest time that one answer may take.
        restarts: How often in a row the server is started again when it dies.
    """

    kind: Literal["llama_server"] = "llama_server"
    context: int = Field(default=4096, ge=256)
    extra_arguments: Annotated[tuple[str, ...], AfterValidator(_OURS)] = ()
    extra: Extra = Field(default_factory=dict)
    program: str = Machine("")
    python: str = Machine("")
    gpu_layers: int = Machine(0, ge=-1)
    slots: int = Machine(1, ge=1)
    environment: dict[str, str] = Machine({})
    start_seconds: float = Machine(600.0, gt=0)
    timeout_seconds: float = Machine(900.0, gt=0)
    restarts: int = Machine(3, ge=0)

    @model_validator(mode="after")
    def slots_need_the_program(self) -> Self:
        """Refuse slots where requests are answered one by one."""
        if self.slots > 1 and not self.program:
            raise ValueError("more than one slot needs a program: name the binary llama-server")
        return self

    @asynccontextmanager
    async def open(self, where: Surroundings) -> AsyncIterator[Engine]:
        """Fetch the weights if need be, start the server, and connect to it.

        Raises:
            ModelError: The model is unknown, unreachable or no GGUF file.
            TeacherUnavailable: llama.cpp is not installed, or its server does not come up.
        """
        if not self.program:
            await installed(
                self._interpreter,
                "llama_cpp",
                "pip install 'llama-cpp-python[server]' there, or name the binary llama-server in "
                "the teacher's program field",
            )
        path = await asyncio.to_thread(weights.gguf, self.model, where)
        server = self.server(path, folder=where.folder, threads=where.settings.cores)
        client = OpenAI(
            model=ALIAS,
            api_key_env="",
            concurrency=self.slots + 1,  # the next one is there when one is answered
            timeout_seconds=self.timeout_seconds,
            extra=self.extra,
        )
        async with served(server, client, where) as engine:
            yield engine

    @property
    def _interpreter(self) -> str:
        return self.python or sys.executable

    def server(self, path: Path, *, folder: Path, threads: int) -> Server:
        """The server of a GGUF file, which keeps its log in a folder."""
        run = self._program(path, threads) if self.program else self._module(path, threads)
        return Server(
            name=f"llama.cpp {path.stem}",
            command=(*run, "--host", "127.0.0.1", "--port", PORT, *self.extra_arguments),
            folder=folder,
            environment=self.environment,
            phases=_PHASES,
            start_seconds=self.start_seconds,
            restarts=self.restarts,
        )

    def _program(self, path: Path, threads: int) -> tuple[str, ...]:
        layers = 999 if self.gpu_layers < 0 else self.gpu_layers  # older ones know no -1
        return (
            *(self.program, "--model", str(path), "--alias", ALIAS),
            *("--ctx-size", str(self.context * self.slots), "--parallel", str(self.slots)),
            *("--threads", str(threads), "--n-gpu-layers", str(layers)),
        )

    def _module(self, path: Path, threads: int) -> tuple[str, ...]:
        return (
            *(self._interpreter, "-m", "llama_cpp.server", "--model", str(path)),
            *("--model_alias", ALIAS, "--n_ctx", str(self.context), "--logits_all", "true"),
            *("--n_threads", str(threads), "--n_gpu_layers", str(self.gpu_layers)),
        )
