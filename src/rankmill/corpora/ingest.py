"""Ingest: any corpus to clean passages with stable ids, each text once."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Protocol

from rankmill.corpora.clean import clean
from rankmill.corpora.passages import Passages
from rankmill.corpora.writer import TableWriter
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection
from rankmill.report import StageReport
from rankmill.tables import DOCUMENTS, REJECTIONS
from rankmill.tablestore import Draft

_EVERY = 1000
_NAMED = 3  # of the rejected, where all are
Outcomes = Iterable[Document | Rejection]
Pick = Callable[[Outcomes, Path], Outcomes]


class Source(Protocol):
    """Where documents come from: any member of `Corpus`. Its string says where that is."""

    def documents(self, base: Path) -> Iterator[Document | Rejection]:
        """Read the documents one by one, always in the same order."""


def ingest(
    corpus: Source,
    passages: Passages,
    *,
    base: Path,
    draft: Draft,
    advance: Callable[[int], None],
    pick: Pick = lambda outcomes, _: outcomes,
) -> StageReport:
    """Write the tables `documents`, in the order of the source, and `rejections`.

    Two passages are duplicates when their cleaned texts are the same, whatever their titles: a
    teacher could not tell which of them answers a query. The first docid stays. Memory holds
    digests and docids, and no text but the rows on their way to the disk.

    Args:
        corpus: Where the documents come from.
        passages: How they are cut.
        base: The recipe's folder.
        draft: Where the tables go.
        advance: Told now and then how many documents have been read so far.
        pick: Puts rejections in the place of passages, in a stream of both; it may keep files in
            the draft's folder while it does.

    Returns:
        Counts of passages; a document that is rejected whole counts as one.

    Raises:
        CorpusError: The source cannot be read, a docid has two different texts, or no passage is
            left.
    """
    sieve = _Sieve(corpus, passages, base)
    read = _Count(advance)
    with _Outcomes(draft) as outcomes:
        sifted = map(sieve.sift, read.through(corpus.documents(base)))
        outcomes.add(pick(chain.from_iterable(sifted), draft.folder))
    advance(read.number)
    return outcomes.report(corpus, read.number)


class _Count:
    """How many documents have been read."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self.number, self._advance = 0, advance

    def through(self, found: Outcomes) -> Iterator[Document | Rejection]:
        """Hand on what is found, and tell of it now and then."""
        for one in found:
            self.number += 1
            yield one
            if self.number % _EVERY == 0:
                self._advance(self.number)


class _Outcomes(ExitStack):
    """The two tables of ingest in the making, and what went into them."""

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self._stage = draft.stage
        self._kept = self.enter_context(TableWriter(DOCUMENTS, draft.folder))
        self._left_out = self.enter_context(TableWriter(REJECTIONS, draft.folder))
        self._rejected: Counter[str] = Counter()
        self._first: list[Rejection] = []
        self._characters = 0

    def add(self, outcomes: Outcomes) -> None:
        """Write each to its table."""
        for outcome in outcomes:
            if isinstance(outcome, Rejection):
                self._rejected[outcome.rule] += 1
                if len(self._first) < _NAMED:
                    self._first.append(outcome)
                self._left_out.write(self._stage, outcome.id, outcome.rule, outcome.detail)
            else:
                self._characters += len(outcome.text)
                self._kept.write(*_row(outcome))

    def report(self, corpus: Source, read: int) -> StageReport:
        """Count it all.

        Raises:
            CorpusError: Nothing was kept.
        """
        rejected = dict(sorted(self._rejected.items()))
        if not self._kept.rows:
            reasons = ", ".join(f"{rule} {count:,}" for rule, count in rejected.items())
            named = "; ".join(f"{one.id}: {one.rule}, {one.detail}" for one in self._first)
            raise CorpusError(
                f"{corpus}: no passage is left of {read:,} documents"
                + (f" ({reasons}), such as {named}" if reasons else "")
            )
        return StageReport(
            stage=self._stage,
            read=self._kept.rows + self._left_out.rows,
            written=self._kept.rows,
            rejected=rejected,
            facts={"documents": read, "characters": self._characters},
        )


class _Sieve:
    """Cleans and cuts documents, and knows every docid and every text that has gone by."""

    def __init__(self, corpus: Source, passages: Passages, base: Path) -> None:
        self._corpus = corpus
        self._passages = passages
        self._base = base
        self._digest_of: dict[str, bytes] = {}
        self._docid_of: dict[bytes, str] = {}

    def sift(self, found: Document | Rejection) -> Iterator[Document | Rejection]:
        """Turn one thing read into passages to keep and rejections."""
        if isinstance(found, Rejection):
            yield found
            return
        document = clean(found)
        if self._again(document):
            yield _repetition(document)
            return
        for passage in self._passages.cut(document):
            if isinstance(passage, Rejection):
                yield passage
            else:
                yield self._first(passage, cut=passage.docid != document.docid)

    def _again(self, document: Document) -> bool:
        """Whether this docid came before with this text.

        Raises:
            CorpusError: It came before with another text.
        """
        digest = _digest(document.text)
        before = self._digest_of.setdefault(document.docid, digest)
        if before is digest:
            return False
        if before == digest:
            return True
        raise CorpusError(
            f"{self._corpus}: docid {document.docid!r} has two different texts, "
            f"at {self._place(document.docid)} and at {document.source}"
        )

    def _first(self, passage: Document, *, cut: bool) -> Document | Rejection:
        """The passage, if its text is new."""
        if cut and self._again(passage):
            return _repetition(passage)
        digest = self._digest_of[passage.docid]
        before = self._docid_of.setdefault(digest, passage.docid)
        if before == passage.docid:
            return passage
        return Rejection(id=passage.docid, rule="duplicate", detail=f"the same text as {before}")

    def _place(self, docid: str) -> str:
        """Where `docid` was first read, found by reading again: no place is kept in memory."""
        for found in self._corpus.documents(self._base):
            if isinstance(found, Document):
                if found.docid == docid:
                    return found.source
                pieces = self._passages.cut(clean(found))
                if any(isinstance(p, Document) and p.docid == docid for p in pieces):
                    return f"{found.source} (a passage of {found.docid!r})"
        return "an earlier place"


def _repetition(document: Document) -> Rejection:
    detail = f"the same docid and text again at {document.source}"
    return Rejection(id=document.docid, rule="duplicate", detail=detail)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _row(passage: Document) -> tuple[str | None, ...]:
    sha256 = _digest(passage.text).hex()
    return (
        passage.docid,
        passage.title,
        passage.text,
        passage.source,
        passage.parent,
        passage.licence,
        passage.lang,
        sha256,
        passage.headings,
    )
