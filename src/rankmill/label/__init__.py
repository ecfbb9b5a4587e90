"""Labelling: strategies that ask, the walk that follows them, and strict reading of replies."""

from rankmill.label.likelihood import Likelihood
from rankmill.label.listwise import Listwise
from rankmill.label.pointwise import Pointwise
from rankmill.label.view import Strategy, View

__all__ = ["Likelihood", "Listwise", "Pointwise", "Strategy", "View"]
