"""What a teacher's reply says, where it is more than the query itself."""

import json
from collections.abc import Sequence

from rankmill.generate.writing import Unusable
from rankmill.records import Reply

_EXCERPT = 120


def read_line(reply: Reply, longest: int) -> str | Unusable:
    """All that it says, without outer quotes; `longest` words at most."""
    text = read_text(reply)
    if isinstance(text, Unusable):
        return text
    line = text.strip("\"'`*“” ")
    if len(line.split()) > longest:
        return Unusable("too_long", f"{len(line.split())} words > {longest}: {_excerpt(line)}")
    return line


def read_text(reply: Reply) -> str | Unusable:
    """All that it says, white space made single spaces; one that was cut short is unusable."""
    if reply.fault:
        return Unusable(reply.fault.reason, reply.fault.detail)
    text = " ".join(reply.text.split())
    if not text:
        return Unusable("empty", f"nothing in {reply.text!r}")
    if reply.finish_reason == "length":
        return Unusable("cut_short", f"no end after {reply.tokens_out} tokens: {_excerpt(text)}")
    return text


def read_object(reply: Reply, names: Sequence[str]) -> dict[str, str] | Unusable:
    """The texts under `names` in the JSON object that begins at the first brace of a reply.

    What comes before it and after it is not read: teachers think aloud. A number counts as text.
    """
    if reply.fault:
        return Unusable(reply.fault.reason, reply.fault.detail)
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(reply.text[reply.text.find("{") :])
    except (ValueError, RecursionError):
        cut = reply.finish_reason == "length"
        return Unusable("cut_short" if cut else "not_json", _excerpt(reply.text))
    if not isinstance(found, dict):
        return Unusable("not_json", _excerpt(reply.text))
    if missing := [name for name in names if not isinstance(found.get(name), str | int)]:
        return Unusable("incomplete", f"no {', '.join(missing)} in {_excerpt(reply.text)}")
    texts = {name: " ".join(str(found[name]).split()) for name in names}
    if empty := [name for name, text in texts.items() if not text]:
        return Unusable("empty", f"{', '.join(empty)} of {_excerpt(reply.text)}")
    return texts


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _EXCERPT else flat[: _EXCERPT - 1] + "…"
