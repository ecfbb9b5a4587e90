"""Candidate lists in, judgments out: one walk per list and trial, all at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import polars as pl

from rankmill.label.plans import Asked, Question, Refused, Walk, Words, walk
from rankmill.label.rows import cells
from rankmill.label.view import View
from rankmill.prompts import Prompt, as_data
from rankmill.readings import Malformed
from rankmill.records import Chat, Message, Query, Reply, Request
from rankmill.tables import JUDGMENTS
from rankmill.teachers.engine import Send
from rankmill.together import together

ASK_AGAIN = "labels/ask_again"
"""The prompt that shows a teacher what is wrong with its reply."""

QUERY_LIMIT = 1000
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The words of a view: what it asks, and how it asks again for what it could not read."""

    ask: Prompt
    again: Prompt


async def label(
    view: View,
    prompts: Prompts,
    lists: Sequence[tuple[Query, Sequence[str]]],
    texts: Mapping[str, str],
    send: Send,
) -> pl.DataFrame:
    """Read candidate lists as `view` says.

    Args:
        view: How.
        prompts: The view's words.
        lists: Queries with their candidate docids, best first.
        texts: What the teacher sees of each document, by docid.
        send: Asks the view's teacher.

    Returns:
        JUDGMENTS: one row per question asked, valid or not.
    """
    reader = _Reader(view=view, prompts=prompts, texts=texts, send=send)
    rows = await together(reader.read(query, docids) for query, docids in lists)
    return pl.DataFrame(list(chain(*rows)), schema=JUDGMENTS.columns, orient="row")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    view: View
    prompts: Prompts
    texts: Mapping[str, str]
    send: Send

    async def read(self, query: Query, docids: Sequence[str]) -> list[Row]:
        """Walk trial after trial, until the view's are done or have decided the list."""
        rows: list[Row] = []
        rankings = []
        for batch in self.view.batches():
            walks = await together(self.follow(query, docids, trial) for trial in batch)
            for trial, one in zip(batch, walks, strict=True):
                rows += self.rows(query, trial, one)
            rankings += [one.ranking for one in walks if one.ranking]
            if self.view.decided(rankings):
                break
        return rows

    async def follow(self, query: Query, docids: Sequence[str], trial: int) -> Walk:
        """Walk one trial's plan."""
        return await walk(self.view.plan(query.qid, docids, trial), partial(self.ask, query, trial))

    def rows(self, query: Query, trial: int, one: Walk) -> list[Row]:
        """One row per question."""
        strategy = self.view.strategy
        how = (self.prompts.ask.fingerprint, self.view.teacher)
        rows = []
        for step, asked in enumerate(one.asked):
            outcome = cells(asked)
            shown = list(asked.question.docids)
            said = (asked.reasoning or None, outcome.status, outcome.detail)
            where = (query.qid, self.view.name, trial, step, strategy.asks)
            score_kind = strategy.score_kind if outcome.scores else None
            read = (shown, outcome.ranked, outcome.scores, score_kind)
            rows.append((*where, *read, *said, *how, asked.request))
        return rows

    async def ask(self, query: Query, trial: int, question: Question) -> list[Asked]:
        """Put one question to the teacher, and again if its reply is malformed."""
        words = Words(
            query=as_data(query.text, limit=QUERY_LIMIT),
            documents=[as_data(self.texts[d], limit=self.view.excerpt) for d in question.docids],
            answer=as_data(query.answer, limit=self.view.excerpt),
        )
        request = self.view.strategy.request(self.prompts.ask, words)
        asked: list[Asked] = []
        for _ in range(self.view.corrections + 1):
            one, reply = await self._put(question, request, trial)
            if not isinstance(one.outcome, Malformed) or reply is None:
                return [*asked, one]
            asked.append(replace(one, again=True))
            request = self._again(request, reply, one.outcome)
        return [*asked[:-1], replace(asked[-1], again=False)]

    async def _put(
        self, question: Question, request: Request, trial: int
    ) -> tuple[Asked, Reply | None]:
        drawn = isinstance(request, Chat) and request.temperature > 0
        answer = await self.send(request, trial if drawn else 0)
        if answer.reply is None:
            refused = Refused(detail=answer.refusal)
            return Asked(question=question, outcome=refused, request=answer.key), None
        reply = answer.reply
        outcome = self.view.strategy.read(question, reply)
        thought = reply.reasoning
        return (
            Asked(question=question, outcome=outcome, request=answer.key, reasoning=thought),
            reply,
        )

    def _again(self, request: Request, reply: Reply, fault: Malformed) -> Request:
        """The same conversation, with the reply and what is wrong with it."""
        if not isinstance(request, Chat):
            return request
        turns = self.prompts.again.messages(
            fault=f"{fault.reason}: {fault.detail}".replace("_", " "),
            form=self.prompts.ask.front["output"],
        )
        said = Message(role="assistant", content=reply.text)
        return replace(request, messages=(*request.messages, said, *turns))
