"""What a server's log says: what it is busy with while it starts, and why it died."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TAIL = 1 << 18
_LONGEST = 300
_DECORATION = re.compile(r"\x1b\[[0-9;]*m")
# The marks that Python's logging, vLLM's processes and llama.cpp put before what they say.
_MARK = re.compile(
    r"^(\([\w-]+ pid=\d+\) ?)?((INFO|WARNING|ERROR) \d\d-\d\d [\d:]+ \[[^]]*\] ?)?"
    r"(\d+\.\d\d\.\d{3}\.\d{3} [DIWE] )?"
)
_RAISED = re.compile(r"[\w.]*(Error|Exception|Exit|Interrupt)\w*: .+")
_POINTS_ELSEWHERE = re.compile(r"root cause|stack trace|exiting due to", re.I)
_TROUBLE = re.compile(r"\b\w*(error|exception|failed|cannot|killed|no module|in use)\b", re.I)
_VALIDATION = re.compile(r"\d+ validation errors? for \w+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Something that a server does before it answers.

    Attributes:
        words: What people call it.
        told: A regular expression found in the lines that tell of it.
    """

    words: str
    told: str


def lines(log: Path, since: int) -> list[str]:
    """The last lines of a log, without decoration and marks; a progress bar has many.

    Args:
        log: The file.
        since: Bytes at its beginning that somebody else wrote.
    """
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(since, size - _TAIL))
        text = file.read().decode(errors="replace")
    bare = (_MARK.sub("", line).rstrip() for line in _DECORATION.sub("", text).splitlines())
    return [line for line in bare if line]


def doing(said: Sequence[str], phases: Sequence[Phase]) -> str:
    """What the last line that tells of a phase tells of; empty when none does."""
    for line in reversed(said):
        for phase in phases:
            if re.search(phase.told, line):
                return phase.words
    return ""


def cause(said: Sequence[str]) -> str:
    """Why a server ended, in one line of at most 300 characters.

    That is the last exception that does not point to another; where there is none, the last line
    that speaks of trouble; and where none does, the last line of all.
    """
    raised = [place for place, line in enumerate(said) if _RAISED.match(line)]
    troubles = [place for place, line in enumerate(said) if _TROUBLE.search(line)]
    causes, told = (
        [place for place in places if not _POINTS_ELSEWHERE.search(said[place])]
        for places in (raised, troubles)
    )
    for places in (causes, raised, told, troubles):
        if places:
            return _in_full(said, places[-1])
    return f"its last words: {_in_full(said, -1)}" if said else "it said nothing"


def _in_full(said: Sequence[str], place: int) -> str:
    """A line; of pydantic's errors the next one, which says what is wrong."""
    follows = _VALIDATION.search(said[place]) and said[place + 1 :]
    line = " ".join(said[place + 1 if follows else place].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
