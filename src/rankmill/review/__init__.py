"""A person goes through labelled lists: what is shown, what is decided, how far teachers agree."""

from rankmill.review.figures import summary
from rankmill.review.journal import Review, Reviews, read
from rankmill.review.measures import Measures, measure
from rankmill.review.server import serve
from rankmill.review.session import Session, begin
from rankmill.review.shown import Wanted, highest_grade, shown_lists

__all__ = [
    "Measures",
    "Review",
    "Reviews",
    "Session",
    "Wanted",
    "begin",
    "highest_grade",
    "measure",
    "read",
    "serve",
    "shown_lists",
    "summary",
]
