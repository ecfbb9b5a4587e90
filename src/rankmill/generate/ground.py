"""The corpus, as far as who writes queries has to know it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rankmill.corpora.read import documents_of
from rankmill.generate.given import GivenQuery
from rankmill.generate.writing import Encode, Seed
from rankmill.generate.written import Written
from rankmill.records import Document
from rankmill.retrieve.dense import nearest
from rankmill.space import text_of

Places = Mapping[str, tuple[int, str]]
"""Cluster and split by id."""


@dataclass(frozen=True, kw_only=True)
class PlacedDocuments:
    """Documents with their topics, splits and vectors.

    Attributes:
        base: The recipe's folder.
        documents: Parquet file of the documents.
        table: Columns docid, cluster, split and row, sorted by docid; of the documents that have
            a topic. `row` is the document's row in `vectors`.
        vectors: Unit-length rows; may be memory-mapped.
        encode: Embeds queries, and what else is to be near to documents.
    """

    base: Path
    documents: Path
    table: pl.DataFrame
    vectors: NDArray[np.float32]
    encode: Encode

    @classmethod
    def of(
        cls,
        paths: tuple[Path, Path],
        clusters: pl.DataFrame,
        vectors: NDArray[np.float32],
        encode: Encode,
    ) -> Self:
        """From `base` and `documents`, whose row i is row i of the vectors, and CLUSTERS."""
        base, documents = paths
        rows = pl.read_parquet(documents, columns=["docid"]).with_row_index("row")
        table = clusters.select("docid", "cluster", "split").join(rows, on="docid").sort("docid")
        return cls(base=base, documents=documents, table=table, vectors=vectors, encode=encode)

    @cached_property
    def where(self) -> Places:
        """Cluster and split of every document that has them, by docid."""
        found = self.table.select("docid", "cluster", "split").iter_rows()
        return {docid: (cluster, split) for docid, cluster, split in found}

    def nearest(self, texts: Sequence[str], seeds: Sequence[Seed], most: int) -> list[list[int]]:
        """For each seed the places of the texts nearest to it, `most` at most, nearest first."""
        found, _ = nearest(self.encode(texts), np.arange(len(texts)), self._of(seeds), depth=most)
        return [[int(place) for place in places] for places in found]

    def answers(self, queries: Sequence[GivenQuery]) -> list[dict[str, str]]:
        """What is known to answer each query, best first: the document by the name that is given.

        Only what has a topic is there. Of a document that was cut into passages it is the one
        nearest to the query.
        """
        cut = self._passages({docid for query in queries for docid in query.relevant})
        open_ = [at for at, query in enumerate(queries) if set(query.relevant) & cut.keys()]
        vectors = self.encode([queries[at].text for at in open_]) if open_ else ()
        near = dict(zip(open_, vectors, strict=True))
        found = []
        for at, query in enumerate(queries):
            here = [docid for docid in query.relevant if docid in self.where or docid in cut]
            found.append(
                {
                    docid: docid if docid in self.where else self._nearest_of(cut[docid], near[at])
                    for docid in here
                }
            )
        return found

    def places(self, queries: Sequence[Written], vectors: NDArray[np.float32]) -> Places:
        """Cluster and split of every query, by qid: its source's, or those of the nearest document.

        Args:
            queries: Their sources are documents that have a topic.
            vectors: Of the queries, row by row.
        """
        lost = [place for place, query in enumerate(queries) if query.source_docid is None]
        near = dict(zip(lost, self.nearest_documents(vectors[lost]), strict=True))
        return {
            query.qid: self.where[near.get(place) or str(query.source_docid)]
            for place, query in enumerate(queries)
        }

    def nearest_documents(self, vectors: NDArray[np.float32]) -> list[str]:
        """The docid nearest to each vector, among documents that have a topic."""
        if not len(vectors):
            return []
        found, _ = nearest(self.vectors, self.table["row"].to_numpy(), vectors, depth=1)
        return self.table["docid"].gather(found[:, 0]).to_list()

    def related(
        self, seeds: Sequence[Seed], between: tuple[float, float], most: int
    ) -> list[list[Document]]:
        """For each seed documents of its split, nearest first; see `Ground.related`."""
        found: dict[str, list[str]] = {}
        for split, places in self.table.partition_by("split", as_dict=True).items():
            here = [seed for seed in seeds if self.where[seed.document.docid][1] == split[0]]
            near = self._between(here, places, between, most) if here else []
            found |= {seed.document.docid: docids for seed, docids in zip(here, near, strict=True)}
        wanted = {docid for docids in found.values() for docid in docids}
        known = {one.docid: one for one in documents_of(self.documents, wanted)}
        return [[known[docid] for docid in found[seed.document.docid]] for seed in seeds]

    def _between(
        self,
        seeds: Sequence[Seed],
        places: pl.DataFrame,
        between: tuple[float, float],
        most: int,
    ) -> list[list[str]]:
        """Other docids whose similarity lies between two, whatever number lies above."""
        low, high = between
        rows, docids = places["row"].to_numpy(), places["docid"].to_list()
        itself = _column(seeds, places.with_row_index("place"), "place")[:, None]
        depth = most + 1
        while True:
            found, scores = nearest(self.vectors, rows, self._of(seeds), depth=depth)
            fit = (scores >= low) & (scores < high) & (found != itself)
            short = (fit.sum(axis=1) < most) & (scores[:, -1:] >= low).any(axis=1)
            if depth >= len(rows) or not short.any():
                return [
                    [docids[place] for place in line[here]][:most]
                    for line, here in zip(found, fit, strict=True)
                ]
            depth *= 4

    def _of(self, seeds: Sequence[Seed]) -> NDArray[np.float32]:
        """The seeds' vectors."""
        return np.asarray(self.vectors[_column(seeds, self.table, "row")])

    def _passages(self, docids: set[str]) -> dict[str, list[str]]:
        """The passages of documents that were cut, in order, by docid."""
        frame = (
            pl.scan_parquet(self.documents)
            .filter(pl.col("parent").is_in(list(docids)))
            .select("parent", "docid")
            .collect()
            .filter(pl.col("docid").is_in(self.table["docid"].implode()))
            .group_by("parent", maintain_order=True)
            .agg("docid")
        )
        return dict(frame.iter_rows())

    def _nearest_of(self, docids: Sequence[str], vector: NDArray[np.float32]) -> str:
        """The nearest to a query of some documents."""
        here = self.table.filter(pl.col("docid").is_in(list(docids)))
        found, _ = nearest(self.vectors, here["row"].to_numpy(), vector[None], depth=1)
        return str(here["docid"][int(found[0, 0])])

    def texts(self, docids: set[str]) -> dict[str, str]:
        """Title and text of some documents, by docid."""
        found = documents_of(self.documents, docids)
        return {one.docid: text_of(one.title, one.text) for one in found}


def _column(seeds: Sequence[Seed], table: pl.DataFrame, name: str) -> NDArray[np.int64]:
    """What a table with a column docid says of each seed, of which it has all."""
    docids = [seed.document.docid for seed in seeds]
    asked = pl.DataFrame({"docid": docids}, schema={"docid": pl.String})
    found = asked.join(table, on="docid", how="left", maintain_order="left")
    return found[name].to_numpy().astype(np.int64)
