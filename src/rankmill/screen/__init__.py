"""Screens: which queries are kept, by what was asked of the words, of the space, of a teacher."""

from typing import Annotated

from pydantic import Field

from rankmill.screen.answerable import Answerable, NearSource
from rankmill.screen.language import Language
from rankmill.screen.pair import Pair, Tools, Use, Verdict
from rankmill.screen.round_trip import RoundTrip
from rankmill.screen.segment import OnlyThere
from rankmill.screen.self_contained import SelfContained
from rankmill.screen.sieve import Sieve, Step
from rankmill.screen.standalone import Standalone

Screen = Annotated[
    Standalone | Language | NearSource | SelfContained | Answerable | OnlyThere,
    Field(discriminator="kind"),
]

__all__ = [
    "Answerable",
    "Language",
    "NearSource",
    "OnlyThere",
    "Pair",
    "RoundTrip",
    "Screen",
    "SelfContained",
    "Sieve",
    "Standalone",
    "Step",
    "Tools",
    "Use",
    "Verdict",
]
