"""Near duplicates by MinHash: passages that share most of their runs of words."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from rankmill.corpora.writer import TableWriter
from rankmill.parquet import opened
from rankmill.records import Document, Rejection
from rankmill.spec import Spec
from rankmill.tables import DOCUMENTS
from rankmill.word_runs import shingles, words_of

Signatures = NDArray[np.uint32]
_BATCH = 10_000
_RECALL = 0.99
_MOST = 1_000  # earlier passages of one bucket that a passage is compared with
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_FIELDS = tuple(field.name for field in fields(Document))


class NearDuplicates(Spec):
    """Leave out a passage whose runs of words are nearly those of an earlier one that stays.

    Likeness is the Jaccard similarity of the two sets of runs, read off MinHash signatures: a
    share of equal values, whose standard error is at most 0.5 / sqrt(`permutations`). Only
    passages that share a band of their signatures are compared; bands are as wide as lets 99 of
    100 pairs at exactly `similarity` meet. Titles do not count. The first in the order of the
    corpus stays, and what is like it falls to it, so of two near duplicates one always stays.

    Attributes:
        similarity: From this likeness on, two passages are one.
        shingle: Words of a run; characters in scripts without spaces. A shorter passage is one
            run.
        permutations: Length of a signature. 1,000,000 passages take 4 MB for each.
        seed: Seed of the permutations.

    Papers: Broder, "On the resemblance and containment of documents", 1997; Leskovec, Rajaraman
    & Ullman, "Mining of Massive Datasets", chapter 3, on bands. Lee et al. (ACL 2022) take runs
    of 5 words of whole documents; passages are shorter, hence 3.
    """

    kind: Literal["minhash"] = "minhash"
    similarity: float = Field(default=0.8, gt=0, le=1)
    shingle: int = Field(default=3, ge=1)
    permutations: int = Field(default=128, ge=16, le=1024)
    seed: int = Field(default=0, ge=0)

    @property
    def band(self) -> int:
        """Values in a band: as many as leave a pair at the limit a chance of 99 in 100 to meet."""
        widths = range(1, self.permutations + 1)
        found = [width for width in widths if self._meet(width) >= _RECALL]
        return max(found, default=1)

    def _meet(self, width: int) -> float:
        bands = self.permutations // width
        return 1 - (1 - self.similarity**width) ** bands

    def pick(
        self, outcomes: Iterable[Document | Rejection], folder: Path
    ) -> Iterator[Document | Rejection]:
        """Put a rejection `near_duplicate` in the place of every passage that falls to another.

        Passages wait on the disk until the last of them is known; memory holds their signatures.

        Args:
            outcomes: Passages to look at; rejections go by at once.
            folder: Holds a file of passages while this goes on.
        """
        waiting = folder / "waiting"
        waiting.mkdir()
        path = waiting / f"{DOCUMENTS.name}.parquet"
        with TableWriter(DOCUMENTS, waiting) as file:
            for outcome in outcomes:
                if isinstance(outcome, Rejection):
                    yield outcome
                else:
                    row = {**{name: getattr(outcome, name) for name in _FIELDS}, "sha256": ""}
                    file.write(*(row[name] for name in DOCUMENTS.columns))
        fallen = self.fallen(self.sign(_texts(path)))
        docids = pl.read_parquet(path, columns=["docid"])["docid"]
        for number, passage in enumerate(_passages(path)):
            if number in fallen:
                first, likeness = fallen[number]
                detail = f"Jaccard {likeness:.2f} to {docids[first]} >= {self.similarity}"
                yield Rejection(id=passage.docid, rule="near_duplicate", detail=detail)
            else:
                yield passage
        path.unlink()
        waiting.rmdir()

    def sign(self, texts: Iterable[pl.Series]) -> Signatures:
        """The signatures of texts, shape (texts, permutations).

        A text without words has a signature of zeros, which is like no other's.
        """
        signed = [np.empty((0, self.permutations), np.uint32)]
        signed += (self._signatures(some) for some in texts)
        return np.concatenate(signed)

    def _signatures(self, texts: pl.Series) -> Signatures:
        from rensa import RMinHash

        hashes, owners = shingles(words_of(texts), self.shingle)
        rows, starts = np.unique(owners, return_index=True)
        signatures = np.zeros((len(texts), self.permutations), np.uint32)
        if len(rows):
            bounds = np.append(starts, len(owners)).astype(np.uint64)
            signed = RMinHash.digest_matrix_from_flat_token_hashes(
                hashes, bounds, self.permutations, self.seed
            )
            signatures[rows] = signed.to_rows()
        return signatures

    def fallen(self, signatures: Signatures) -> Mapping[int, tuple[int, float]]:
        """Rows that fall to an earlier one, and to which: the likest of those that stay.

        Of equally like ones it is the first.
        """
        stay: defaultdict[int, list[int]] = defaultdict(list)  # by bucket
        fallen: dict[int, tuple[int, float]] = {}
        for row, buckets in _shared(signatures, self.band):
            met = sorted({other for bucket in buckets for other in stay[bucket][:_MOST]})
            shares = (signatures[met] == signatures[row]).mean(axis=1)
            nearest = int(shares.argmax()) if met else -1
            if met and shares[nearest] >= self.similarity:
                fallen[row] = met[nearest], float(shares[nearest])
                continue
            for bucket in buckets:
                stay[bucket].append(row)
        return fallen


def _shared(signatures: Signatures, width: int) -> Iterator[tuple[int, list[int]]]:
    """Rows that share a bucket with another, in order, and the numbers of those buckets."""
    rows, buckets, first = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    written = np.flatnonzero(signatures.any(axis=1))
    for start in range(0, signatures.shape[1] - width + 1, width):
        keys = np.zeros(len(written), np.uint64)
        for place in range(start, start + width):
            keys = (keys ^ signatures[written, place]) * _PRIME
            keys ^= keys >> np.uint64(29)
        order = np.argsort(keys, kind="stable")
        heads, tails = np.ones((2, len(order)), bool)
        heads[1:] = keys[order][1:] != keys[order][:-1]
        tails[:-1] = heads[1:]
        alone, numbers = heads & tails, np.cumsum(heads) + first
        rows.append(written[order][~alone])
        buckets.append(numbers[~alone])
        first = int(numbers[-1]) if len(numbers) else first
    row, bucket = np.concatenate(rows), np.concatenate(buckets)
    order = np.argsort(row, kind="stable")
    row, bucket = row[order], bucket[order]
    starts = np.flatnonzero(np.diff(row, prepend=-1)).tolist()
    for start, stop in zip(starts, [*starts[1:], len(row)], strict=False):
        yield int(row[start]), bucket[start:stop].tolist()


def _texts(path: Path) -> Iterator[pl.Series]:
    with opened(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=["text"]):
            yield pl.DataFrame(batch)["text"]


def _passages(path: Path) -> Iterator[Document]:
    with opened(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=list(_FIELDS)):
            for row in batch.to_pylist():
                yield Document(**row)
