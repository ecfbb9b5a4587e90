"""Rules of thumb for text that is no good, each with its number."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pydantic import Field

from rankmill.records import Document, Rejection
from rankmill.spec import Spec

# Scripts that put no space between words, and the marks that `\w` leaves out of Arabic, Hebrew and
# Indic words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u065f\u0900-\u0dff"
_WORD = re.compile(f"[\\w{_MARKS}]+")
_NO_LETTERS = re.compile(f"[^\\w{_MARKS}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+|[\\d_]+")
_SYMBOL = re.compile(r"(?<=[^#\n])#|\.\.\.|…")  # the marks of a Markdown heading are none
_SENTENCE_END = re.compile("(?<=[.!?])\\s+|(?<=[\u3002\uff01\uff1f])|\\n")
_CODE = re.compile(
    r"[;{}]\s*$|\)\s*:\s*$|\w\(.*\)\s*$|^\s*(?:@\w|//|>>> |#include|\$ )|\w = \w"
    r"|^\s*(?:import \w|return\b)"
    r"|^\s*(?:def|class|from|func|fn|let|const|var|public|private)\b.*[=(){};]"
)
_BOILERPLATE = (
    *("lorem ipsum", "all rights reserved", "page not found", "subscribe to our newsletter"),
    *("accept cookies", "use cookies", "uses cookies", "cookie policy", "cookie notice"),
    *("privacy policy", "terms of use", "terms of service", "skip to content", "skip to main"),
    *("enable javascript", "turn on javascript", "javascript is disabled", "sign in to continue"),
    *("log in to continue", "sign in to your account", "log in to your account"),
)
_CODE_SHARE = 0.3
_FEW = 20  # a ratio to fewer words says little


class TextRules(Spec):
    """Leave out passages that read like no text, after Gopher and C4, with limits of our own.

    Every rejection has the rule's name, the number found and the limit. A rule that needs spaces
    between words does not look at scripts without them (Chinese, Japanese, Thai, Lao, Khmer,
    Burmese), where a character counts as a word; rules about long words, symbols and lines do not
    look at source code. A ratio to words is to 20 of them at least. A limit that nothing
    reaches, such as `letters = 0`, turns its rule off.

    Attributes:
        min_words: `few_words`: fewer words.
        letters: `few_letters`: a smaller share of the visible characters is letters.
        word_length: `word_length`: the mean length of words is outside of these two.
        symbols: `symbols`: more hash signs and ellipses for each word.
        repeated: `repeated_lines`: a larger share of the characters stands in lines that came
            before in the same passage.
        boilerplate: `boilerplate`: a larger share of the sentences says what pages say around their
            text: cookies, privacy, log in, lorem ipsum.

    Papers: Rae et al., "Scaling Language Models: Methods, Analysis & Insights from Training
    Gopher", 2021, table A1 (word length 3 to 10, symbols 0.1, repeated lines 0.2 of characters);
    Raffel et al., "Exploring the Limits of Transfer Learning", JMLR 2020, section 2.2. Both are for
    web pages: passages are shorter, so 50 words become 5, and the stop words of English are not
    asked for.
    """

    min_words: int = Field(default=5, ge=0)
    letters: float = Field(default=0.4, ge=0, le=1)
    word_length: tuple[float, float] = (2.0, 12.0)
    symbols: float = Field(default=0.1, ge=0)
    repeated: float = Field(default=0.3, ge=0, le=1)
    boilerplate: float = Field(default=0.3, ge=0, le=1)

    def pick(self, outcomes: Iterable[Document | Rejection]) -> Iterator[Document | Rejection]:
        """Put a rejection in the place of every passage that breaks a rule: the first it breaks."""
        for outcome in outcomes:
            fault = None if isinstance(outcome, Rejection) else self.judge(outcome.text)
            if fault and isinstance(outcome, Document):
                rule, detail = fault
                yield Rejection(id=outcome.docid, rule=rule, detail=detail)
            else:
                yield outcome

    def judge(self, text: str) -> tuple[str, str] | None:
        """The first rule that a text breaks, and by which number; None if it breaks none."""
        code = is_code(text)
        return self._words(text, code=code) or (None if code else self._lines(text))

    def _words(self, text: str, *, code: bool) -> tuple[str, str] | None:
        unspaced = len(_UNSPACED.findall(text))
        words = _WORD.findall(_UNSPACED.sub(" ", text))
        number = len(words) + unspaced
        if number < self.min_words:
            return "few_words", f"{number} words < {self.min_words}"
        seen = sum(map(len, text.split()))
        letters = len(_NO_LETTERS.sub("", text)) / max(seen, 1)
        if letters < self.letters:
            return "few_letters", f"{letters:.2f} of the characters < {self.letters}"
        length = sum(map(len, words)) / max(len(words), 1)
        least, most = self.word_length
        if len(words) > unspaced and not code and not least <= length <= most:
            return "word_length", f"{length:.1f} letters a word, expected {least:g} to {most:g}"
        return None

    def _lines(self, text: str) -> tuple[str, str] | None:
        symbols = len(_SYMBOL.findall(text)) / max(len(_WORD.findall(text)), _FEW)
        if symbols > self.symbols:
            return "symbols", f"{symbols:.2f} a word > {self.symbols}"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        repeated = _repeated(lines)
        if repeated > self.repeated:
            return "repeated_lines", f"{repeated:.2f} of the characters > {self.repeated}"
        return self._page(text.lower())

    def _page(self, text: str) -> tuple[str, str] | None:
        said = [phrase for phrase in _BOILERPLATE if phrase in text]
        if not said:
            return None
        sentences = [one for one in _SENTENCE_END.split(text) if one.strip()]
        share = sum(any(phrase in one for phrase in said) for one in sentences) / len(sentences)
        if share > self.boilerplate:
            detail = f"{share:.2f} of the sentences > {self.boilerplate}, such as {said[0]!r}"
            return "boilerplate", detail
        return None


def is_code(text: str) -> bool:
    """Whether at least three of ten lines look like source code."""
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(bool(_CODE.search(line)) for line in lines) >= max(_CODE_SHARE * len(lines), 1)


def _repeated(lines: Sequence[str]) -> float:
    """The share of the characters that stands in lines that came before."""
    again = sum(len(line) * (number - 1) for line, number in Counter(lines).items())
    return again / max(sum(map(len, lines)), 1)
