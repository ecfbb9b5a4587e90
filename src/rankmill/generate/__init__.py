"""Documents to queries: who writes them, which the user gives, and which are kept."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rankmill.generate.configured import Configured
from rankmill.generate.few_shot import FewShot
from rankmill.generate.given import Given
from rankmill.generate.grid import Grid
from rankmill.generate.reasoning import Reasoning
from rankmill.generate.rules import QueryRules
from rankmill.generate.two_documents import TwoDocuments
from rankmill.generate.writing import Writing

Writer = Annotated[
    FewShot | Grid | Configured | Reasoning | TwoDocuments, Field(discriminator="kind")
]
"""Every way to have queries written."""


def _several(value: Any) -> Any:  # noqa: ANN401 - what a recipe says
    """One writer stands for a list of one; a writer without a kind is the first of them."""
    listed = [value] if isinstance(value, dict | Writing) else value
    if not isinstance(listed, list | tuple):
        return listed
    return [{"kind": "few_shot", **one} if isinstance(one, dict) else one for one in listed]


Writers = Annotated[tuple[Writer, ...], BeforeValidator(_several)]
"""One table or several; each writes its queries for every seed."""

__all__ = [
    "Configured",
    "FewShot",
    "Given",
    "Grid",
    "QueryRules",
    "Reasoning",
    "TwoDocuments",
    "Writer",
    "Writers",
]
