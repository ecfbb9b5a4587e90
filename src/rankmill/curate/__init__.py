"""Which documents of a corpus are worth having."""

from rankmill.curate.language import Languages
from rankmill.curate.near import NearDuplicates
from rankmill.curate.qurating import QuRating
from rankmill.curate.rules import TextRules
from rankmill.curate.semantic import SemanticDuplicates
from rankmill.curate.spec import Curation

__all__ = [
    "Curation",
    "Languages",
    "NearDuplicates",
    "QuRating",
    "SemanticDuplicates",
    "TextRules",
]
