"""Queries that the user gives: a log of real ones, with what is known to answer them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, field_validator

from rankmill.corpora.files import resolve
from rankmill.errors import CorpusError
from rankmill.generate.examples import digest_of
from rankmill.generate.rows import Row, rows
from rankmill.records import Rejection
from rankmill.spec import Machine, Spec, digest
from rankmill.tags import fault

_ID = ("qid", "_id", "id", "query_id", "query-id")
_TEXT = ("text", "query", "question")
_ANSWERS = ("docid", "docids", "source_docid", "relevant_docids")
_QRELS = (("query-id",), ("corpus-id",), ("score",))
_NAMES = ("queries.jsonl", "queries.jsonl.gz", "queries.tsv")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenQuery:
    """A query of the user's.

    Attributes:
        relevant: Docids known to answer it, best first, as the corpus's own files name them.
    """

    qid: str
    text: str
    kind: str
    lang: str | None = None
    relevant: tuple[str, ...] = ()


class Given(Spec):
    """Queries of the user's own, instead of written ones or beside them.

    They go through the same rules. One with a known answer has the best such document that is in
    the corpus for its source; without one its topic and its split are those of the document
    nearest to it.

    Attributes:
        path: JSON Lines with `text` or `query` and, where there is one, `_id`, `qid` or `id`; or
            ids and texts, or texts alone, between tabs; or a folder of a BEIR collection. A query
            without an id gets one from the digest of its text.
        qrels: Known answers, as BEIR has them: query-id, corpus-id and score between tabs.
            A line of JSON may also name them itself, under `docid` or `docids`.
        min_grade: The least grade of an answer in the qrels.
        kind_of_query: What the `kind` column says of them, unless a line has a `kind`.
        lang: BCP 47 tag of all of them, unless a line has a `lang`.
        queries: Take that many, always the same ones; 0 takes all. Rejections are none of them.
    """

    path: Path = Machine(...)
    qrels: Path | None = Machine(None)
    min_grade: int = Field(default=1, ge=0)
    kind_of_query: str = Field(default="given", min_length=1)
    lang: str | None = Field(default=None, min_length=1)
    queries: int = Field(default=0, ge=0)

    @field_validator("lang")
    @classmethod
    def _is_a_tag(cls, lang: str | None) -> str | None:
        if lang and (reason := fault(lang)):
            raise ValueError(reason)
        return lang

    def reads(self, base: Path) -> dict[str, str]:
        """Digests of the files.

        Raises:
            CorpusError: One is missing or cannot be read.
        """
        answers = {"qrels": digest_of(self.qrels, base)} if self.qrels else {}
        return {"given": digest_of(self._file(base), base), **answers}

    def read(self, base: Path) -> list[GivenQuery | Rejection]:
        """Every query, in the order of the file.

        A line without text is rejected as `no_text`, one whose id came before as `repeated_id`.

        Raises:
            CorpusError: A file is missing, or a line is not what its format says.
        """
        answers = self.answers(base)
        known: set[str] = set()
        found: list[GivenQuery | Rejection] = []
        for row in rows(self._file(base), columns=(_ID, _TEXT)):
            query = self._query(row, answers)
            if isinstance(query, GivenQuery) and query.qid in known:
                query = Rejection(id=query.qid, rule="repeated_id", detail=f"again at {row.place}")
            found.append(query)
            known |= {query.qid} if isinstance(query, GivenQuery) else set()
        if not known:
            raise CorpusError(f"{self._file(base)}: no query in it{_instead(found)}")
        if answers and known.isdisjoint(answers):
            raise CorpusError(
                f"{self.qrels}: no query of {self._file(base)} in it; found {next(iter(answers))}, "
                f"expected such as {min(known)}"
            )
        return self._taken(found)

    def count(self, base: Path) -> int:
        """How many queries there are at most.

        Raises:
            CorpusError: As `read`.
        """
        return sum(isinstance(one, GivenQuery) for one in self.read(base))

    def strangers(self, base: Path) -> list[str]:
        """The queries of the qrels that are not given, in the order of the qrels.

        Raises:
            CorpusError: As `read`.
        """
        whole = self.model_copy(update={"queries": 0}).read(base)
        asked = {one.qid for one in whole if isinstance(one, GivenQuery)}
        return [qid for qid in self.answers(base) if qid not in asked]

    def _taken(self, found: list[GivenQuery | Rejection]) -> list[GivenQuery | Rejection]:
        queries = [one for one in found if isinstance(one, GivenQuery)]
        if not self.queries or len(queries) <= self.queries:
            return found
        qids = sorted((query.qid for query in queries), key=digest)[: self.queries]
        taken = set(qids)
        return [one for one in found if isinstance(one, Rejection) or one.qid in taken]

    def _file(self, base: Path) -> Path:
        """The file of queries."""
        place = resolve(self.path, base)
        if not place.is_dir():
            return place
        for name in _NAMES:
            if (place / name).is_file():
                return place / name
        raise CorpusError(f"{place}: expected {' or '.join(_NAMES)}, found neither")

    def _query(self, row: Row, answers: Mapping[str, Mapping[str, int]]) -> GivenQuery | Rejection:
        text = " ".join(row.maybe(_TEXT).split())
        qid = row.maybe(_ID) or "q" + digest(text)[:12]
        if not text:
            lacks = not set(_TEXT) & row.values.keys()
            among = f": found {', '.join(row.values)}, expected {' or '.join(_TEXT)}"
            detail = f"nothing at {row.place}{among if lacks else ''}"
            return Rejection(id=qid, rule="no_text", detail=detail)
        grades = answers.get(qid, {})
        good = [docid for docid, grade in grades.items() if grade >= self.min_grade]
        return GivenQuery(
            qid=qid,
            text=text,
            kind=row.maybe(("kind",)) or self.kind_of_query,
            lang=row.maybe(("lang",)) or self.lang,
            relevant=(
                *row.texts(_ANSWERS),
                *sorted(good, key=lambda docid: (-grades[docid], docid)),
            ),
        )

    def answers(self, base: Path) -> dict[str, dict[str, int]]:
        """Grades of the judged documents, by qid and docid; of queries that are not given too.

        Raises:
            CorpusError: The qrels are missing, or a line is not what its format says.
        """
        grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
        if self.qrels:
            for row in rows(resolve(self.qrels, base), columns=_QRELS):
                if len(row.values) < len(_QRELS):
                    found = " ".join(map(repr, row.values.values()))
                    expected = "expected query-id, corpus-id and score between tabs"
                    raise CorpusError(f"{row.place}: {expected}, found {found}")
                grades[row.text(("query-id",))][row.text(("corpus-id",))] = _grade(row)
        return dict(grades)


def _instead(found: Sequence[GivenQuery | Rejection]) -> str:
    """Why the first of a file's lines is none."""
    return next((f"; {one.detail}" for one in found if isinstance(one, Rejection)), "")


def _grade(row: Row) -> int:
    said = row.text(("score",))
    if not said.removeprefix("-").isdecimal():
        raise CorpusError(f"{row.place}: expected a whole number for a grade, found {said!r}")
    return int(said)
