"""Which third of a passage a query is to be about.

Paper: "Is Position Bias in Dense Retrievers Built In or Learned from Data?", 2026
(arXiv 2605.26578).
"""

import re
from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, get_args

import polars as pl

from rankmill.sampling.pool import uniform

Position = Literal["begin", "middle", "end"]
POSITIONS: tuple[Position, ...] = get_args(Position)
BINS = (256, 512, 1024, 2048, 4096, 8192)
"""Lengths in characters where the paper's bins begin; shorter and longer ones are bins too."""

_DEALT = {
    "docid": pl.String,
    "segment": pl.String,
    "start": pl.Int32,
    "end": pl.Int32,
    "bin": pl.Int32,
}
_SENTENCE = re.compile(
    r"(?:[.!?\u061f\u06d4\u0964][\"')\]\u201d\u2019]*\s+|[\u3002\uff01\uff1f]|\n+)"
)
_WORD = re.compile(r"\s+")
_REACH = 6  # a border is looked for within the sixth part of a text around its third


def thirds(text: str) -> tuple[int, int, int, int] | None:
    """Where three segments of about equal length begin, and where the last ends.

    A cut is made where a sentence begins, if one does within a sixth of the text around the
    third; else where a word begins; else at the third. None where a segment would be blank.
    """
    if len(text) < len(POSITIONS):
        return None
    first, second = (_cut(text, len(text) * part // len(POSITIONS)) for part in (1, 2))
    cuts = (0, first, second, len(text))
    pieces = [text[start:end] for start, end in pairwise(cuts)]
    return cuts if all(piece.strip() for piece in pieces) else None


def _cut(text: str, third: int) -> int:
    reach = len(text) // (2 * _REACH)
    low, high = third - reach, third + reach
    for border in (_SENTENCE, _WORD):
        places = [found.end() for found in border.finditer(text, max(low - reach, 0), high + 1)]
        near = [place for place in places if low <= place <= high]
        if near:
            return min(near, key=lambda place: (abs(place - third), place))
    return third


def deal(
    seeds: pl.DataFrame, texts: Mapping[str, str], positions: Sequence[Position], *, seed: int
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Give every seed a segment of its text.

    Within a bin of lengths, numbers of seeds by position differ by one at most, and so they do
    over all bins. A text too short to be cut has no segment.

    Args:
        seeds: Columns docid and cluster.
        texts: Of the seeds, by docid.
        positions: The segments to deal out.
        seed: Seed of the order in which they are dealt.

    Returns:
        The seeds table, and the number of seeds at each position in words, by bin.
    """
    docids = seeds["docid"].to_list()
    lots = uniform(seed, docids, of="segment ").tolist()
    order = sorted((_bin(len(texts[one])), lot, one) for lot, one in zip(lots, docids, strict=True))
    rows: list[tuple[str, Position, int, int, int]] = []
    for length, _, docid in order:
        if cuts := thirds(texts[docid]):
            position = positions[len(rows) % len(positions)]
            start = POSITIONS.index(position)
            rows.append((docid, position, cuts[start], cuts[start + 1], length))
    dealt = pl.DataFrame(rows, schema=_DEALT, orient="row")
    named = seeds.join(dealt.drop("bin"), on="docid", how="left", maintain_order="left")
    return named, _cells(dealt, len(seeds) - len(dealt))


def _bin(length: int) -> int:
    return bisect(BINS, length)


def _cells(dealt: pl.DataFrame, whole: int) -> dict[str, str]:
    counts = {(b, s): n for b, s, n in dealt.group_by("bin", "segment").len().iter_rows()}
    cells = {}
    for number in sorted({b for b, _ in counts}):
        found = [f"{one} {counts[number, one]:,}" for one in POSITIONS if (number, one) in counts]
        cells[f"segments of {_length(number)} characters"] = ", ".join(found)
    return cells | ({"seeds too short for a segment": f"{whole:,}"} if whole else {})


def _length(number: int) -> str:
    if number == 0:
        return f"less than {BINS[0]:,}"
    if number == len(BINS):
        return f"{BINS[-1]:,} or more"
    return f"{BINS[number - 1]:,} to {BINS[number] - 1:,}"
