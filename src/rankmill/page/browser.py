"""The labelled lists as the page's browser reads them: an index, and shelves opened one by one.

Each piece is JSON, deflated and in base64: small, opened only when it is looked at, and no text
of a corpus ever stands in the page for a parser of HTML to read.
"""

import json
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import polars as pl

from rankmill.page.short import cut, rounded, within
from rankmill.page.sources import Sources
from rankmill.page.topics import Topics
from rankmill.page.trialled import Trial, ranks_of, trials_of
from rankmill.records import Ranking

_MOST = 20_000
_SHELF = 200
_MOST_EXCERPT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """All that the page knows of lists.

    Attributes:
        pieces: What stands in the page, by id: `index`, `lists-0`, `documents-0` and so on.
        shown: Lists that can be looked at.
        total: Lists there are.
    """

    pieces: Mapping[str, str]
    shown: int
    total: int

    @classmethod
    def of(cls, sources: Sources, topics: Topics) -> Self:
        """Pack the lists; of more than 20,000, every n-th."""
        total = len(sources.queries)
        queries = sources.queries.sort("qid").gather_every(-(-total // _MOST) if total else 1)
        documents = _Documents()
        trials = trials_of(sources, set(queries["qid"]))
        lists = [_list(sources, row, trials, documents) for row in queries.iter_rows(named=True)]
        pieces = {
            "index": _index(sources, queries, topics),
            **dict(_shelves("lists", lists)),
            **dict(_shelves("documents", documents.read(sources))),
        }
        return cls(
            pieces={name: _packed(value) for name, value in pieces.items()},
            shown=len(queries),
            total=total,
        )


@dataclass(frozen=True, slots=True)
class _Documents:
    """Every document that is shown, numbered as it comes."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, docid: str) -> int:
        return self.numbers.setdefault(docid, len(self.numbers))

    def read(self, sources: Sources) -> list[Sequence[str]]:
        """Docid, title and the beginning of the text of each, by number."""
        limit = within(len(self.numbers), most=_MOST_EXCERPT)
        rows = sources.texts(list(self.numbers))
        return [(docid, title, cut(text, limit)) for docid, title, text in rows.iter_rows()]


def _index(sources: Sources, queries: pl.DataFrame, topics: Topics) -> dict[str, Any]:
    """What lists are found by, column by column."""
    found = queries.join(sources.lists, on="qid", how="left", maintain_order="left")
    reasons = [sources.reasons.get(qid, ("", "")) for qid in found["qid"]]
    return {
        "shelf": _SHELF,
        "qid": found["qid"].to_list(),
        "text": found["text"].to_list(),
        "kind": found["kind"].to_list(),
        "split": found["split"].to_list(),
        "topic": found["cluster"].to_list(),
        "topics": [(topic.number, " ".join(topic.words)) for topic in topics.topics],
        "rule": [rule for rule, _ in reasons],
        "detail": [detail for _, detail in reasons],
        **{
            name: [rounded(value) for value in found[name]]
            for name in ("tau", "view_tau", "top1_agreement", "weight")
        },
    }


def _list(
    sources: Sources,
    query: Mapping[str, Any],
    trials: Mapping[tuple[str, str], Sequence[Trial]],
    documents: _Documents,
) -> dict[str, Any]:
    """One list: its documents in the order of the consensus, and where every trial put them.

    A list that could not be ranked stands in the order of its retrieval.
    """
    qid = query["qid"]
    listed, one = sources.listed.get(qid, ()), sources.labelled.get(qid)
    docids = one.consensus.docids if one else listed
    grades = sources.grades.get(qid, {})
    return {
        "documents": [documents.number(docid) for docid in docids],
        "source": documents.number(query["source_docid"]) if query["source_docid"] else None,
        "retrieved": [listed.index(docid) + 1 for docid in docids],
        "scores": [rounded(score) for score in one.consensus.scores] if one else [],
        "grades": [grades[docid] for docid in docids] if grades else [],
        "views": [
            {
                "name": view.name,
                "ranks": _in_order(one.views.get(view.name) if one else None, docids),
                "trials": [trial.of(docids) for trial in trials.get((qid, view.name), ())],
            }
            for view in sources.recipe.views
        ],
    }


def _in_order(ranking: Ranking | None, docids: Sequence[str]) -> list[int]:
    ranks = ranks_of(ranking) if ranking else {}
    return [ranks[docid] for docid in docids if ranks]


def _shelves(name: str, rows: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    for number, start in enumerate(range(0, len(rows), _SHELF)):
        yield f"{name}-{number}", rows[start : start + _SHELF]


def _packed(value: Any) -> str:  # noqa: ANN401 - any plain value
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return b64encode(zlib.compress(plain.encode(), 6)).decode()
