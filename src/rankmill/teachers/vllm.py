"""vLLM as a managed child process, asked through the same client as any other endpoint."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field

from rankmill.errors import TeacherUnavailable
from rankmill.spec import Machine, Spec
from rankmill.teachers.engine import Engine, Surroundings
from rankmill.teachers.openai import Extra, OpenAI
from rankmill.teachers.serve import PORT, Server

_NAME = "teacher"
_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
_FIND = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"


class Vllm(Spec):
    """A model that vLLM serves on this machine for as long as the build runs.

    Paper: Kwon et al., "Efficient Memory Management for Large Language Model Serving with
    PagedAttention", SOSP 2023.

    Attributes:
        model: Name on the hub, or a folder with weights.
        revision: Commit or branch on the hub; of a folder, whatever tells its weights from others
            that were there before. Replies are kept by name and revision.
        dtype: Number format of the weights in use, in vLLM's words.
        context: Tokens of prompt and answer together.
        extra_arguments: Further arguments of vLLM's server, such as `--quantization=fp8`.
        extra: Fields added to every request body.
        python: Interpreter that has vLLM; empty for the one that runs this.
        tensor_parallel: GPUs that one copy of the model is spread over.
        environment: Variables added to the server's environment.
        concurrency: Requests in flight at once.
        start_seconds: How long loading may take.
    """

    kind: Literal["vllm"] = "vllm"
    model: str = Field(min_length=1)
    revision: str = ""
    dtype: str = "auto"
    context: int = Field(default=8192, ge=128)
    extra_arguments: tuple[str, ...] = ()
    extra: Extra = Field(default_factory=dict)
    python: str = Machine("")
    tensor_parallel: int = Machine(1, ge=1)
    environment: dict[str, str] = Machine({})
    concurrency: int = Machine(64, ge=1)
    start_seconds: float = Machine(1200.0, gt=0)

    @asynccontextmanager
    async def open(self, where: Surroundings) -> AsyncIterator[Engine]:
        """Start the server, wait until it answers, and connect to it.

        Raises:
            TeacherUnavailable: vLLM is not installed, or its server does not come up.
        """
        await asyncio.to_thread(self._find)
        async with self._server(where.folder).running(where.say) as url:
            client = OpenAI(
                model=_NAME,
                endpoints=(url,),
                api_key_env="",
                concurrency=self.concurrency,
                extra=self.extra,
            )
            async with client.open(where) as engine:
                yield engine

    @property
    def _interpreter(self) -> str:
        return self.python or sys.executable

    def _find(self) -> None:
        try:
            found = subprocess.run([self._interpreter, "-c", _FIND], check=False, timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TeacherUnavailable(
                f"vllm: cannot run the interpreter {self._interpreter}: {error}"
            ) from error
        if found.returncode:
            raise TeacherUnavailable(
                f"vllm is not installed for {self._interpreter}: install rankmill[gpu] there, or "
                "name an interpreter that has it in the teacher's python field"
            )

    def _server(self, folder: Path) -> Server:
        local = Path(self.model).is_dir()
        model = str(Path(self.model).resolve()) if local else self.model
        revision = ("--revision", self.revision) if self.revision and not local else ()
        return Server(
            name=f"vllm {Path(self.model).name}",
            command=(
                *(self._interpreter, "-m", "vllm.entrypoints.openai.api_server"),
                *("--host", "127.0.0.1", "--port", PORT),
                *("--model", model, *revision, "--served-model-name", _NAME),
                *("--dtype", self.dtype, "--max-model-len", str(self.context)),
                *("--tensor-parallel-size", str(self.tensor_parallel)),
                *self.extra_arguments,
            ),
            log=folder / f"vllm-{self.fingerprint}.log",
            environment={**_QUIET, **self.environment},
            start_seconds=self.start_seconds,
        )
