"""Whether a teacher truly returns what the strategies read."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from statistics import fmean

from rankmill.errors import RequestRefused, TeacherIncapable
from rankmill.records import Attention, Chat, Continuation, Message
from rankmill.teachers.engine import Engine, KnowsItself, Need

_BY_HEART = {
    "A B C D E F G H I J K": " L",
    "Monday, Tuesday, Wednesday, Thursday,": " Friday",
    "January, February, March, April, May,": " June",
    "one, two, three, four, five, six,": " seven",
    "The sun rises in the east and sets in the": " west",
    "red green house water dog, red green house water": " dog",
}
"""Texts that any language model continues in one way, each with one token."""

_KNOWN, _CONTRAST = -3.0, 3.0
"""Nats, on average: how probable what is known by heart must be at least, and how much more
probable than the continuation of another text. Models of 135 million and 1.5 billion parameters
gave -0.4 and -0.2, and 15 nats more; read one position late, they gave -9, and nothing more."""

_NOISE = 0.5
"""Nats by which one log-probability may differ between two requests: batches change rounding."""


async def probe(name: str, engine: Engine, views: Mapping[str, Need]) -> None:
    """Make sure that a teacher gives every view what it needs.

    Args:
        name: The teacher's name in the recipe.
        engine: The open teacher; it is asked less than twenty short questions.
        views: What each view needs.

    Raises:
        TeacherIncapable: It does not, in one line that names the views.
    """
    findings = await conformance(engine, set(views.values()))
    if findings:
        lines = [
            f"{finding}; for: {', '.join(sorted(v for v in views if views[v] == need))}"
            for need, finding in findings.items()
        ]
        raise TeacherIncapable(f"teacher {name} {' | '.join(lines)}")


async def conformance(engine: Engine, needs: Collection[Need]) -> dict[Need, str]:
    """What is wrong with a teacher, one line for each need that is not met; else empty."""
    if isinstance(engine, KnowsItself):
        return await engine.conformance(needs)
    findings: dict[Need, str] = {}
    for need, check in _CHECKS.items():
        if need not in needs:
            continue
        try:
            finding = await check(engine)
        except (TeacherIncapable, RequestRefused) as error:
            finding = f"cannot answer: {error}"
        if finding:
            findings[need] = finding
    return findings


async def _text(engine: Engine) -> str:
    reply = await engine.answer(_chat("Say hello.", max_tokens=32))
    return "" if reply.text.strip() or reply.reasoning else "answers a greeting with nothing"


async def _top_logprobs(engine: Engine) -> str:
    request = _chat("Is water wet? Answer yes or no.", max_tokens=1, top_logprobs=20)
    reply = await engine.answer(request)
    found = len(reply.top_logprobs)
    if found > 1:
        return ""
    return f"returns {found} of 20 alternatives of the first token"


async def _prompt_logprobs(engine: Engine) -> str:
    """Properties of true values, which values of other positions do not have.

    What is known by heart is probable, and far more so than the continuation of another text:
    each continuation is tried in its own place and in another, so that how probable a word is by
    itself cancels out. And the values of a text are those of its parts, one after the other.
    """
    texts = list(_BY_HEART.values())
    others = texts[1:] + texts[:1]
    known = fmean([await _log_probability(engine, *pair) for pair in _BY_HEART.items()])
    other = fmean(
        [await _log_probability(engine, *pair) for pair in zip(_BY_HEART, others, strict=True)]
    )
    if known < _KNOWN or known - other < _CONTRAST:
        return (
            "returns prompt log-probabilities that are not those of the tokens (shifted by one?): "
            f"{known:.1f} for what is known by heart, {other:.1f} for what is not"
        )
    if not await _adds_up(engine):
        return "returns log-probabilities of a text that are not those of its parts"
    return ""


async def _attention(engine: Engine) -> str:
    prefix = "Paris is in France. Rome is in Italy. Find the sentence about"
    spans = ((0, 19), (20, 37))
    asked = Attention(prefix=prefix, spans=spans, text=" Italy", blank=" N/A")
    found = len((await engine.answer(asked)).scores)
    return "" if found == len(spans) else f"returns attention to {found} of 2 documents"


async def _adds_up(engine: Engine) -> bool:
    prefix, first, rest = "Monday Tuesday Wednesday", " Thursday Friday", " and so on"
    whole = await engine.answer(Continuation(prefix=prefix, text=first + rest))
    head = await engine.answer(Continuation(prefix=prefix, text=first))
    tail = await engine.answer(Continuation(prefix=prefix + first, text=rest))
    parts = head.logprobs + tail.logprobs
    return len(whole.logprobs) == len(parts) and all(
        abs(one - other) < _NOISE + 0.1 * abs(one)
        for one, other in zip(whole.logprobs, parts, strict=True)
    )


async def _log_probability(engine: Engine, prefix: str, text: str) -> float:
    reply = await engine.answer(Continuation(prefix=prefix, text=text))
    if not reply.logprobs:
        raise TeacherIncapable("no log-probabilities came back")
    return sum(reply.logprobs)


def _chat(content: str, *, max_tokens: int, top_logprobs: int = 0) -> Chat:
    message = Message(role="user", content=content)
    return Chat(messages=(message,), max_tokens=max_tokens, top_logprobs=top_logprobs)


_CHECKS: dict[Need, Callable[[Engine], Awaitable[str]]] = {
    "text": _text,
    "top_logprobs": _top_logprobs,
    "prompt_logprobs": _prompt_logprobs,
    "attention": _attention,
}
