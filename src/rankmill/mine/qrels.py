"""Which qrels hold the known answers, and what of them fits no query."""

from pathlib import Path

from rankmill.errors import CorpusError
from rankmill.generate.given import Given, GivenQuery
from rankmill.records import Rejection

_USUAL = "train"


def qrels_of(corpus: Path, queries: Path, split: str | None) -> Path | None:
    """The qrels of a folder in BEIR's layout.

    Args:
        corpus: Perhaps such a folder.
        queries: With the answers that they name themselves, or without.
        split: None for that of training, which may be missing where the queries name answers.

    Raises:
        CorpusError: The file is not there, or the queries cannot be read.
    """
    place = corpus / "qrels" / f"{split or _USUAL}.tsv"
    if place.is_file():
        return place
    if split and not corpus.is_dir():
        raise CorpusError(f"{corpus}: split {split} is of a folder in BEIR's layout, found a file")
    if corpus.is_dir() and (split or not _answered(queries)):
        there = ", ".join(sorted(path.name for path in place.parent.glob("*.tsv")))
        raise CorpusError(f"{place}: no such file; there are {there or 'no qrels'}")
    return None


def _answered(queries: Path) -> bool:
    found = Given(path=queries).read(Path.cwd())
    return any(isinstance(one, GivenQuery) and one.relevant for one in found)


def strangers(given: Given, here: Path) -> list[Rejection]:
    """The queries that are graded, but are not among those given."""
    answers = given.answers(here)
    return [
        Rejection(id=qid, rule="no_such_query", detail=f"{len(answers[qid])} grades, no text")
        for qid in given.strangers(here)
    ]


def without_answer(given: Given, here: Path) -> CorpusError:
    """Why no query has an answer."""
    if given.qrels is None:
        return CorpusError(f"{given.path}: no query has an answer and no qrels, expected one")
    grades = given.answers(here)
    if not grades:
        return CorpusError(f"{given.qrels}: no line in it, expected known answers")
    others = {one.id for one in strangers(given, here)}
    told = f"no query has an answer with a grade of at least {given.min_grade}"
    highest = max(max(of.values()) for qid, of in grades.items() if qid not in others)
    return CorpusError(f"{given.qrels}: {told}, the highest grade is {highest}")
