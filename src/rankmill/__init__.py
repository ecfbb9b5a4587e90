"""Training data for search, from any text corpus."""

__version__ = "0.1.0"
