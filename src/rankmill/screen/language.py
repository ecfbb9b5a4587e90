"""Whether a query is in the language that was asked for."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from rankmill.screen.pair import Pair, Tools, Use, Verdict
from rankmill.space import Embedder
from rankmill.spec import Spec
from rankmill.tags import primary


class Language(Spec):
    """Leave out queries that are surely in another language than the one asked for.

    What was asked for is the query's own `lang`, or else the language of its document. A handful
    of words is little to go by and names and code less, so a guess below `min_confidence` rejects
    nothing.

    Attributes:
        among: Languages that will do where none is known, as BCP 47 tags; empty lets all through.
        min_confidence: From which on a guess counts, in [0, 1].
    """

    by_words: ClassVar[bool] = True
    uses: ClassVar[tuple[Use, ...]] = ()
    embedders: ClassVar[tuple[Embedder, ...]] = ()

    kind: Literal["language"] = "language"
    among: tuple[str, ...] = ()
    min_confidence: float = Field(default=0.7, ge=0, le=1)

    @field_validator("among")
    @classmethod
    def _can_be_found(cls, among: tuple[str, ...]) -> tuple[str, ...]:
        from rankmill.curate.language import IDENTIFIED

        if odd := [tag for tag in among if primary(tag) not in IDENTIFIED]:
            known = ", ".join(sorted(IDENTIFIED))
            raise ValueError(f"{odd[0]!r} is no language that can be told; expected {known}")
        return among

    def __call__(self, pairs: Sequence[Pair], tools: Tools) -> Iterator[Verdict | None]:
        """Judge each query by itself."""
        from rankmill.curate.language import language_of

        del tools
        for pair in pairs:
            wanted = (pair.lang,) if pair.lang else self.among
            found, confidence = language_of(pair.text)
            sure = confidence >= self.min_confidence and found
            if wanted and sure and primary(found) not in map(primary, wanted):
                expected = " or ".join(wanted)
                yield "other_language", f"{found} with {confidence:.2f}, expected {expected}"
            else:
                yield None
