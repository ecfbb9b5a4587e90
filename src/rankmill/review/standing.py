"""What one person has said of a list, as far as it still stands."""

from dataclasses import dataclass

from rankmill.filters.reviewed import one_each
from rankmill.review.journal import Review, Reviews
from rankmill.review.shown import ShownDocument, ShownList


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's reviews. Those given in sight of the labels come after any that were blind."""

    reviews: Reviews
    reviewer: str

    def verdict(self, one: ShownList) -> Review | None:
        """The verdict on a list as it is now."""
        return self._counts(one.qid, None, sighted=one.shown, blind=one.shown_blind)

    def grade(self, one: ShownList, document: ShownDocument) -> Review | None:
        """The review that grades a document as it is now."""
        return self._counts(one.qid, document.docid, sighted=document.shown, blind=document.shown)

    def has_seen(self, one: ShownList) -> bool:
        """Whether the person decided anything of the list in sight of its labels."""
        shown = [(None, one.shown), *((d.docid, d.shown) for d in one.documents)]
        return any(self._said(one.qid, docid, seen, blind=False) for docid, seen in shown)

    def has_graded(self, one: ShownList) -> bool:
        """Whether every document of a list has a grade."""
        return all(self.grade(one, document) is not None for document in one.documents)

    def is_outdated(self, one: ShownList) -> bool:
        """Whether the person judged the list when its labels or its texts were others."""
        now = {one.shown, one.shown_blind}
        return any(
            review.qid == one.qid and review.docid is None and review.stands
            for review in self.reviews.latest.values()
            if review.reviewer == self.reviewer and review.shown not in now
        )

    def _counts(self, qid: str, docid: str | None, *, sighted: str, blind: str) -> Review | None:
        both = (
            self._said(qid, docid, sighted, blind=False),
            self._said(qid, docid, blind, blind=True),
        )
        return one_each(said for said in both if said and said.stands).get(self.reviewer)

    def _said(self, qid: str, docid: str | None, shown: str, *, blind: bool) -> Review | None:
        return self.reviews.latest.get((self.reviewer, qid, docid, shown, blind))
