"""The candidate lists of queries."""

from rankmill.retrieve.bm25 import BM25
from rankmill.retrieve.dense import nearest
from rankmill.retrieve.fuse import fuse
from rankmill.retrieve.retrieve import Retrieval, retrieve

__all__ = ["BM25", "Retrieval", "fuse", "nearest", "retrieve"]
