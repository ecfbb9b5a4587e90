"""Quality that a teacher judges pair by pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from rankmill.label.parse import parse_label
from rankmill.label.probabilities import LETTERS, masses
from rankmill.prompts import Prompt, as_data
from rankmill.readings import Malformed
from rankmill.records import Chat, Document, Reply
from rankmill.sampling.pool import gumbel, uniform
from rankmill.space import text_of
from rankmill.spec import Spec
from rankmill.tables import Table
from rankmill.teachers.engine import Need, Send
from rankmill.together import together

Pair = tuple[str, str]
_LABELS = LETTERS[:2]
_TOKENS = 8
COMPARISONS = Table(
    name="comparisons",
    key=("first", "second", "trial"),
    columns={
        "first": pl.String,
        "second": pl.String,
        "trial": pl.Int32,
        "share": pl.Float64,
        "status": pl.String,
        "detail": pl.String,
        "prompt": pl.String,
        "teacher": pl.String,
        "request": pl.String,
    },
    nullable=frozenset({"share"}),
)
"""Every vote on two documents in the order shown: `share` is the first one's, null if malformed."""


class QuRating(Spec):
    """Have a teacher compare documents in pairs, and learn from that how good every document is.

    Some documents are drawn, and each meets others of them, in both orders and with as many votes
    as asked for. A pair counts when more than half the votes of either order are valid: the share
    of its first document is the mean over both orders, which cancels a preference for a place.
    Shares become strengths (Bradley-Terry), and a ridge regression from the vectors carries those
    over to every document. Scores have mean 0 and standard deviation 1.

    Attributes:
        teacher: Name of a teacher of the recipe.
        prompt: Name of a prompt file; it says what quality is.
        documents: How many are drawn to be judged.
        partners: How many others each of them is the first to meet: `documents` x `partners` x
            `votes` x 2 calls.
        votes: Times a pair is asked for in each order; more than one needs a temperature.
        read_from: Whether a vote is read in the text, or from the first token's probabilities,
            where it is a share and not a choice.
        min_mass: The letters' probability below which there is no vote.
        excerpt: Characters of a document that the teacher sees at most. Of the two of a pair it
            sees equally many, as many as the shorter has, from a place in the text that is drawn.
        prior: Standard deviation of a strength before anything is seen.
        select: Documents that stay, drawn by quality without replacement; all if left out.
        tau: Temperature of that draw: the higher, the less quality counts.
        seed: Of every draw.

    Paper: Wettig et al., "QuRating: Selecting High-Quality Data for Training Language Models",
    ICML 2024: 20 votes, tau 2, and a language model where a regression on vectors stands here.
    """

    variables: ClassVar[frozenset[str]] = frozenset({"documents", "labels"})

    kind: Literal["qurating"] = "qurating"
    teacher: str
    prompt: str = "curate/educational_value"
    documents: int = Field(default=200, ge=10)
    partners: int = Field(default=4, ge=1)
    votes: int = Field(default=1, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)
    read_from: Literal["text", "probabilities"] = "probabilities"
    min_mass: float = Field(default=0.5, ge=0, le=1)
    excerpt: int = Field(default=1200, ge=20)
    prior: float = Field(default=1.0, gt=0)
    select: int | None = Field(default=None, ge=1)
    tau: float = Field(default=2.0, gt=0)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def votes_can_differ(self) -> Self:
        """Refuse many votes that would all be the same."""
        if self.votes > 1 and (self.temperature == 0 or self.read_from == "probabilities"):
            raise ValueError(
                f"{self.votes} votes would be one; expected votes = 1, or read_from = 'text' and a "
                "temperature above 0"
            )
        if self.partners >= self.documents / 2:
            raise ValueError(
                f"{self.partners} partners for each of {self.documents} documents meet twice; "
                "expected less than half as many"
            )
        return self

    @property
    def needs(self) -> Need:
        """What the teacher must return."""
        return "text" if self.read_from == "text" else "top_logprobs"

    def calls(self, documents: int) -> int:
        """Questions asked of a corpus of so many documents."""
        drawn = min(self.documents, documents)
        return drawn * min(self.partners, (drawn - 1) // 2) * self.votes * 2

    def pairs(self, docids: Sequence[str]) -> list[Pair]:
        """The pairs to judge: in a shuffled ring, each document and the next ones."""
        draw = np.random.default_rng(self.seed)
        ring = draw.permutation(np.array(sorted(docids), dtype=object))[: self.documents].tolist()
        partners = min(self.partners, (len(ring) - 1) // 2)
        return [
            (one, ring[(place + step) % len(ring)])
            for step, (place, one) in product(range(1, partners + 1), enumerate(ring))
        ]

    def request(self, prompt: Prompt, shown: Sequence[Document]) -> Chat:
        """Ask which of two documents is the better."""
        messages = prompt.messages(documents=self._excerpts(shown), labels=_LABELS)
        if self.read_from == "text":
            return Chat(
                messages=messages,
                max_tokens=_TOKENS,
                temperature=self.temperature,
                choices=_LABELS,
            )
        return Chat(messages=messages, max_tokens=1, top_logprobs=20, labels=_LABELS)

    def _excerpts(self, shown: Sequence[Document]) -> list[str]:
        """As much of every document as of the shortest, so that no length speaks for one."""
        texts = [" ".join(text_of(d.title, d.text).split()) for d in shown]
        length = min(self.excerpt, *map(len, texts))
        starts = uniform(self.seed, [document.docid for document in shown], of="excerpt ")
        parts = (
            text[int(start * (len(text) - length + 1)) :]
            for text, start in zip(texts, starts, strict=True)
        )
        return [as_data(part, limit=length) for part in parts]

    def read(self, reply: Reply) -> float | Malformed:
        """The first document's share of one vote, in [0, 1]."""
        if self.read_from == "text":
            choice = parse_label(reply, _LABELS, _LABELS)
            return choice if isinstance(choice, Malformed) else float(choice.chosen[0] == "A")
        found = masses(reply, _LABELS, min_mass=self.min_mass)
        if isinstance(found, Malformed):
            return found
        return found["A"] / (found["A"] + found["B"])


async def compare(
    spec: QuRating, prompt: Prompt, documents: Mapping[str, Document], send: Send
) -> pl.DataFrame:
    """COMPARISONS of the documents' pairs, in both orders."""

    async def ask(first: str, second: str, trial: int) -> tuple[object, ...]:
        answer = await send(spec.request(prompt, (documents[first], documents[second])), trial)
        asked = (prompt.fingerprint, spec.teacher, answer.key)
        if answer.reply is None:
            return first, second, trial, None, "refused", answer.refusal, *asked
        read = spec.read(answer.reply)
        if isinstance(read, Malformed):
            return first, second, trial, None, "malformed", f"{read.reason} {read.detail}", *asked
        return first, second, trial, read, "valid", "", *asked

    orders = [order for pair in spec.pairs(list(documents)) for order in (pair, pair[::-1])]
    rows = await together(ask(*order, trial) for order in orders for trial in range(spec.votes))
    return COMPARISONS.frame(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What the votes on pairs come to.

    Attributes:
        of: The first document's share of every pair that counts, over both orders.
        agreeing: The share of those pairs whose orders name the same document.
        firsts: The mean share of the document that was shown first; 0.5 where places do not count.
    """

    of: Mapping[Pair, float]
    agreeing: float
    firsts: float

    @classmethod
    def read(cls, comparisons: pl.DataFrame, votes: int) -> Self:
        """Join the votes of both orders."""
        heard = comparisons.group_by("first", "second").agg(
            pl.col("share").mean(), valid=pl.col("share").count()
        )
        share = {
            (first, second): mean
            for first, second, mean, valid in heard.iter_rows()
            if valid > votes // 2
        }
        both = {p: (s, share[p[::-1]]) for p, s in sorted(share.items()) if p[::-1] in share}
        once = {p: shares for p, shares in both.items() if p[0] < p[1]}
        joined = {p: (one + 1 - other) / 2 for p, (one, other) in once.items()}
        sided = [(one - 0.5) * (0.5 - other) for one, other in once.values()]
        agree = [(1 + np.sign(both)) / 2 for both in sided]  # an undecided order is half a yes
        shown = [one for one, _ in both.values()]
        return cls(
            of=joined,
            agreeing=float(np.mean(agree)) if agree else 0.0,
            firsts=float(np.mean(shown)) if shown else 0.5,
        )


def strengths(shares: Mapping[Pair, float], prior: float) -> dict[str, float]:
    """Log-strengths of the documents of some pairs; each pair is two matches, one in each order."""
    from rankmill.aggregate import bradley_terry

    docids = sorted({docid for pair in shares for docid in pair})
    place = {docid: number for number, docid in enumerate(docids)}
    wins = np.zeros((1, len(docids), len(docids)))
    for (one, other), share in shares.items():
        wins[0, place[one], place[other]] += 2 * share
        wins[0, place[other], place[one]] += 2 * (1 - share)
    found, _ = bradley_terry(wins, prior)
    return dict(zip(docids, found[0].tolist(), strict=True))


def drawn(scores: Mapping[str, float], number: int, *, tau: float, seed: int) -> set[str]:
    """Docids drawn without replacement with the probabilities of softmax(scores / tau)."""
    noise = gumbel(seed, scores, of="quality ")
    keys = {docid: s / tau + n for (docid, s), n in zip(scores.items(), noise, strict=True)}
    return set(sorted(keys, key=lambda docid: (-keys[docid], docid))[:number])
