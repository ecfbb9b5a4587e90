"""Which documents get queries."""

from rankmill.sampling.duqgen import DUQGen, allocate

__all__ = ["DUQGen", "allocate"]
