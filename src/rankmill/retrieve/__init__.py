"""The candidate lists of queries."""

from rankmill.retrieve.bm25 import BM25
from rankmill.retrieve.dense import nearest
from rankmill.retrieve.fuse import Convex, ReciprocalRanks
from rankmill.retrieve.pools import Space
from rankmill.retrieve.retrieve import Found, retrieve
from rankmill.retrieve.spec import Retrieval

__all__ = [
    "BM25",
    "Convex",
    "Found",
    "ReciprocalRanks",
    "Retrieval",
    "Space",
    "nearest",
    "retrieve",
]
