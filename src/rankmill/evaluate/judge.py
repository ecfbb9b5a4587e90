"""A test collection's lists to judgments, one view at a time, and what they cost."""

import time
from collections.abc import Mapping

import polars as pl

from rankmill.build import Build
from rankmill.depends import REVISION, prompt_of, teacher_of
from rankmill.evaluate.collection import Collection
from rankmill.evaluate.figures import Cost
from rankmill.label.label import ASK_AGAIN, Prompts
from rankmill.label.label import label as read_lists
from rankmill.label.view import View
from rankmill.records import Reply, Request
from rankmill.report import StageReport
from rankmill.tables import JUDGMENTS, Table
from rankmill.tablestore import Draft, Output, once
from rankmill.teachers.budget import Account
from rankmill.teachers.engine import Answer, Send
from rankmill.trials import Lists, unsure

COSTS = Table(
    name="costs",
    key=(),
    columns={
        "calls": pl.Int64,
        "tokens_in": pl.Int64,
        "tokens_out": pl.Int64,
        "money": pl.Float64,
        "timed_calls": pl.Int64,
        "seconds": pl.Float64,
    },
    nullable=frozenset({"money"}),
)


def judge(build: Build, collection: Collection, view: View, before: Mapping[str, Output]) -> Output:
    """JUDGMENTS and COSTS of one view; `before` holds those of the views that it waits for."""
    cheap = [v for v in build.recipe.views if view.where and v.name in view.where.views]

    def make(draft: Draft) -> StageReport:
        lists: Lists = collection.lists
        if view.where:
            judged = pl.concat([before[v.name].read(JUDGMENTS) for v in cheap])
            lists = unsure(view, cheap, lists, judged)
        send = _Metered(
            build, view, len(lists) * view.calls(max(map(len, lists.values()), default=0))
        )
        judgments = build.teachers.run(
            read_lists(
                view,
                Prompts(ask=build.prompt(view.prompt), again=build.prompt(ASK_AGAIN)),
                [(collection.queries[qid], docids) for qid, docids in lists.items()],
                collection.texts,
                send,
            )
        )
        draft.write(JUDGMENTS, judgments.sort(JUDGMENTS.key))
        draft.write(COSTS, pl.DataFrame([send.costs], schema=COSTS.columns, orient="row"))
        return StageReport(stage=stage, read=len(judgments), written=len(judgments))

    stage = f"bench-{view.name}"
    depends = {
        "collection": collection.fingerprint,
        "view": view.fingerprint,
        "revision": REVISION,
        **prompt_of(build, view.prompt),
        **(prompt_of(build, ASK_AGAIN) if view.corrections else {}),
        **teacher_of(build, view.teacher),
        **{v.name: before[v.name].key for v in cheap},
    }
    return once(build.tables, stage, depends, make)


class _Metered:
    """Sends a view's requests and counts what they cost, however old the replies are."""

    def __init__(self, build: Build, view: View, total: int) -> None:
        self._send: Send = build.sender(view.teacher, f"bench {view.name}", total)
        self._build, self._teacher = build, view.teacher
        self._spent = Account(build.teachers.accounts[view.teacher].price)
        self._before = build.teachers.meters[view.teacher]
        self._began = time.monotonic()

    async def __call__(self, request: Request, trial: int) -> Answer:
        answer = await self._send(request, trial)
        self._spent.tally.add(answer.reply or Reply())
        return answer

    @property
    def costs(self) -> tuple[int, int, int, float | None, int, float]:
        """A row of COSTS."""
        now, spent = self._build.teachers.meters[self._teacher], self._spent.tally
        counts = (spent.calls, spent.tokens_in, spent.tokens_out, self._spent.money)
        return (*counts, now.calls - self._before.calls, time.monotonic() - self._began)


def cost(output: Output) -> Cost:
    """What `judge` spent."""
    (row,) = output.read(COSTS).iter_rows(named=True)
    timed, seconds = row.pop("timed_calls"), row.pop("seconds")
    return Cost(**row, seconds=seconds / timed * row["calls"] if timed else None)
