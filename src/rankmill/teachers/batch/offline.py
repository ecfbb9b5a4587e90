"""`vllm run-batch`: a file of requests in, a file of answers out, and no server."""

from asyncio import CancelledError, Lock
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rankmill.disk import storage
from rankmill.errors import TeacherUnavailable
from rankmill.spec import Spec
from rankmill.teachers._pool import Pool
from rankmill.teachers.batch.client import Batched, batches
from rankmill.teachers.batch.ledger import Entry
from rankmill.teachers.batch.program import Program
from rankmill.teachers.batch.spec import Batch
from rankmill.teachers.engine import NO_ATTENTION, Need, Surroundings
from rankmill.teachers.openai import OpenAI

_VERBATIM = "{{ messages[0]['content'] }}"


@asynccontextmanager
async def offline(
    teacher: Spec, client: OpenAI, how: Batch, program: Program, where: Surroundings
) -> AsyncIterator[Batched]:
    """Open a teacher that answers nothing but batches, on this machine.

    Args:
        teacher: Whose replies these are.
        client: In which words it is asked.
        how: What a batch is.
        program: What is run for each.
        where: Whose reply store.
    """
    pool = Pool(posts=(), patience=0.0, say=where.say)
    lacks: dict[Need, str] = {"attention": NO_ATTENTION}
    engine = Batched(client, pool, teacher=teacher, where=where, lacks=lacks, form=as_chat)
    async with batches(engine, how, Offline(program, where), where) as opened:
        yield opened


def as_chat(path: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A request for the log-probabilities of a prompt, as one for a conversation.

    `run-batch` knows no other path; a template that adds nothing makes the same tokens of it.
    """
    if path != "/completions":
        return path, body
    asked = {name: value for name, value in body.items() if name != "prompt"}
    verbatim = {
        "messages": [{"role": "user", "content": body["prompt"]}],
        "chat_template": _VERBATIM,
        "add_generation_prompt": False,
        "add_special_tokens": True,
    }
    return "/chat/completions", asked | verbatim


class Offline:
    """Runs a program for one batch after the other: two copies of a model may not fit."""

    def __init__(self, program: Program, where: Surroundings) -> None:
        self._program, self._say = program, where.say
        self._turn = Lock()

    @property
    def place(self) -> str:
        """The program's name."""
        return self._program.name

    async def carry(self, entry: Entry) -> None:
        """See `Service.carry`. A program that fails answers nothing, and its batch is dropped."""
        async with self._turn:
            count, log = entry.state.requests, self._program.log
            self._say(f"{self.place}: {count:,} requests, log in {log}")
            partial = entry.answers.with_suffix(".partial")
            try:
                await self._program.run(entry.input, partial, self._say)
            except TeacherUnavailable:
                entry.drop()
                raise
            except CancelledError:
                self._say(f"{self.place}: ended; the same command asks its {count:,} requests anew")
                raise
            with storage(partial):
                partial.replace(entry.answers)
