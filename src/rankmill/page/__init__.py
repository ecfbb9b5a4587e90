"""The report of a build: one page that needs nothing but a browser."""

from rankmill.page.page import report

__all__ = ["report"]
