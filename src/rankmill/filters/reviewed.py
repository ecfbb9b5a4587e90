"""What a person said of a list, where a person has judged it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import polars as pl
from pydantic import ValidationInfo, field_validator

from rankmill.errors import ConfigError, TableError
from rankmill.filters.labelled import LabelledList
from rankmill.records import Rejection
from rankmill.spec import Spec
from rankmill.tables import REVIEWS


class Said(Protocol):
    """What one person said."""

    @property
    def reviewer(self) -> str:
        """Who."""

    @property
    def blind(self) -> bool:
        """Whether the labels were out of sight."""

    @property
    def at(self) -> datetime:
        """When."""


S = TypeVar("S", bound=Said)


def one_each(every: Iterable[S]) -> dict[str, S]:
    """What counts of all that was said of one thing, by reviewer.

    Whoever saw the labels knew more: that comes before what was said blind, and of two alike the
    later one counts.
    """
    return {one.reviewer: one for one in sorted(every, key=lambda one: (not one.blind, one.at))}


class _Verdict(NamedTuple):
    reviewer: str
    qid: str
    verdict: str
    blind: bool
    docids: Sequence[str]
    note: str
    at: datetime

    def counts(self, labelled: LabelledList) -> bool:
        """Whether the list is still what was judged."""
        now, then = list(labelled.consensus.docids), list(self.docids)
        return sorted(now) == sorted(then) if self.blind else now == then


class Reviewed(Spec):
    """Reject a list that a person rejected, and if asked for, every list that nobody accepted.

    A verdict counts while the list is what was judged: it has the documents it had, and their
    order too, unless the person judged blind. Ids and order are all that a filter sees: where
    texts or grades have changed under the same ids, the verdict counts here, though the page of
    `rankmill review` calls it outdated. Of one person's verdicts one counts, see `one_each`; where
    several people judged, one rejection rejects.

    Attributes:
        reviews: The table that `rankmill review` writes, relative to the recipe's folder.
        accepted_only: Whether a list that nobody judged is rejected.
    """

    kind: Literal["reviewed"] = "reviewed"
    reviews: Path
    accepted_only: bool = False

    @field_validator("reviews")
    @classmethod
    def lies_by_the_recipe(cls, reviews: Path, info: ValidationInfo) -> Path:
        """Make the path absolute, and refuse one where nothing is before a teacher is asked.

        A recipe that is read back from a manifest has its absolute path already.
        """
        if not info.context:
            return reviews
        path: Path = info.context["base"] / reviews.expanduser()
        if not path.is_file():
            raise ValueError(f"no file {path}; rankmill review writes it")
        return path

    def identity(self) -> dict[str, Any]:
        """The spec's identity, with the reviews' contents in place of where they lie.

        Raises:
            ConfigError: There is no such file.
            TableError: It is no table of reviews.
        """
        digest, _ = self._read
        return {**super().identity(), "reviews": f"{self.reviews.name}:{digest}"}

    @property
    def reads(self) -> tuple[str, ...]:
        """Views this filter needs: none."""
        return ()

    @property
    def scores(self) -> tuple[str, ...]:
        """Views whose scores this filter needs: none."""
        return ()

    def __call__(self, labelled: LabelledList) -> Rejection | None:
        """Return why the list is rejected, or None to keep it."""
        _, verdicts = self._read
        every = verdicts.get(labelled.qid, ())
        standing = one_each(one for one in every if one.counts(labelled)).values()
        if rejected := [one for one in standing if one.verdict == "rejected"]:
            why = "; ".join(one.note for one in rejected if one.note)
            return self._no(labelled, f"a person rejected it{': ' if why else ''}{why}")
        if standing or not self.accepted_only:
            return None
        return self._no(labelled, "nobody accepted it" + (" as it is now" if every else ""))

    def _no(self, labelled: LabelledList, why: str) -> Rejection:
        return Rejection(id=labelled.qid, rule=self.kind, detail=why)

    @cached_property
    def _read(self) -> tuple[str, Mapping[str, Sequence[_Verdict]]]:
        """A digest of the file and its verdicts by qid, read once, so both are of one moment."""
        try:
            data = self.reviews.read_bytes()
            table = REVIEWS.check(pl.read_parquet(BytesIO(data)))
        except OSError as error:
            raise ConfigError(
                f"settle.filters.reviewed: {self.reviews}: {error.strerror}"
            ) from error
        except (pl.exceptions.PolarsError, TableError) as error:
            raise TableError(f"{self.reviews}: no table of reviews: {error}") from error
        rows = table.filter(pl.col("docid").is_null()).select(_Verdict._fields).iter_rows()
        verdicts: defaultdict[str, list[_Verdict]] = defaultdict(list)
        for verdict in map(_Verdict._make, rows):
            verdicts[verdict.qid].append(verdict)
        return sha256(data).hexdigest()[:16], verdicts
