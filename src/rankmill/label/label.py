"""Candidate lists in, judgments out: one walk per list and trial, all at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import polars as pl

from rankmill.label.plans import Asked, Plan, Question, Refused, walk
from rankmill.label.view import View
from rankmill.prompts import Prompt, as_data
from rankmill.records import Malformed, Permutation, Query
from rankmill.tables import JUDGMENTS
from rankmill.teachers.engine import Send
from rankmill.together import together

_QUERY_LIMIT = 1000


async def label(
    view: View,
    prompt: Prompt,
    lists: Sequence[tuple[Query, Sequence[str]]],
    texts: Mapping[str, str],
    send: Send,
) -> pl.DataFrame:
    """Read every candidate list as `view` says.

    Args:
        view: How.
        prompt: The view's prompt.
        lists: Queries with their candidate docids, best first.
        texts: What the teacher sees of each document, by docid.
        send: Asks the view's teacher.

    Returns:
        JUDGMENTS: one row per question asked, valid or not.
    """
    reader = _Reader(view=view, prompt=prompt, texts=texts, send=send)
    walks = [
        reader.follow(query, trial, plan)
        for query, docids in lists
        for trial, plan in enumerate(view.plans(query.qid, docids))
    ]
    rows = chain.from_iterable(await together(walks))
    return pl.DataFrame(list(rows), schema=JUDGMENTS.columns, orient="row")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    view: View
    prompt: Prompt
    texts: Mapping[str, str]
    send: Send

    async def follow(self, query: Query, trial: int, plan: Plan) -> list[tuple[Any, ...]]:
        """Walk one plan; one row per question."""
        asked = await walk(plan, partial(self.ask, query, trial))
        where = (query.qid, self.view.name, trial)
        how = (self.prompt.fingerprint, self.view.teacher)
        return [
            (*where, step, self.view.strategy.kind, *_cells(one, self.view), *how, one.request)
            for step, one in enumerate(asked)
        ]

    async def ask(self, query: Query, trial: int, question: Question) -> Asked:
        """Put one question to the teacher."""
        words = as_data(query.text, limit=_QUERY_LIMIT)
        shown = [as_data(self.texts[d], limit=self.view.excerpt) for d in question.docids]
        request = self.view.strategy.request(self.prompt, words, shown)
        answer = await self.send(request, trial)
        if answer.reply is None:
            refused = Refused(detail=answer.refusal)
            return Asked(question=question, outcome=refused, request=answer.key)
        return Asked(
            question=question,
            outcome=self.view.strategy.read(question, answer.reply),
            request=answer.key,
            reasoning=answer.reply.reasoning,
        )


def _cells(asked: Asked, view: View) -> tuple[Any, ...]:
    """The columns from `shown` to `detail`."""
    ranked, scores, status, detail = None, None, "valid", ""
    match asked.outcome:
        case Permutation(ranked=docids):
            ranked = list(docids)
        case Malformed(reason=reason, detail=words):
            status, detail = "malformed", f"{reason}: {words}" if words else reason
        case Refused(detail=words):
            status, detail = "refused", words
        case score:
            scores = [score.value]
    shown, kind = list(asked.question.docids), view.strategy.score_kind
    return shown, ranked, scores, kind, asked.reasoning or None, status, detail
