"""vLLM as a managed child process, asked through the same client as any other endpoint."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rankmill.spec import Machine
from rankmill.teachers import weights
from rankmill.teachers.batch.program import Program
from rankmill.teachers.batch.spec import Batching
from rankmill.teachers.engine import Engine, Surroundings
from rankmill.teachers.managed import ALIAS, installed, served, without
from rankmill.teachers.openai import Extra, OpenAI
from rankmill.teachers.serve import PORT, Server
from rankmill.teachers.serverlog import Phase

_OURS = without({"--host", "--port", "--uds", "--model", "--served-model-name", "--api-key"})
_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
_PHASES = (
    Phase(words="downloading the weights", told=r"Fetching \d+ files|\.(safetensors|bin): +\d+%"),
    Phase(words="loading the weights", told=r"Starting to load model|Loading .*(shards|weights)"),
    Phase(words="compiling", told=r"Starting torch\.compile|Dynamo bytecode|Compiling |compiled"),
    Phase(words="capturing CUDA graphs", told=r"Capturing .*CUDA graphs|Graph capturing"),
    Phase(words="warming up", told=r"Warming up|warmup run|KV cache (size|memory)"),
    Phase(words="reading the model's configuration", told=r"non-default args"),
    Phase(words="starting the engine", told=r"Initializing .*LLM engine"),
)


class Vllm(weights.Weighted):
    """A model that vLLM serves on this machine for as long as the build runs.

    Teachers of a recipe that differ only in `extra` and `concurrency` share one server.

    Paper: Kwon et al., "Efficient Memory Management for Large Language Model Serving with
    PagedAttention", SOSP 2023.

    Attributes:
        model: Name on the hub, or a folder with weights, which is known by its name and a digest
            of samples of its files.
        revision: Commit or branch on the hub.
        dtype: Number format of the weights in use, in vLLM's words.
        context: Tokens of prompt and answer together.
        extra_arguments: Further arguments of vLLM's server, such as `--quantization=fp8`. They
            come last, so they overrule all others: `--generation-config=auto` brings back the
            sampling that a model's makers put beside it, penalties included.
        extra: Fields added to every request body.
        python: Interpreter that has vLLM; empty for the one that runs this.
        tensor_parallel: GPUs that one copy of the model is spread over.
        data_parallel: Copies of the model, each on GPUs of its own, behind one server.
        prefix_caching: Whether the beginnings that prompts share are computed once.
        environment: Variables added to the server's environment.
        concurrency: Requests in flight at once.
        batch: Whether requests are answered by the file, by `vllm run-batch`, and no server runs.
            `true`, or a table with the limits of a file.
        start_seconds: How long loading may take.
        timeout_seconds: The longest time that one answer may take.
        restarts: How often in a row the server is started again when it dies.
    """

    kind: Literal["vllm"] = "vllm"
    revision: str = ""
    dtype: str = "auto"
    context: int = Field(default=8192, ge=128)
    extra_arguments: Annotated[tuple[str, ...], AfterValidator(_OURS)] = ()
    extra: Extra = Field(default_factory=dict)
    python: str = Machine("")
    tensor_parallel: int = Machine(1, ge=1)
    data_parallel: int = Machine(1, ge=1)
    prefix_caching: bool = Machine(True)
    environment: dict[str, str] = Machine({})
    concurrency: int = Machine(64, ge=1)
    batch: Batching = Machine(None)
    start_seconds: float = Machine(1200.0, gt=0)
    timeout_seconds: float = Machine(900.0, gt=0)
    restarts: int = Machine(3, ge=0)

    @asynccontextmanager
    async def open(self, where: Surroundings) -> AsyncIterator[Engine]:
        """Start the server, or join a teacher that has, and connect to it.

        Raises:
            ModelError: `model` is the path of a folder that is not there.
            TeacherUnavailable: vLLM is not installed, or its server does not come up.
        """
        server = self.server(where.folder)
        await installed(
            self._interpreter,
            "vllm",
            "install rankmill[gpu] there, or name an interpreter that has it in the teacher's "
            "python field",
        )
        client = OpenAI(
            model=ALIAS,
            api_key_env="",
            concurrency=self.concurrency,
            timeout_seconds=self.timeout_seconds,
            extra=self.extra,
        )
        if self.batch:
            from rankmill.teachers.batch.offline import offline

            async with offline(self, client, self.batch, self._program(server), where) as engine:
                yield engine
        else:
            async with served(server, client, where) as engine:
                yield engine

    @property
    def _interpreter(self) -> str:
        return self.python or sys.executable

    def server(self, folder: Path) -> Server:
        """The server of this model, which keeps its log in a folder.

        Raises:
            ModelError: `model` is the path of a folder that is not there.
        """
        return Server(
            name=f"vllm {Path(self.model).name}",
            command=(
                *(self._interpreter, "-m", "vllm.entrypoints.openai.api_server"),
                *("--host", "127.0.0.1", "--port", PORT, "--disable-uvicorn-access-log"),
                *self._arguments(),
            ),
            folder=folder,
            environment={**_QUIET, **self.environment},
            phases=_PHASES,
            start_seconds=self.start_seconds,
            restarts=self.restarts,
        )

    def _program(self, server: Server) -> Program:
        """What answers batches in the place of a server."""
        return Program(
            name=f"{server.name} run-batch",
            command=(
                *(self._interpreter, "-m", "vllm.entrypoints.openai.run_batch"),
                "--trust-request-chat-template",
                *self._arguments(),
            ),
            log=server.log.with_suffix(".batch.log"),
            environment=server.environment,
            phases=server.phases,
            silent_seconds=self.start_seconds,
        )

    def _arguments(self) -> tuple[str, ...]:
        """What vLLM is told of the model, as a server or for a batch."""
        path = weights.local(self.model)
        revision = ("--revision", self.revision) if self.revision and not path else ()
        return (
            *("--model", str(path or self.model), *revision, "--served-model-name", ALIAS),
            *("--dtype", self.dtype, "--max-model-len", str(self.context)),
            *("--tensor-parallel-size", str(self.tensor_parallel)),
            *("--data-parallel-size", str(self.data_parallel)),
            f"--{'' if self.prefix_caching else 'no-'}enable-prefix-caching",
            "--enable-prompt-tokens-details",
            *("--generation-config", "vllm"),
            *self.extra_arguments,
        )
