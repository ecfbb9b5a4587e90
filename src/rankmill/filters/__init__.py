"""Rules that leave a labelled list out, and say why."""

from typing import Annotated

from pydantic import Field

from rankmill.filters.cross_view import CrossView
from rankmill.filters.failed_trials import FailedTrials
from rankmill.filters.labelled import LabelledList
from rankmill.filters.reviewed import Reviewed
from rankmill.filters.self_consistency import SelfConsistency
from rankmill.filters.source_rank import SourceRank

Filter = Annotated[
    SelfConsistency | CrossView | SourceRank | FailedTrials | Reviewed, Field(discriminator="kind")
]

__all__ = [
    "CrossView",
    "FailedTrials",
    "Filter",
    "LabelledList",
    "Reviewed",
    "SelfConsistency",
    "SourceRank",
]
