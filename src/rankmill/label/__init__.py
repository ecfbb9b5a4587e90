"""Labelling: strategies that ask, the walk that follows them, and strict reading of replies."""

from rankmill.label.adaptive import Adaptive
from rankmill.label.view import Strategy, Unsure, View

__all__ = ["Adaptive", "Strategy", "Unsure", "View"]
