"""Seed documents in, queries out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.generate.few_shot import FewShot
from rankmill.generate.rules import QueryRules, clean, near_duplicates
from rankmill.prompts import Prompt
from rankmill.records import Document, Rejection
from rankmill.spec import digest
from rankmill.tables import QUERIES
from rankmill.teachers.engine import Send
from rankmill.together import together

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One query that passed every rule which looks at it alone."""

    qid: str
    text: str
    source_docid: str
    request: str


async def write(
    how: FewShot, rules: QueryRules, prompt: Prompt, seeds: Sequence[Document], send: Send
) -> list[Written | Rejection]:
    """Ask for queries and judge each by itself.

    Returns:
        One entry per query asked for, in the order of the seeds. A rejection's id is the docid of
        the seed and the number of the query.
    """

    async def ask(seed: Document, trial: int) -> Written | Rejection:
        name = f"{seed.docid}/{trial + 1}"
        answer = await send(how.request(prompt, seed), trial)
        if answer.reply is None:
            return Rejection(id=name, rule="refused", detail=answer.refusal)
        if verdict := rules.judge(answer.reply, f"{seed.title}\n{seed.text}"):
            rule, number = verdict
            return Rejection(id=name, rule=rule, detail=f"{number}: {clean(answer.reply.text)}")
        text = clean(answer.reply.text)
        qid = "q" + digest(f"{seed.docid}\n{text}")[:12]
        return Written(qid=qid, text=text, source_docid=seed.docid, request=answer.key)

    return await together(ask(seed, trial) for seed in seeds for trial in range(how.per_document))


def distinct(
    written: Sequence[Written], rules: QueryRules, encode: Encode
) -> tuple[list[int], NDArray[np.float32], list[Rejection]]:
    """Keep one of every group of equal or nearly equal queries: the first.

    Returns:
        Places in `written` of the queries that are kept, their vectors, shape (kept, dimensions),
        and a rejection for each of the others.
    """
    first: dict[str, Written] = {}
    rejections, single = [], []
    for place, query in enumerate(written):
        folded = query.text.casefold().rstrip("?.! ")
        if folded in first:
            detail = f"same words as {first[folded].qid}: {query.text}"
            rejections.append(Rejection(id=query.qid, rule="duplicate", detail=detail))
        else:
            first[folded] = query
            single.append(place)
    vectors = encode([written[place].text for place in single])
    ids = [written[place].qid for place in single]
    similar = list(near_duplicates(ids, vectors, max_similarity=rules.max_similarity))
    out = {rejection.id for rejection in similar}
    keep = [row for row, qid in enumerate(ids) if qid not in out]
    return [single[row] for row in keep], vectors[keep], rejections + similar


def table(
    written: Sequence[Written],
    where: Mapping[str, tuple[int, str]],
    how: FewShot,
    prompt: Prompt,
) -> pl.DataFrame:
    """QUERIES of the queries that are kept; `where` gives cluster and split by docid."""
    rows = [
        (
            query.qid,
            query.text,
            how.kind_of_query,
            query.source_docid,
            *where[query.source_docid],
            prompt.fingerprint,
            how.teacher,
            query.request,
        )
        for query in written
    ]
    return pl.DataFrame(rows, schema=QUERIES.columns, orient="row")
