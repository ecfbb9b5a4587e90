"""One person going through some lists: what the page is told, and what it may decide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rankmill.errors import RankmillError
from rankmill.finished import Finished
from rankmill.review.journal import Review, Reviews, Verdict
from rankmill.review.measures import Measures, measure
from rankmill.review.shown import (
    ShownDocument,
    ShownList,
    Wanted,
    highest_grade,
    shown_lists,
)
from rankmill.review.standing import Standing
from rankmill.spec import digest


class NotThere(RankmillError):
    """The page names a list or a document that this session does not show."""


class NotNow(RankmillError):
    """The page asks for what this session does not allow."""


@dataclass(kw_only=True)
class Session:
    """What one person sees and has decided.

    Attributes:
        build: Name of the build.
        lists: By qid, in the order in which they are shown.
        highest: The highest grade that may be given.
        blind: Whether order and grades stay out of sight until every document of a list is graded.
        seed: Decides in which order blind documents are shown.
        now: The time, in UTC.
    """

    build: str
    lists: Mapping[str, ShownList]
    highest: int
    reviewer: str
    blind: bool
    seed: int
    reviews: Reviews
    now: Callable[[], datetime]

    def overview(self) -> dict[str, Any]:
        """All lists in short, as JSON values."""
        return {
            "build": self.build,
            "reviewer": self.reviewer,
            "highest": self.highest,
            "blind": self.blind,
            "lists": [_status(one, self._mine) for one in self.lists.values()],
        }

    def detail(self, qid: str) -> dict[str, Any]:
        """One list as the person may see it now, as JSON values.

        Raises:
            NotThere: It is not among the session's.
        """
        one = self._list(qid)
        hidden = self._hidden(one)
        verdict = self._mine.verdict(one)
        documents = list(one.documents)
        if hidden:
            documents.sort(key=lambda document: digest(f"{self.seed}/{qid}/{document.docid}"))
        return {
            **_status(one, self._mine),
            "hidden": hidden,
            "reason": "" if hidden else one.reason,
            "note": verdict.note if verdict else "",
            "outdated": verdict is None and self._mine.is_outdated(one),
            "documents": [
                _document(document, self._mine.grade(one, document), hidden=hidden)
                for document in documents
            ],
        }

    def judge(self, qid: str, verdict: Verdict | None, note: str) -> dict[str, Any]:
        """Accept or reject a list, or take that back, and return it as it is then.

        Raises:
            NotThere: It is not among the session's.
            NotNow: Labels that are out of sight cannot be accepted.
            StorageError: The disk did not take it.
        """
        one = self._list(qid)
        hidden = self._hidden(one)
        if hidden and verdict == "accepted":
            raise NotNow("grade every document first; then the labels are shown to be accepted")
        before = self._mine.verdict(one)
        blind = before.blind if before and not verdict else hidden
        self.reviews.add(
            Review(
                reviewer=self.reviewer,
                qid=qid,
                verdict=verdict,
                blind=blind,
                docids=one.docids,
                shown=one.shown_blind if blind else one.shown,
                note=note if verdict else "",
                at=self.now(),
            )
        )
        return self.detail(qid)

    def grade(self, qid: str, docid: str, grade: int | None) -> dict[str, Any]:
        """Grade a document, or take that back, and return its list as it is then.

        Raises:
            NotThere: The list or the document is not among the session's.
            NotNow: The grade is not from 0 to the highest.
            StorageError: The disk did not take it.
        """
        one = self._list(qid)
        document = next((d for d in one.documents if d.docid == docid), None)
        if document is None:
            raise NotThere(f"no document {docid} in the list {qid}")
        if grade is not None and not 0 <= grade <= self.highest:
            raise NotNow(f"expected a grade from 0 to {self.highest}, found {grade}")
        before, hidden = self._mine.grade(one, document), self._hidden(one)
        taken_back = {before.blind} if before and grade is None else set()
        for blind in sorted({hidden} | taken_back):  # in sight first: what was seen stays seen
            self.reviews.add(
                Review(
                    reviewer=self.reviewer,
                    qid=qid,
                    docid=docid,
                    grade=grade,
                    teacher_grade=document.grade,
                    blind=blind,
                    shown=document.shown,
                    at=self.now(),
                )
            )
        return self.detail(qid)

    def measures(self) -> Measures:
        """How far this person and the teachers agree on the session's lists."""
        mine = (
            review
            for review in self.reviews.latest.values()
            if review.reviewer == self.reviewer and review.qid in self.lists
        )
        return measure(mine, self.lists, self.highest)

    def _list(self, qid: str) -> ShownList:
        if qid not in self.lists:
            raise NotThere(f"no list {qid} in this review")
        return self.lists[qid]

    def _hidden(self, one: ShownList) -> bool:
        """Whether the labels are out of sight: not all is graded, and nothing was seen."""
        return self.blind and not self._mine.has_seen(one) and not self._mine.has_graded(one)

    @property
    def _mine(self) -> Standing:
        return Standing(self.reviews, self.reviewer)


def begin(
    build: Finished,
    wanted: Wanted,
    reviews: Reviews,
    *,
    reviewer: str,
    blind: bool,
    now: Callable[[], datetime],
) -> Session:
    """Begin, or go on with, one person's review of a build.

    Raises:
        ConfigError: There is no such list.
        StageError: The build has not come as far as `settle`.
    """
    return Session(
        build=build.manifest["name"],
        lists=shown_lists(build, wanted),
        highest=highest_grade(build),
        reviewer=reviewer,
        blind=blind,
        seed=wanted.seed,
        reviews=reviews,
        now=now,
    )


def _status(one: ShownList, mine: Standing) -> dict[str, Any]:
    verdict = mine.verdict(one)
    return {
        "qid": one.qid,
        "query": one.query,
        "verdict": verdict.verdict if verdict else None,
        "graded": sum(mine.grade(one, document) is not None for document in one.documents),
        "size": len(one.documents),
    }


def _document(document: ShownDocument, mine: Review | None, *, hidden: bool) -> dict[str, Any]:
    return {
        "docid": document.docid,
        "title": document.title,
        "text": document.text,
        "mine": mine.grade if mine else None,
        "teacher": None if hidden else document.grade,
        "source": not hidden and document.source,
    }
