"""Queries that need reasoning, with the reasoning."""

from collections.abc import Generator
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.generate.replies import read_object, read_text
from rankmill.generate.writing import (
    LIKELY,
    Answered,
    Ask,
    Cell,
    Draft,
    Plan,
    Prompts,
    Task,
    Unusable,
    Variables,
    Writing,
)
from rankmill.prompts import Prompt, as_data
from rankmill.records import Chat

_NAME = "hard_query"
_LONGEST = 2000
_Hard = tuple[Answered, str | Unusable]
_SCHEMA = (
    '{"type": "object", "properties": {"hard_query": {"type": "string"}}, '
    '"required": ["hard_query"], "additionalProperties": false}'
)


class Reasoning(Writing):
    """Ask for a hard query that makes sense on its own; then for the reasoning towards an answer.

    The second reply, in which the query is thought through, is the column `rewrite`. Hard queries
    are long: raise `queries.max_words` for them. A seed's segment is not heeded.

    Attributes:
        prompt: Name of the prompt file of the hard query; its reply is JSON.
        rewrite_prompt: Name of the prompt file of the rewrite.
        attempts: How often a hard query is asked for until the reply can be read.
        retry_temperature: Temperature from the second attempt on; at 0 it would be the first again.
        rewrite_tokens: Longest rewrite.

    Paper: Shao et al., "ReasonIR: Training Retrievers for Reasoning Tasks", 2025 (HQ). It repeats
    what cannot be read at temperature 0, and does not hold the reply to JSON.
    """

    rewriting: ClassVar[frozenset[str]] = frozenset({"query"})
    variables: ClassVar[frozenset[str]] = frozenset({"title", "document"})

    kind: Literal["reasoning"] = "reasoning"
    prompt: str = "queries/reasoning"
    rewrite_prompt: str = "queries/rewrite"
    kind_of_query: str = "reasoning"
    max_tokens: int = Field(default=160, ge=4)
    attempts: int = Field(default=2, ge=1)
    retry_temperature: float = Field(default=0.7, gt=0, le=2)
    rewrite_tokens: int = Field(default=256, ge=16)

    @property
    def calls(self) -> int:
        """The attempts, and the rewrite."""
        return self.attempts + 1

    @property
    def prompts(self) -> Variables:
        """Both."""
        return {self.prompt: self.variables, self.rewrite_prompt: self.rewriting}

    def plan(self, prompts: Prompts, task: Task) -> Plan:
        """Ask for the query until it can be read; then for the rewrite."""
        answer, query = yield from self._hard(prompts[self.prompt], task)
        if isinstance(query, Unusable):
            return query
        asked = Chat(
            messages=prompts[self.rewrite_prompt].messages(query=as_data(query, limit=_LONGEST)),
            max_tokens=self.rewrite_tokens,
            temperature=self.temperature,
        )
        rewritten = yield Ask(chat=asked, likely=4 * LIKELY)
        rewrite = read_text(rewritten.reply)
        if isinstance(rewrite, Unusable):
            return Unusable("no_rewrite", f"{rewrite.rule}: {rewrite.detail}")
        cell = Cell(kind=self.kind_of_query, lang=task.seed.document.lang or "")
        return Draft(answer=answer, text=query, cell=cell, rewrite=rewrite)

    def _hard(self, prompt: Prompt, task: Task) -> Generator[Ask, Answered, _Hard]:
        """The hard query and the reply it stands in, after as many attempts as there are."""
        messages = prompt.messages(**self.shown(task.seed.document))
        for attempt in range(self.attempts):
            chat = Chat(
                messages=messages,
                max_tokens=self.max_tokens,
                temperature=max(self.temperature, self.retry_temperature if attempt else 0.0),
                schema=_SCHEMA,
            )
            answer = yield Ask(chat=chat, likely=f'{{"{_NAME}": "{LIKELY}"}}', attempt=attempt)
            read = read_object(answer.reply, [_NAME])
            query = read if isinstance(read, Unusable) else read[_NAME]
            if isinstance(query, str):
                break
        return answer, query
