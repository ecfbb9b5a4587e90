"""What a screen is shown: queries beside what they were written from, and the tools to judge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankmill.prompts import Prompt
from rankmill.records import Request
from rankmill.space import Embedder
from rankmill.space.encoder import Kind
from rankmill.teachers.engine import Answer, Need

Verdict = tuple[str, str]
"""The rule by which a query falls, and its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A query and what it was written from.

    Attributes:
        document: The text of its source, of two sources one after the other; empty for a query
            whose source nobody knows.
        lang: BCP 47 tag that was asked for, or else its document's; empty where neither is known.
        target: The part of the document that is to answer it; empty where no part was asked for.
        others: The rest of the document, in parts about as long.
    """

    qid: str
    text: str
    document: str = ""
    lang: str = ""
    target: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a screen may use.

    Attributes:
        ask: Puts requests to a teacher of the recipe and waits for its answers, in order.
        prompt: A prompt file, by name.
        embedder: The recipe's own.
        encode: Embeds texts with an embedder, as unit-length rows.
    """

    ask: Callable[[str, Sequence[Request]], list[Answer]]
    prompt: Callable[[str], Prompt]
    embedder: Embedder
    encode: Callable[[Embedder, Sequence[str], Kind], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How a screen uses a teacher, for whoever checks or prices a recipe beforehand.

    Attributes:
        name: What the use is called.
        calls: Questions a query, at most.
        request: One question, about a query and a text.
    """

    name: str
    teacher: str
    needs: Need
    prompt: str
    variables: frozenset[str]
    chat: bool
    calls: int
    request: Callable[[Prompt, str, str], Request]
