"""The words of a text in any script, and how many of them are copied from another."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

_HALVES = (  # Han, kana: a word is about two characters
    "\u3005\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003134f"
)
_QUARTERS = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u1049\u1780-\u17d3"  # Thai, Lao ...
_MARKS = (  # vowel signs and accents that `\w` leaves out, and the joiners between letters
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963"
    "\u0966-\u0dff\u200c\u200d"
)
_WORD = re.compile(f"[{_HALVES}{_QUARTERS}]|(?:[^\\W{_HALVES}{_QUARTERS}]|[{_MARKS}])+")
_HALF, _QUARTER = re.compile(f"[{_HALVES}]"), re.compile(f"[{_QUARTERS}]")


def words(text: str) -> list[str]:
    """The words of a text, folded; where words are not set apart, its characters."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def count(found: Sequence[str]) -> float:
    """How many words these are: a character that `words` set apart is but a share of one.

    A Chinese or Japanese character is half a word and a Thai, Lao, Burmese or Khmer one a
    quarter, which is about what dictionaries cut such text into.
    """
    return sum(map(_weight, found))


def _weight(word: str) -> float:
    if _HALF.match(word):
        return 0.5
    return 0.25 if _QUARTER.match(word) else 1.0


def common_runs(text: str, document: str) -> list[list[str]]:
    """For each word of `text` the longest run ending there that stands in `document` too."""
    places = defaultdict(list)
    for place, word in enumerate(words(document)):
        places[word].append(place)
    asked = words(text)
    runs, before = [], dict[int, int]()
    for at, word in enumerate(asked):
        before = {place: before.get(place - 1, 0) + 1 for place in places.get(word, ())}
        runs.append(asked[at + 1 - max(before.values(), default=0) : at + 1])
    return runs


def copied_share(runs: Sequence[Sequence[str]], *, least: float) -> float:
    """Share of a text's words that lie in common runs of at least so many words, in [0, 1].

    Args:
        runs: Of the text, as `common_runs` finds them.
        least: Words that make a run.
    """
    copied = set[int]()
    for at, run in enumerate(runs):
        if count(run) >= least:
            copied.update(range(at + 1 - len(run), at + 1))
    return len(copied) / len(runs) if runs else 0.0
