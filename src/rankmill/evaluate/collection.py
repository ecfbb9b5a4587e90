"""Test collections in BEIR's layout, with the candidate lists that a teacher is to judge."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rankmill.corpora import Beir
from rankmill.corpora.files import lines
from rankmill.errors import CorpusError
from rankmill.records import Document, Query
from rankmill.retrieve import BM25
from rankmill.retrieve.given import read_run
from rankmill.retrieve.top import top
from rankmill.space import text_of
from rankmill.spec import digest

Grades = Mapping[str, Mapping[str, int]]
"""Relevance grades by qid and docid, as people gave them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Queries with human judgments and first-stage candidate lists.

    Attributes:
        name: Name of its folder.
        queries: Those judged, by qid; `answer` is `metadata.answer` where queries.jsonl has it.
        lists: Docids of every query's candidates, best first.
        texts: What a teacher sees of every candidate, by docid.
        qrels: Human grades.
        first_stage: Where the lists come from, in words.
    """

    name: str
    queries: Mapping[str, Query]
    lists: Mapping[str, Sequence[str]]
    texts: Mapping[str, str]
    qrels: Grades
    first_stage: str

    @property
    def fingerprint(self) -> str:
        """Changes with any text, list or judgment."""
        asked = {qid: [q.text, q.answer] for qid, q in sorted(self.queries.items())}
        parts = (asked, self.lists, self.texts, self.qrels)
        return digest(json.dumps(parts, sort_keys=True))


class Wanted(NamedTuple):
    """Which lists of a collection are judged.

    Attributes:
        split: Which qrels.
        candidates: `bm25` searches the corpus; `judged` takes the documents that people judged
            for the query, in BM25's order; anything else is the file of a TREC run.
        depth: Candidates of each query.
        queries: Take that many, always the same ones; 0 for all.
    """

    split: str = "test"
    candidates: str = "bm25"
    depth: int = 20
    queries: int = 0


def load(folder: Path, wanted: Wanted) -> Collection:
    """Read a collection in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels/<split>.tsv`.

    Raises:
        CorpusError: A file is missing, or a line is not what its format says.
    """
    split, candidates, depth, queries = wanted
    qrels = qrels_of(folder / "qrels" / f"{split}.tsv")
    asked = {q.qid: q for q in _queries(folder / "queries.jsonl") if q.qid in qrels}
    chosen = sorted(asked, key=digest)[: queries or len(asked)]
    asked = {qid: asked[qid] for qid in sorted(chosen)}
    if not asked:
        raise CorpusError(f"{folder}: no query of queries.jsonl is judged in qrels/{split}.tsv")
    found = [d for d in Beir(path=folder.resolve()).documents(folder) if isinstance(d, Document)]
    texts = {document.docid: text_of(document.title, document.text) for document in found}
    lists, first_stage = _lists(candidates, asked, texts, qrels, depth)
    shown = {docid for docids in lists.values() for docid in docids}
    if unknown := sorted(shown - set(texts)):
        raise CorpusError(f"{folder}: candidates that the corpus has not: {', '.join(unknown[:3])}")
    return Collection(
        name=folder.resolve().name,
        queries={qid: asked[qid] for qid in lists},
        lists=lists,
        texts={docid: texts[docid] for docid in sorted(shown)},
        qrels={qid: qrels[qid] for qid in lists},
        first_stage=first_stage,
    )


def _lists(
    candidates: str,
    queries: Mapping[str, Query],
    texts: Mapping[str, str],
    qrels: Grades,
    depth: int,
) -> tuple[dict[str, list[str]], str]:
    if candidates not in {"bm25", "judged"}:
        run = read_run(Path(candidates))
        lists = {qid: run[qid][:depth] for qid in queries if qid in run}
        return {qid: docids for qid, docids in lists.items() if docids}, Path(candidates).name
    docids = sorted(texts)
    spec = BM25()
    index = spec.index(texts[docid] for docid in docids)
    words = spec.words([query.text for query in queries.values()])
    lists = {}
    for qid, asked in zip(queries, words, strict=True):
        scores = index.scores(asked)
        if candidates == "judged":
            judged = np.isin(docids, list(qrels[qid]))
            scores = np.where(judged, scores, -1)
        lists[qid] = [docids[place] for place in top(scores, depth) if scores[place] >= 0]
    first = "BM25" if candidates == "bm25" else "BM25 over judged documents"
    return {qid: found for qid, found in lists.items() if found}, first


def _queries(path: Path) -> Iterator[Query]:
    for number, line in lines(path):
        try:
            row = json.loads(line)
            answer = (row.get("metadata") or {}).get("answer") or ""
            yield Query(qid=str(row["_id"]), text=row["text"], answer=answer)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            expected = "expected a JSON object with _id and text"
            raise CorpusError(f"{path}, line {number}: {expected}: {error}") from error


def qrels_of(path: Path) -> dict[str, dict[str, int]]:
    """Read grades by qid and docid from a file of BEIR's qrels.

    Raises:
        CorpusError: It cannot be read, or a line is not what its format says.
    """
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for number, line in lines(path):
        match line.split("\t"):
            case ["query-id", *_]:
                continue
            case [qid, docid, grade] if grade.strip().lstrip("-").isdigit():
                grades[qid][docid] = int(grade)
            case _:
                expected = "expected query-id, corpus-id and an integer score between tabs"
                raise CorpusError(f"{path}, line {number}: {expected}, found {line!r}")
    return dict(grades)
