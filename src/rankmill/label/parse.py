"""Permutations in text, read strictly."""

import re
from collections.abc import Sequence

from rankmill.records import Malformed, Permutation, Reply

_RANKING = re.compile(r"\[\d+\](\s*>\s*\[\d+\])*")
_IDENTIFIER = re.compile(r"\[(\d+)\]")
_ANSWER = re.compile(r".*<answer>(.*)</answer>", re.DOTALL)
_EXCERPT = 80


def parse_permutation(reply: Reply, shown: Sequence[str]) -> Permutation | Malformed:
    """Read a listwise reply such as ``[2] > [1] > [3]`` back into docids.

    Identifiers are positions in `shown`, counted from 1. Where the text has an
    ``<answer>…</answer>`` at its end, what stands before that is thought, not answer. Nothing is
    repaired: a reply that omits, repeats or invents an identifier, says anything besides, or was
    cut short comes back as `Malformed`.
    """
    if reply.fault:
        return reply.fault
    text = _ANSWER.sub(r"\1", reply.text).strip()
    if not text:
        return Malformed(reason="empty")
    if not _RANKING.fullmatch(text):
        cut = reply.finish_reason == "length"
        return Malformed(reason="cut_short" if cut else "not_a_ranking", detail=_excerpt(text))
    positions = [int(digits) for digits in _IDENTIFIER.findall(text)]
    if len(set(positions)) < len(positions):
        return Malformed(reason="repeated", detail=_excerpt(text))
    if not set(positions) <= set(range(1, len(shown) + 1)):
        return Malformed(reason="unknown_identifier", detail=_excerpt(text))
    if len(positions) < len(shown):
        return Malformed(reason="incomplete", detail=f"{len(positions)} of {len(shown)}")
    ranked = tuple(shown[position - 1] for position in positions)
    return Permutation(shown=tuple(shown), ranked=ranked)


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _EXCERPT else flat[: _EXCERPT - 1] + "…"
