"""Seed documents in, queries out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from rankmill.generate.rules import QueryRules, clean
from rankmill.generate.writing import Answered, Draft, Prompts, Task, Unusable, Writing
from rankmill.generate.written import Written
from rankmill.records import Rejection
from rankmill.spec import digest
from rankmill.tables import QUERIES
from rankmill.teachers.engine import Send
from rankmill.together import together

Found = Written | Rejection


async def write(
    how: Writing,
    tasks: Sequence[Task | Rejection],
    rules: QueryRules,
    prompts: Prompts,
    send: Send,
    *,
    before: int = 0,
) -> list[Found]:
    """Follow the plans of all tasks side by side, and judge each query by itself.

    Args:
        how: The writer.
        tasks: What it is to write.
        rules: What a query must be.
        prompts: The prompts of the writer, by name.
        send: Sends a request to the writer's teacher.
        before: How many queries of each seed earlier writers were asked for.

    Returns:
        One entry per task, in order. A rejection's id is the docid of the seed and the number of
        the query, counted over all writers.
    """

    async def follow(task: Task | Rejection) -> Found:
        if isinstance(task, Rejection):
            return task
        name = f"{task.seed.document.docid}/{before + task.number + 1}"
        draft = await _drafted(how, task, prompts, send)
        if isinstance(draft, Unusable):
            return Rejection(id=name, rule=draft.rule, detail=draft.detail)
        reply = replace(draft.answer.reply, text=draft.text)
        if verdict := rules.judge(reply, task.text):
            rule, number = verdict
            return Rejection(id=name, rule=rule, detail=f"{number}: {clean(draft.text)}")
        return _written(how, task, draft, prompts)

    return await together(follow(task) for task in tasks)


async def _drafted(how: Writing, task: Task, prompts: Prompts, send: Send) -> Draft | Unusable:
    """Walk a plan to its end, or to a request that the endpoint refuses."""
    plan = how.plan(prompts, task)
    ask = next(plan)
    while True:
        trial = 0 if ask.shared else task.number + ask.attempt * how.per_document
        answer = await send(ask.chat, trial)
        if answer.reply is None:
            plan.close()
            return Unusable("refused", answer.refusal)
        try:
            ask = plan.send(Answered(answer.reply, answer.key))
        except StopIteration as ended:
            draft: Draft | Unusable = ended.value
            return draft


def _written(how: Writing, task: Task, draft: Draft, prompts: Prompts) -> Written:
    text, seed, cell = clean(draft.text), task.seed, draft.cell
    marked = seed if how.marks else None
    return Written(
        qid="q" + digest(f"{seed.document.docid}\n{text}")[:12],
        text=text,
        kind=cell.kind,
        source_docid=seed.document.docid,
        prompt=prompts[how.prompt].fingerprint,
        teacher=how.teacher,
        request=draft.answer.request,
        lang=cell.lang or None,
        persona=cell.persona or None,
        difficulty=cell.difficulty or None,
        length=cell.length or None,
        segment=marked.segment if marked else None,
        start=marked.start if marked else None,
        end=marked.end if marked else None,
        related_docid=task.related.docid if task.related else None,
        rewrite=draft.rewrite,
    )


def table(written: Sequence[Written], where: Mapping[str, tuple[int, str]]) -> pl.DataFrame:
    """QUERIES of the queries that are kept; `where` gives cluster and split by qid."""
    rows = [
        (
            query.qid,
            query.text,
            query.kind,
            query.source_docid,
            *where[query.qid],
            query.prompt,
            query.teacher,
            query.request,
            query.lang,
            query.persona,
            query.difficulty,
            query.length,
            query.segment,
            query.start,
            query.end,
            query.related_docid,
            query.rewrite,
            list(query.answer_docids) or None,
        )
        for query in written
    ]
    return QUERIES.frame(rows)
