"""Candidate lists in, judgments out: one walk per list and trial, all at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import polars as pl

from rankmill.label.plans import Asked, Plan, Question, Refused, walk
from rankmill.label.view import View
from rankmill.prompts import Prompt, as_data
from rankmill.records import Malformed, Permutation, Query, Request
from rankmill.tables import JUDGMENTS
from rankmill.teachers.engine import Answer
from rankmill.together import together

Send = Callable[[Request, int], Awaitable[Answer]]
"""Sends a request of the given trial to the view's teacher."""

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

    async def ask(query: Query, trial: int, question: Question) -> Asked:
        shown = [as_data(texts[docid], limit=view.excerpt) for docid in question.docids]
        request = view.strategy.request(prompt, as_data(query.text, limit=_QUERY_LIMIT), shown)
        answer = await send(request, trial)
        if answer.reply is None:
            refused = Refused(detail=answer.refusal)
            return Asked(question=question, outcome=refused, request=answer.key)
        return Asked(
            question=question,
            outcome=view.strategy.read(question, answer.reply),
            request=answer.key,
            reasoning=answer.reply.reasoning,
        )

    async def follow(query: Query, trial: int, plan: Plan) -> list[tuple[Any, ...]]:
        asked = await walk(plan, partial(ask, query, trial))
        where = (query.qid, view.name, trial)
        how = (prompt.fingerprint, view.teacher)
        return [_row(where, step, one, view, how) for step, one in enumerate(asked)]

    walks = [
        follow(query, trial, plan)
        for query, docids in lists
        for trial, plan in enumerate(view.plans(query.qid, docids))
    ]
    rows = chain.from_iterable(await together(walks))
    return pl.DataFrame(list(rows), schema=JUDGMENTS.columns, orient="row")


def _row(
    where: tuple[str, str, int], step: int, asked: Asked, view: View, how: tuple[str, str]
) -> tuple[Any, ...]:
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
    return (
        *where,
        step,
        view.strategy.kind,
        list(asked.question.docids),
        ranked,
        scores,
        view.strategy.score_kind,
        asked.reasoning or None,
        status,
        detail,
        *how,
        asked.request,
    )
