"""Documents to queries: who writes them, and which are kept."""

from rankmill.generate.few_shot import FewShot
from rankmill.generate.rules import QueryRules

__all__ = ["FewShot", "QueryRules"]
