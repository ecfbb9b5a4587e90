"""What stands in a recipe, section by section."""

from pathlib import Path

from pydantic import Field

from rankmill.assemble import Assembly
from rankmill.corpora import Corpus, Passages
from rankmill.curate import Curation
from rankmill.generate import Given, QueryRules, Writers
from rankmill.label import View
from rankmill.publish import Gate
from rankmill.retrieve import Retrieval
from rankmill.sampling import Sampler
from rankmill.settle import Settle
from rankmill.space import Embedder, SphericalKMeans, Splits
from rankmill.spec import Machine, Spec
from rankmill.teachers import Budget, Teacher
from rankmill.teachers.engine import Need


class Limits(Spec):
    """Largest share of rows that a stage may reject before the build stops, per stage."""

    ingest: float = Field(default=0.95, ge=0, le=1)
    curate: float = Field(default=0.95, ge=0, le=1)
    generate: float = Field(default=0.8, ge=0, le=1)
    retrieve: float = Field(default=0.5, ge=0, le=1)
    label: float = Field(default=0.5, ge=0, le=1)
    settle: float = Field(default=0.8, ge=0, le=1)


class Sections(Spec):
    """The sections of a recipe, in the order in which the stages read them.

    Attributes:
        round: Which round of mining this is. In a second, candidates come from a retriever that
            was trained on the first; what stands before them in the recipe stays as it was, so
            that only candidates are found anew, and only new ones judged.
        after: The name of the build that it follows.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    round: int = Field(default=1, ge=1)
    after: str = ""
    corpus: Corpus
    passages: Passages = Passages()
    embed: Embedder
    curate: Curation = Curation()
    cluster: SphericalKMeans = SphericalKMeans()
    splits: Splits = Splits()
    sample: Sampler | None = None
    teachers: dict[str, Teacher] = Field(min_length=1)
    generate: Writers = ()
    given: Given | None = None
    queries: QueryRules = QueryRules()
    retrieve: Retrieval = Retrieval()
    views: tuple[View, ...] = Field(min_length=1)
    settle: Settle = Settle()
    assemble: Assembly = Assembly()
    limits: Limits = Limits()
    budget: Budget = Machine(Budget())
    gate: Gate = Machine(Gate())

    @property
    def needs(self) -> dict[str, dict[str, Need]]:
        """What every use of a teacher needs of it, by teacher and by what the use is called."""
        needs: dict[str, dict[str, Need]] = {}
        for how in self.generate:
            needs.setdefault(how.teacher, {})["generate"] = "text"
        if quality := self.curate.quality:
            needs.setdefault(quality.teacher, {})["quality"] = quality.needs
        for use in self.queries.uses:
            needs.setdefault(use.teacher, {})[f"screen {use.name}"] = use.needs
        for view in self.views:
            needs.setdefault(view.teacher, {})[view.name] = view.strategy.needs
        return needs

    @property
    def curates(self) -> bool:
        """Whether documents can be left out once they have vectors."""
        watched = self.assemble.evaluation and self.curate.decontaminate.documents != "keep"
        return bool(watched or self.curate.semantic)

    def queries_at_most(self, base: Path) -> int:
        """How many queries there are, if every one passes every rule.

        Raises:
            CorpusError: The file of the given ones cannot be read.
        """
        seeds = self.sample.documents if self.sample else 0
        written = seeds * sum(how.per_document for how in self.generate)
        return written + (self.given.count(base) if self.given else 0)
