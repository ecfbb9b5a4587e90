"""Model weights by name: known models, and how to have them on this machine."""

from rankmill.models.fetch import cached, fetch
from rankmill.models.registry import KNOWN, KnownModel, WeightFile, find

__all__ = ["KNOWN", "KnownModel", "WeightFile", "cached", "fetch", "find"]
