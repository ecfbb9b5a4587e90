"""From tables to a dataset folder that loads in one line: configs, splits, card, manifest."""

from rankmill.assemble.dataset import Assembled, assemble
from rankmill.assemble.facts import CardFacts
from rankmill.assemble.spec import Assembly
from rankmill.export.tables import AssemblyInput

__all__ = ["Assembled", "Assembly", "AssemblyInput", "CardFacts", "assemble"]
