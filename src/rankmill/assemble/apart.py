"""No query of a split is nearly one of another."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from rankmill.export.tables import SPLITS, AssemblyInput
from rankmill.report import StageReport
from rankmill.tables import REJECTIONS

_BLOCK = 200
_SHINGLE = 3
_WORD = re.compile(r"\w+")
_RULE = "near_duplicate_split"


def set_apart(
    tables: AssemblyInput, least: float
) -> tuple[AssemblyInput, pl.DataFrame, StageReport]:
    """Leave out lists whose query is nearly one of a later split.

    The held-out side keeps its list: of train and test, train loses it, and of validation and
    test, validation does.

    Args:
        tables: Those of a build.
        least: From this likeness on, queries are nearly one; see `alike`.

    Returns:
        The tables without those lists, REJECTIONS of them, and how many they are.
    """
    kept = tables.kept.select("qid", "text", "split")
    rows = []
    for place, split in enumerate(SPLITS[:-1]):
        mine, later = (
            kept.filter(split=split),
            kept.filter(pl.col("split").is_in(SPLITS[place + 1 :])),
        )
        for one, other, likeness in alike(mine["text"].to_list(), later["text"].to_list(), least):
            qid, home = later.select("qid", "split").row(other)
            detail = f"likeness {likeness:.2f} with {qid} of {home}, less than {least:g} allowed"
            rows.append(("assemble", mine["qid"][one], _RULE, detail))
    rejections = pl.DataFrame(rows, schema=REJECTIONS.columns, orient="row")
    gone = pl.col("qid").is_in(rejections["id"].implode())
    lists = tables.lists.with_columns(
        kept=pl.col("kept") & ~gone, reason=pl.when(gone).then(pl.lit(_RULE)).otherwise("reason")
    )
    rejected = {_RULE: len(rejections)} if len(rejections) else {}
    report = StageReport(
        stage="assemble", read=len(kept), written=len(kept) - len(rejections), rejected=rejected
    )
    return replace(tables, labels=tables.labels.filter(~gone), lists=lists), rejections, report


def alike(
    texts: Sequence[str], others: Sequence[str], least: float
) -> Iterator[tuple[int, int, float]]:
    """Texts that are nearly others: place, place of the nearest other, likeness.

    The likeness is the Jaccard index of the runs of three characters in the words of both, in
    lower case and without punctuation, in [0, 1]. It is exact: every pair is compared, some
    hundred texts at a time.
    """
    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer

    if not any(map(_WORD.search, texts)) or not any(map(_WORD.search, others)):
        return  # without a word, a query is like no other
    shingles = CountVectorizer(
        analyzer="char",
        ngram_range=(_SHINGLE, _SHINGLE),
        preprocessor=_plain,
        binary=True,
        dtype=np.int32,
    )
    both = shingles.fit_transform([*texts, *others])
    mine, theirs = both[: len(texts)], both[len(texts) :].T.tocsc()
    sizes, other_sizes = mine.sum(axis=1).A1, theirs.sum(axis=0).A1
    for start in range(0, len(texts), _BLOCK):
        shared = (mine[start : start + _BLOCK] @ theirs).tocoo()
        rows = shared.row + start
        likeness = shared.data / (sizes[rows] + other_sizes[shared.col] - shared.data)
        near = likeness >= least
        best: dict[int, tuple[float, int]] = {}
        for row, other, value in zip(rows[near], shared.col[near], likeness[near], strict=True):
            best[row] = max(best.get(row, (0.0, 0)), (float(value), -int(other)))
        yield from ((int(row), -other, value) for row, (value, other) in sorted(best.items()))


def _plain(text: str) -> str:
    """The words alone, one space around each."""
    return f" {' '.join(_WORD.findall(text.lower()))} "
