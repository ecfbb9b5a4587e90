"""Whether a query makes sense to somebody who has not read its document."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import field_validator

from rankmill.screen.pair import Pair, Tools, Use, Verdict
from rankmill.screen.phrases import languages, unbound
from rankmill.space import Embedder
from rankmill.spec import Spec
from rankmill.tags import primary


class Standalone(Spec):
    """Leave out what only a reader of the document understands, by phrases.

    Three ways to fail: the query names the document or speaks of what stands in it ("the author",
    "the above example"), or a pronoun or demonstrative stands in it before anything that it could
    stand for ("what does it return", "why did they leave"). Phrases are kept per language, in
    `phrases.toml`; those of a language are asked of queries in it. A query in a language that has
    none, or that nobody knows, is held against those that name a document, of all languages.

    Attributes:
        language: That of queries of which no language is known.
    """

    by_words: ClassVar[bool] = True
    uses: ClassVar[tuple[Use, ...]] = ()
    embedders: ClassVar[tuple[Embedder, ...]] = ()

    kind: Literal["standalone"] = "standalone"
    language: str = ""

    @field_validator("language")
    @classmethod
    def _has_phrases(cls, language: str) -> str:
        if language and primary(language) not in languages():
            raise ValueError(f"no phrases of {language!r}; expected {', '.join(languages())}")
        return language

    def __call__(self, pairs: Sequence[Pair], tools: Tools) -> Iterator[Verdict | None]:
        """Judge each query by itself."""
        del tools
        for pair in pairs:
            if found := unbound(pair.text, pair.lang or self.language):
                yield "not_standalone", f"says {found!r}"
            else:
                yield None
