"""The files that are mined: documents, queries and known answers, read and embedded once."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from rankmill.corpora import Beir, Jsonl, ParquetFiles
from rankmill.corpora.writer import TableWriter
from rankmill.depends import embedder_of
from rankmill.errors import CorpusError
from rankmill.generate.given import Given, GivenQuery
from rankmill.generate.rows import rows
from rankmill.mine.known import Points
from rankmill.mine.qrels import strangers, without_answer
from rankmill.records import Document, Rejection
from rankmill.report import StageReport
from rankmill.settings import Settings
from rankmill.space import Embedder, embed, open_vectors, text_of
from rankmill.spec import Spec, digest
from rankmill.tables import DOCUMENTS, QUERIES, REJECTIONS
from rankmill.tablestore import Draft, Output, once

_REVISION = "3"
_QUERIES = "queries.npy"
_DOCID = ("docid", "_id", "id")
_TEXT = ("text", "document", "passage")
_ENDS = " .?。"  # a sentence, and say nothing
Pairs = pl.DataFrame
"""Columns qid and docid."""


class Collection(Spec):
    """Documents, queries, and who answers whom.

    Attributes:
        corpus: A folder in BEIR's layout, a file of JSON Lines or Parquet, or one of ids and texts
            between tabs.
        queries: With the answers that are known.
        embed: Whose neighbours are the negatives.
    """

    corpus: Path
    queries: Given
    embed: Embedder


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A collection with its vectors.

    Attributes:
        made: Tables DOCUMENTS, without repeated texts, QUERIES and REJECTIONS.
        positives: Known answers.
        excluded: Documents that are graded, but too low for a positive, or are the query itself.
    """

    made: Output
    documents: Points
    queries: Points
    positives: Pairs
    excluded: Pairs


def prepare(
    collection: Collection,
    settings: Settings,
    *,
    say: Callable[[str], None],
    advance: Callable[[int, int], None],
) -> Prepared:
    """Read a collection and embed it, unless the tables of all builds have it already.

    Of documents that differ in nothing but white space, case, and full stops or question marks at
    their ends, the first stands for all: a copy of a positive is a positive.

    Raises:
        CorpusError: A file is missing, a line of it is wrong, or no query has an answer that is in
            the corpus; that is said before anything is embedded.
    """
    here = Path.cwd()
    depends = {
        "corpus": _origin(collection.corpus, here),
        "revision": _REVISION,
        **embedder_of(collection.embed),
        **collection.queries.reads(here),
        "queries": collection.queries.fingerprint,
    }

    def make(draft: Draft) -> StageReport:
        report = _read(collection, here, draft)
        with collection.embed.open(settings, say) as encoder:
            documents = draft.folder / f"{DOCUMENTS.name}.parquet"
            batch = collection.embed.batch
            embed(documents, encoder=encoder, folder=draft.folder, batch=batch, advance=advance)
            texts = pl.read_parquet(draft.folder / f"{QUERIES.name}.parquet")["text"].to_list()
            np.save(draft.folder / _QUERIES, encoder.encode(texts, "query"))
        return report

    made = once(settings.data / "tables", "mine", depends, make, resume=True)
    return _opened(made, *_answers(collection, here))


def _answers(collection: Collection, here: Path) -> tuple[Pairs, Pairs]:
    """Known answers, and all documents that are graded above 0."""
    lower = collection.queries.model_copy(update={"min_grade": 1})
    return _pairs(collection.queries.read(here)), _pairs(lower.read(here))


def _opened(made: Output, answers: Pairs, graded: Pairs) -> Prepared:
    queries, copies = made.read(QUERIES), made.read(REJECTIONS).filter(rule="same_text")
    documents = pl.scan_parquet(made.path(DOCUMENTS)).select("docid").collect()
    positives = _named(copies, answers)
    others = pl.concat([_named(copies, graded), _themselves(made)]).unique()
    return Prepared(
        made=made,
        documents=Points(ids=documents["docid"], vectors=open_vectors(made.folder)),
        queries=Points(ids=queries["qid"], vectors=np.load(made.folder / _QUERIES)),
        positives=positives,
        excluded=others.join(positives, on=["qid", "docid"], how="anti"),
    )


