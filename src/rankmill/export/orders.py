"""The orders that teachers gave, held against the consensus that they led to."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from rankmill.export.curriculum import of_equal_length
from rankmill.export.parts import Labelled, Part
from rankmill.export.ranks import shown

ASKED = ("qid", "view", "trial", "step")
_TAGS = r"</?(?:think|answer)>"


def ranked(judgments: pl.DataFrame) -> pl.DataFrame:
    """The readings in which a teacher put documents in order: JUDGMENTS."""
    return judgments.filter(question="rank", status="valid")


def ordered(judgments: pl.DataFrame) -> pl.DataFrame:
    """Those of `ranked`, and the readings whose grades tell all documents apart: JUDGMENTS.

    In all of them `ranked` is the order.
    """
    apart = pl.col("scores").list.n_unique() == pl.col("scores").list.len()
    graded = judgments.filter(apart, question="grade", status="valid")
    best_first = pl.col("scores").list.eval(pl.element().arg_sort(descending=True))
    told = graded.with_columns(ranked=pl.col("shown").list.gather(best_first))
    return pl.concat([ranked(judgments), told])


def reasoned(judgments: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Those of `ranked` with reasoning, on labelled documents that do not all tie: JUDGMENTS.

    The tags of thought and answer are taken out of the reasoning.

    Args:
        judgments: JUDGMENTS.
        pairs: Columns qid, docid and score, of the same lists.
    """
    thought = pl.col("reasoning").str.replace_all(_TAGS, "").str.strip_chars()
    aloud = ranked(judgments).with_columns(thought).filter(pl.col("reasoning").str.len_bytes() > 0)
    documents = aloud.select(*ASKED, docid="shown").explode("docid")
    labelled = documents.join(pairs, on=["qid", "docid"], how="left")
    score = pl.col("score")
    told = labelled.group_by(ASKED).agg(known=score.is_not_null().all(), levels=score.n_unique())
    fit = told.filter("known", pl.col("levels") > 1)
    return aloud.join(fit, on=ASKED, how="semi", maintain_order="left")


def nearest(readings: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Of every list's readings the one that stands for it: JUDGMENTS.

    Of those that show the most documents it is the one nearest the consensus, by Kendall's tau;
    of equally near ones, the first.

    Args:
        readings: Some of `ranked`.
        pairs: Columns qid, docid and score, of the same lists.
    """
    orders = readings.select(*ASKED, docid="ranked").explode("docid")
    sizes = pl.col("documents").neg()
    found = against(orders, pairs, ASKED).sort("qid", sizes, "wrong", *ASKED[1:])
    best = found.unique("qid", keep="first", maintain_order=True)
    return readings.join(best, on=ASKED, how="semi", maintain_order="left")


def against(orders: pl.DataFrame, pairs: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """How far orders are from the consensus: the columns `by`, documents and wrong.

    `wrong` counts the pairs of documents that an order has the other way round: of orders of the
    same documents, the one with the most has the lowest Kendall's tau. What the consensus ties,
    no order has wrong.

    Args:
        orders: Columns `by`, which name an order, and docid; best first.
        pairs: Columns qid, docid and score.
        by: The first is qid.
    """
    scores = pairs.select("qid", "docid", "score")
    scored = orders.join(scores, on=["qid", "docid"], maintain_order="left")
    found = scored.group_by(by, maintain_order=True).agg("score", documents=pl.len().cast(pl.Int64))
    return found.with_columns(wrong=_wrong(found["score"])).drop("score")


def _wrong(orders: pl.Series) -> pl.Series:
    """Pairs of each order in which the later score is the higher one."""
    wrong = np.zeros(len(orders), dtype=np.int64)
    for rows, scores in of_equal_length(orders):
        later_is_higher = scores[:, None, :] > scores[:, :, None]
        wrong[rows] = np.triu(later_is_higher).sum(axis=(1, 2))
    return pl.Series(wrong)


def thought_through(part: Part, documents: pl.DataFrame) -> pl.DataFrame:
    """One row for every list with reasoning, as a teacher saw and ordered it.

    The reading is that of `nearest`. It names documents by their places, so they are shown as
    that teacher saw them; and the order is its own, for that is where its reasoning leads.

    Args:
        part: Has the lists and the readings.
        documents: `part.documents`, with the `words` to show.

    Returns:
        As `ranks.shown` has it, with gold the teacher's order; and reasoning.
    """
    chosen = nearest(reasoned(part.judgments, part.documents), part.documents)
    place = pl.int_range(pl.len()).over("qid")
    saw = chosen.select("qid", docid="shown").explode("docid").with_columns(place=place)
    gave = chosen.select("qid", docid="ranked").explode("docid").with_columns(rank=place)
    documents = documents.drop("rank")
    for found in (saw, gave):
        documents = documents.join(found, on=["qid", "docid"], maintain_order="left")
    rows = shown(part, documents.with_columns(window=pl.lit(0)))
    return rows.join(chosen.select("qid", "reasoning"), on="qid", maintain_order="left")


def silent(labelled: Labelled) -> pl.DataFrame:
    """Lists without a reading that can be learned with its reasoning: id, rule and detail."""
    found = reasoned(labelled.judgments, labelled.pairs)
    readings = ranked(labelled.judgments).group_by("qid").len("readings")
    lists = labelled.lists.select("qid").join(found, on="qid", how="anti")
    counted = lists.join(readings, on="qid", how="left").sort("qid").fill_null(0)
    return counted.select(
        id="qid",
        rule=pl.lit("no_reasoning"),
        detail=pl.format(
            "none of {} listwise readings has any on labelled documents that do not tie", "readings"
        ),
    )
