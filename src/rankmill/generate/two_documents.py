"""Queries that take two documents to answer."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rankmill.generate.writing import (
    Cell,
    Draft,
    Ground,
    Plan,
    Prompts,
    Seed,
    Task,
    Variables,
    Writing,
)
from rankmill.records import Rejection


class TwoDocuments(Writing):
    """Show a seed and a document near to it, and ask for one query that needs both.

    The second document is in the seed's split and among the nearest by their vectors, but says
    something else. Both are the query's known answer. A seed's segment is not heeded.

    Attributes:
        per_document: Queries asked for per seed, each with another second document.
        min_similarity: Least cosine similarity of the two.
        max_similarity: The similarity from which on they say the same.
    """

    variables: ClassVar[frozenset[str]] = frozenset(
        {"title", "document", "second_title", "second_document"}
    )

    kind: Literal["two_documents"] = "two_documents"
    prompt: str = "queries/two_documents"
    kind_of_query: str = "two_documents"
    min_similarity: float = Field(default=0.4, ge=-1, le=1)
    max_similarity: float = Field(default=0.9, ge=-1, le=1)

    @model_validator(mode="after")
    def _there_is_something_between(self) -> Self:
        if self.min_similarity >= self.max_similarity:
            raise ValueError(
                f"min_similarity {self.min_similarity} leaves nothing below max_similarity "
                f"{self.max_similarity}"
            )
        return self

    @property
    def prompts(self) -> Variables:
        """One."""
        return {self.prompt: self.variables}

    def tasks(self, seeds: Sequence[Seed], ground: Ground) -> list[Task | Rejection]:
        """Each with a second document; without one there is no such query."""
        between = (self.min_similarity, self.max_similarity)
        found: list[Task | Rejection] = []
        for seed, near in zip(
            seeds, ground.related(seeds, between, self.per_document), strict=True
        ):
            found += [
                Task(seed=seed, number=number, related=related)
                for number, related in enumerate(near)
            ]
            found += [
                Rejection(
                    id=f"{seed.document.docid}/{number + 1}",
                    rule="no_related_document",
                    detail=f"{len(near)} of cosine {self.min_similarity} to {self.max_similarity} "
                    f"in its split, expected {self.per_document}",
                )
                for number in range(len(near), self.per_document)
            ]
        return found

    def plan(self, prompts: Prompts, task: Task) -> Plan:
        """Ask for one query that needs both documents."""
        if task.related is None:
            raise ValueError(f"{task.seed.document.docid}: expected a second document")
        second = self.shown(task.related)
        messages = prompts[self.prompt].messages(
            **self.shown(task.seed.document),
            second_title=second["title"],
            second_document=second["document"],
        )
        answer = yield self.ask(messages)
        cell = Cell(kind=self.kind_of_query, lang=task.seed.document.lang or "")
        return Draft(answer=answer, text=answer.reply.text, cell=cell)
