"""Which language a passage is in."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from pydantic import Field, field_validator

from rankmill.records import Document, Rejection
from rankmill.spec import Spec
from rankmill.tags import fault, primary

_NO_LANGUAGE = "zxx"  # numbers, symbols, code
_IDENTIFIED = (
    "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et "
    "eu ext fa fi fo fr fuv fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy "
    "id ig is it ja jv ka kab kik kk km kn ko ku ky la lb lg lij ln lo lt ltg lv mg mk ml mn "
    "mr ms mt my ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru rw sa sdh se si sk sl sn "
    "so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh "
    "zu"
)
IDENTIFIED = frozenset(_IDENTIFIED.split())
"""What the identifier finds."""


class Languages(Spec):
    """Say what language a passage is in where its source does not, and keep some languages only.

    The identifier knows 140 languages and looks at character sequences, offline. Where it is not
    sure, or sees no language, such as in code or numbers, `lang` stays empty and the passage is
    kept: that a rule cannot tell is no reason to lose a text.

    Attributes:
        keep: BCP 47 tags of languages that stay, all if there is none; `en` takes `en-GB` too.
        confidence: Probability from which on the identifier is believed.
        excerpt: Characters of a passage that it reads.

    Paper: Lui & Baldwin, "langid.py: An Off-the-shelf Language Identification Tool", ACL 2012,
    with the models of py3langid.
    """

    keep: tuple[str, ...] = ()
    confidence: float = Field(default=0.5, ge=0, le=1)
    excerpt: int = Field(default=500, ge=20)

    @field_validator("keep")
    @classmethod
    def _known(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        if reasons := [reason for tag in keep if (reason := fault(tag))]:
            raise ValueError(reasons[0])
        return keep

    def pick(self, outcomes: Iterable[Document | Rejection]) -> Iterator[Document | Rejection]:
        """Fill `lang`, and put a rejection `language` in the place of each that is not kept."""
        kept = {primary(tag) for tag in self.keep}
        for found in outcomes:
            if isinstance(found, Rejection):
                yield found
                continue
            passage, sure = self._named(found)
            if passage.lang and kept and primary(passage.lang) not in kept:
                said = f"{passage.lang} ({sure}), expected {' or '.join(self.keep)}"
                yield Rejection(id=passage.docid, rule="language", detail=said)
            else:
                yield passage

    def _named(self, passage: Document) -> tuple[Document, str]:
        """The passage with its language, and who says so."""
        if passage.lang:
            return passage, "says its source"
        lang, confidence = language_of(passage.text[: self.excerpt])
        if confidence < self.confidence or not lang:
            return passage, ""
        return replace(passage, lang=lang), f"confidence {confidence:.2f}"


def language_of(text: str) -> tuple[str, float]:
    """The BCP 47 tag of a text's language, empty where none is seen, and how sure that is."""
    lang, confidence = _identifier().classify(text)
    return "" if lang == _NO_LANGUAGE else str(lang), float(confidence)


@lru_cache(maxsize=1)
def _identifier() -> Any:  # noqa: ANN401 - the package has no types
    from py3langid import langid

    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
