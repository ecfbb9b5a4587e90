"""What a writer would ask, before the corpus has vectors or a teacher has said a word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rankmill.generate.writing import Answered, Ask, Prompts, Seed, Task, Writing
from rankmill.records import Document, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A ground on which everything is near everything: documents as they come."""

    base: Path
    documents: Sequence[Document]

    def nearest(self, texts: Sequence[str], seeds: Sequence[Seed], most: int) -> list[list[int]]:
        """The first texts."""
        return [list(range(min(most, len(texts)))) for _ in seeds]

    def related(
        self, seeds: Sequence[Seed], between: tuple[float, float], most: int
    ) -> list[list[Document]]:
        """The documents that come after a seed, and after the last one the first."""
        turned = (*self.documents, *self.documents)
        return [list(turned[place + 1 : place + 1 + most]) for place in range(len(seeds))]


def likely(how: Writing, prompts: Prompts, documents: Sequence[Document], base: Path) -> list[Ask]:
    """Every request that a writer would make for some documents, were replies as it expects."""
    seeds = [Seed(document=document, cluster=0) for document in documents]
    tasks = how.tasks(seeds, Guess(base=base, documents=documents))
    return [ask for task in tasks if isinstance(task, Task) for ask in _asked(how, prompts, task)]


def _asked(how: Writing, prompts: Prompts, task: Task) -> Iterator[Ask]:
    plan = how.plan(prompts, task)
    ask = next(plan)
    while True:
        yield ask
        try:
            ask = plan.send(Answered(Reply(text=ask.likely)))
        except StopIteration:
            return
