"""What a recipe says about which documents of its corpus are worth having."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rankmill.contamination import Decontamination
from rankmill.curate.language import Languages
from rankmill.curate.near import NearDuplicates
from rankmill.curate.qurating import QuRating
from rankmill.curate.rules import TextRules
from rankmill.curate.semantic import SemanticDuplicates
from rankmill.records import Document, Rejection
from rankmill.spec import Spec


class Curation(Spec):
    """Which documents stay. What is left out of the recipe is not done, but for `decontaminate`.

    Rules, languages and near duplicates come before a vector is computed; exact duplicates go
    always. Semantic duplicates, evaluation collections and quality need the vectors.

    Attributes:
        rules: Text that reads like none.
        language: Name languages, and keep some.
        near: Near duplicates by words.
        semantic: Near duplicates by vectors.
        quality: Judged by a teacher.
        decontaminate: Documents and queries of the collections that the recipe is evaluated on.
    """

    rules: TextRules | None = None
    language: Languages | None = None
    near: NearDuplicates | None = None
    semantic: SemanticDuplicates | None = None
    quality: QuRating | None = None
    decontaminate: Decontamination = Decontamination()

    def pick(
        self, outcomes: Iterable[Document | Rejection], folder: Path
    ) -> Iterator[Document | Rejection]:
        """Passages as they are read in, with a rejection in the place of each that is left out.

        Args:
            outcomes: Passages, and rejections, which go by.
            folder: Where passages may wait.
        """
        if self.rules:
            outcomes = self.rules.pick(outcomes)
        if self.language:
            outcomes = self.language.pick(outcomes)
        if self.near:
            outcomes = self.near.pick(outcomes, folder)
        return iter(outcomes)

    @property
    def teachers(self) -> dict[str, str]:
        """Who is asked, by where the recipe says so."""
        return {"curate.quality": self.quality.teacher} if self.quality else {}

    @property
    def of_texts(self) -> dict[str, str]:
        """Fingerprints of what `pick` does, by name; empty when it does nothing."""
        parts = {"rules": self.rules, "language": self.language, "near": self.near}
        return {f"curate.{name}": part.fingerprint for name, part in parts.items() if part}
