"""Model weights by name: known models, and how to have them on this machine."""

from rankmill.models.fetch import cached, fetch
from rankmill.models.registry import KnownModel, WeightFile, find, known

__all__ = ["KnownModel", "WeightFile", "cached", "fetch", "find", "known"]
