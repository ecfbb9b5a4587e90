"""Teachers whose servers are the build's own: started for them, and asked like any endpoint."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from rankmill.errors import TeacherUnavailable
from rankmill.teachers.engine import Engine, Surroundings
from rankmill.teachers.openai import OpenAI, Place
from rankmill.teachers.serve import Server

ALIAS = "teacher"
"""What a server of ours is told to call its model."""

_SECONDS_TO_LOOK = 60
_LOOK = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"


@asynccontextmanager
async def served(server: Server, client: OpenAI, where: Surroundings) -> AsyncIterator[Engine]:
    """A client of a server that runs for as long as somebody here needs it.

    Args:
        server: What is run; a teacher before this one may have started it.
        client: How it is asked; it knows the model as `ALIAS`.
        where: Whose server it is.

    Raises:
        TeacherUnavailable: The server does not come up.
    """
    from rankmill.teachers._openai import connect

    async with where.servers.running(server, where.say) as running:
        place = Place(url=running.url)
        async with connect(client, (place,), where.say, recover=running.recover) as engine:
            yield engine


async def installed(interpreter: str, module: str, otherwise: str) -> None:
    """Make sure that an interpreter has a module, without importing it.

    Args:
        interpreter: A Python.
        module: A top-level one.
        otherwise: What to do when it has not.

    Raises:
        TeacherUnavailable: It has not, or it cannot be run.
    """
    try:
        found = await asyncio.to_thread(
            subprocess.run,
            [interpreter, "-c", _LOOK, module],
            capture_output=True,
            check=False,
            timeout=_SECONDS_TO_LOOK,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TeacherUnavailable(
            f"{module}: cannot run the interpreter {interpreter}: {error}"
        ) from error
    if found.returncode:
        raise TeacherUnavailable(f"{module} is not installed for {interpreter}: {otherwise}")


def without(ours: Collection[str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """A check that further arguments of a server leave alone what rankmill decides."""

    def check(arguments: tuple[str, ...]) -> tuple[str, ...]:
        given = {argument.partition("=")[0].replace("_", "-") for argument in arguments}
        if taken := sorted(given & set(ours)):
            raise ValueError(f"rankmill itself decides about {', '.join(taken)}")
        return arguments

    return check
