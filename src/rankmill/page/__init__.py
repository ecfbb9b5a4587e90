"""The report of a build: one page that needs nothing but a browser."""

from rankmill.page.page import REPORT, report

__all__ = ["REPORT", "report"]