def _documents(corpus: Path, here: Path) -> Iterator[Document | Rejection]:
    if corpus.is_dir():
        return Beir(path=corpus).documents(here)
    if corpus.name.endswith((".jsonl", ".jsonl.gz")):
        return Jsonl(path=corpus).documents(here)
    if corpus.suffix == ".parquet":
        return ParquetFiles(path=corpus).documents(here)
    if corpus.name.endswith((".tsv", ".tsv.gz")):
        read = rows(here / corpus, columns=(_DOCID, _TEXT))
        return (
            Document(docid=row.text(_DOCID), text=row.maybe(_TEXT), source=row.place)
            for row in read
        )
    raise CorpusError(f"{corpus}: expected a folder in BEIR's layout, .jsonl, .parquet or .tsv")


def _origin(corpus: Path, here: Path) -> str:
    from rankmill.corpora.files import find_files, fingerprint

    if (here / corpus).is_dir():
        return Beir(path=corpus).origin(here)
    return fingerprint(find_files(corpus, here, endings=("",)))


def _read(collection: Collection, here: Path, draft: Draft) -> StageReport:
    """Write the documents, the queries that have an answer, and what is left out of either."""
    distinct = _distinct(_documents(collection.corpus, here))
    asked = [_answered(one) for one in collection.queries.read(here)]
    queries = [one for one in asked if isinstance(one, GivenQuery)]
    rejected = [one for one in asked if isinstance(one, Rejection)]
    answers = {docid for query in queries for docid in query.relevant}
    if not answers:
        raise without_answer(collection.queries, here)
    rejected += strangers(collection.queries, here)
    with TableWriter(DOCUMENTS, draft.folder) as table:
        for one, text in distinct:
            if isinstance(one, Rejection):
                rejected.append(one)
            else:
                places = (one.source, one.parent, one.licence, one.lang)
                table.write(one.docid, one.title, one.text, *places, text)
    kinds = (
        (one.qid, one.text, one.kind, None, 0, "train", "", "", "", one.lang) for one in queries
    )
    draft.write(QUERIES, QUERIES.frame(kinds))
    docids = pl.read_parquet(draft.folder / f"{DOCUMENTS.name}.parquet", columns=["docid"])["docid"]
    copies = [one.id for one in rejected if one.rule == "same_text"]
    if answers.isdisjoint([*docids, *copies]):
        wanted = f"expected the docid of an answer, such as {min(answers)!r}"
        raise CorpusError(f"{collection.corpus}: {wanted}, found none")
    written = table.rows + len(queries)
    return StageReport(
        stage="mine",
        read=written + len(rejected),
        written=written,
        rejected=draft.reject(rejected),
    )


def _distinct(
    documents: Iterable[Document | Rejection],
) -> Iterator[tuple[Document | Rejection, str]]:
    """Documents with the digests of their texts; of one that says the same, who stands for it."""
    first, known = dict[str, str](), set[str]()
    for one in documents:
        if isinstance(one, Rejection):
            yield one, ""
            continue
        if one.docid in known:
            raise CorpusError(f"{one.source}: the docid {one.docid} repeats")
        known.add(one.docid)
        text = _said(text_of(one.title, one.text))
        stands = first.setdefault(text, one.docid)
        copy = Rejection(id=one.docid, rule="same_text", detail=stands)
        yield (one if stands == one.docid else copy), text


def _answered(query: GivenQuery | Rejection) -> GivenQuery | Rejection:
    if isinstance(query, Rejection) or query.relevant:
        return query
    return Rejection(id=query.qid, rule="no_positive", detail="no answer is known, expected one")


def _said(text: str) -> str:
    """The digest of a text, however it is spaced, cased and ended; symbols and marks tell apart."""
    same = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    return digest(same.rstrip(_ENDS) or same)


def _pairs(queries: list[GivenQuery | Rejection]) -> Pairs:
    found = [one for one in queries if isinstance(one, GivenQuery)]
    known = [(query.qid, docid) for query in found for docid in query.relevant]
    return pl.DataFrame(known, schema={"qid": pl.String, "docid": pl.String}, orient="row")


def _named(copies: pl.DataFrame, pairs: Pairs) -> Pairs:
    """Pairs with the document that stands for all of its text."""
    first = copies.select(docid="id", first="detail")
    found = pairs.join(first, on="docid", how="left", maintain_order="left")
    return found.select("qid", docid=pl.coalesce("first", "docid")).unique(maintain_order=True)


def _themselves(made: Output) -> Pairs:
    """Documents that say what the query says."""
    documents = pl.scan_parquet(made.path(DOCUMENTS)).select("docid", "sha256").collect()
    queries = made.read(QUERIES)
    said = pl.Series(list(map(_said, queries["text"])), dtype=pl.String)
    return queries.select("qid", sha256=said).join(documents, on="sha256").select("qid", "docid")
