"""This file holds the choice of which remembered prompt a new prompt continues."""

from collections.abc import Sequence
from dataclasses import dataclass, field

_AGEING = 0.95


@dataclass(slots=True)
class _Slot:
    """A remembered prompt; `worth` is how many of its tokens proved to be shared, less age."""

    tokens: list[int] = field(default_factory=list)
    worth: float = 0.0
    used: int = 0


class Prefixes:
    """A few remembered prompts, so that prompts with a common beginning share its work.

    Prompts of several kinds arrive mixed, and those of one kind begin alike. Each prompt takes
    the slot where it reuses most and destroys least: prompts that share nothing replace each
    other, and never a beginning that many share. What is not used loses worth with every prompt.
    """

    def __init__(self, slots: int) -> None:
        self._slots = [_Slot() for _ in range(slots)]
        self._clock = 0

    def take(self, tokens: Sequence[int]) -> tuple[int, int]:
        """Choose the slot for a prompt, and cut what the slot holds to what the two share.

        Returns:
            The slot, counted from 0, and how many of its first tokens it shares with `tokens`.
        """
        shared = [_common(slot.tokens, tokens) for slot in self._slots]

        def gain(number: int) -> tuple[float, int]:
            slot = self._slots[number]
            if not slot.tokens:
                return len(tokens) / 2, 0
            lost = max(0.0, slot.worth - shared[number])
            return shared[number] - lost, -slot.used

        chosen = max(range(len(self._slots)), key=gain)
        self._clock += 1
        for slot in self._slots:
            slot.worth *= _AGEING
        self._slots[chosen] = _Slot(
            tokens=list(tokens[: shared[chosen]]), worth=float(shared[chosen]), used=self._clock
        )
        return chosen, shared[chosen]

    def extend(self, slot: int, tokens: Sequence[int]) -> None:
        """Remember more tokens of the prompt in `slot`."""
        self._slots[slot].tokens.extend(tokens)

    def forget(self, slot: int) -> None:
        """Empty `slot`."""
        self._slots[slot] = _Slot()


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """How many first tokens two prompts share."""
    same = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        same += 1
    return same
