"""Probabilities of labels, read from the alternatives of one token."""

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log
from string import ascii_uppercase

from rankmill.readings import Malformed
from rankmill.records import Reply

LETTERS = tuple(ascii_uppercase)
"""Labels that most tokenizers keep in one token each; a teacher that can tell is asked."""


def masses(reply: Reply, labels: Iterable[str], *, min_mass: float) -> dict[str, float] | Malformed:
    """The probability of each label, over all spellings among the first token's alternatives.

    Case and white space around a token do not count. A reply that gives all labels together less
    than `min_mass` is no judgment: the model was about to say something else.
    """
    if reply.fault:
        return reply.fault
    if not reply.top_logprobs:
        return Malformed(reason="no_log_probabilities")
    found = dict.fromkeys(labels, 0.0)
    folded = {label.casefold(): label for label in found}
    for token, logprob in reply.top_logprobs:
        if label := folded.get(token.strip().casefold()):
            found[label] += exp(logprob)
    total = sum(found.values())
    if total < max(min_mass, 1e-9):
        said = " + ".join(f"{label} {mass:.3f}" for label, mass in found.items() if mass)
        return Malformed(reason="low_label_mass", detail=f"{said or 'none'} < {min_mass}")
    return found


def log_shares(found: Mapping[str, float], reply: Reply) -> Sequence[float]:
    """The logarithm of every label's share of the labels' mass, in the labels' order.

    A label that is not among the alternatives is less probable than the least of them, and gets
    that one's probability: all that are missing tie at the end.
    """
    total = log(sum(found.values()))
    least = min(*(logprob for _, logprob in reply.top_logprobs), total)
    return [(log(mass) if mass else least) - total for mass in found.values()]
