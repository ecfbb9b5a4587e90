"""Phrases by which a query gives itself away, in the languages of `phrases.toml`."""

import re
import tomllib
from functools import cache
from importlib.resources import files

from rankmill.tags import primary

_NEVER = re.compile(r"(?!)")


def languages() -> tuple[str, ...]:
    """Those that have phrases."""
    return tuple(_tables())


def mention(text: str) -> str:
    """Words by which a text, in any language, speaks of a document as lying before the reader."""
    return _first("document", text)


def chatter(text: str) -> str:
    """Words by which a reply, in any language, begins like talk and not like a query."""
    return _first("chatter", text)


def unbound(text: str, lang: str) -> str:
    """The words of a query that want a document to be understood; empty where there are none.

    Args:
        text: The query.
        lang: A BCP 47 tag; empty where it is not known.
    """
    known = primary(lang)
    bare = " ".join(_phrase(known, "expletive").sub("", text).split())
    match = _phrase(known, "unseen").search(text) or _phrase(known, "dangling").search(bare)
    return mention(text) or (match.group().strip() if match else "")


def _first(name: str, text: str) -> str:
    found = (_phrase(lang, name).search(text) for lang in _tables())
    return next((match.group().strip() for match in found if match), "")


@cache
def _tables() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("rankmill.screen") / "phrases.toml").read_text(encoding="utf-8"))


@cache
def _phrase(lang: str, name: str) -> re.Pattern[str]:
    """An expression of a language; one that matches nothing where it has none."""
    known = _tables().get(lang, {})
    spaced = "pronouns" in known
    if spaced and name == "dangling":
        openers, pronouns = (_either(known[kind]) for kind in ("openers", "pronouns"))
        written = rf"^(?:{openers}\W+)*{pronouns}"
        if "subjects" in known:  # the verb comes first: "wie wirken diese", "où habite-t-il"
            written = rf"(?:{written}|^{openers}\W+\w+\W+(?:t-)?{_either(known['subjects'])})"
    elif name in known:
        written = f"(?:{known[name]})"
    else:
        return _NEVER
    ends = ("(?<!\\w)", "(?!\\w)") if spaced and name != "chatter" else ("", "")
    return re.compile(written.join(ends), re.IGNORECASE)


def _either(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"
