"""The one way to a desk's teachers, and how it is closed."""

from rankmill.errors import BudgetSpent
from rankmill.teachers.budget import Purse


class Door:
    """Open until it is closed for good: whoever is inside is let finish, nobody else comes in.

    Args:
        purse: Closes the door when its budget is spent.

    Attributes:
        inside: Calls that a teacher is at work on.
        open: Whether the door is open.
    """

    def __init__(self, purse: Purse | None = None) -> None:
        self.inside = 0
        self.open = True
        self._purse = purse
        self._why: Exception | None = None

    @property
    def why(self) -> Exception:
        """Why it was closed, as things are now: what was inside has its price too."""
        return self._why or BudgetSpent(self._purse.reached() if self._purse else "")

    def lets_in(self) -> bool:
        """Whether one more call may begin now. A budget that is spent closes the door."""
        if self._purse and self.open:
            self.open = not self._purse.reached()
            return self.open and self._purse.has_room(self.inside)
        return self.open

    def close(self, why: Exception) -> None:
        """Let nobody in any more."""
        if self.open:
            self.open, self._why = False, why
