"""Rules that leave a labelled list out, and say why."""

from typing import Annotated

from pydantic import Field

from rankmill.filters.cross_view import CrossView
from rankmill.filters.labelled import LabelledList
from rankmill.filters.self_consistency import SelfConsistency

Filter = Annotated[SelfConsistency | CrossView, Field(discriminator="kind")]

__all__ = ["CrossView", "Filter", "LabelledList", "SelfConsistency"]
