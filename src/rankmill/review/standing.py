"""What one person has said of a list, as far as it still stands."""

from dataclasses import dataclass

from rankmill.review.journal import Review, Reviews
from rankmill.review.shown import ShownDocument, ShownList


@dataclass(frozen=True, slots=True)
class Standing:
    """One person's reviews. Those given in sight of the labels come after any that were blind."""

    reviews: Reviews
    reviewer: str

    def verdict(self, one: ShownList) -> Review | None:
        """The verdict on a list as it is now."""
        sighted = self._said(one.qid, None, one.shown, blind=False)
        blind = self._said(one.qid, None, one.shown_blind, blind=True)
        return next((said for said in (sighted, blind) if said and said.stands), None)

    def grade(self, one: ShownList, document: ShownDocument) -> int | None:
        """The grade of a document as it is now."""
        for blind in (False, True):
            said = self._said(one.qid, document.docid, document.shown, blind=blind)
            if said and said.stands:
                return said.grade
        return None

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

    def _said(self, qid: str, docid: str | None, shown: str, *, blind: bool) -> Review | None:
        return self.reviews.latest.get((self.reviewer, qid, docid, shown, blind))
