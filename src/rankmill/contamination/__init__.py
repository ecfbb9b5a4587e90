"""Which evaluation collections a corpus and its queries touch, and what is done about it."""

from rankmill.contamination.collection import Evaluation
from rankmill.contamination.near import contaminated
from rankmill.contamination.spec import Decontamination
from rankmill.contamination.words import Looked, look

__all__ = ["Decontamination", "Evaluation", "Looked", "contaminated", "look"]
