"""Everything rankmill raises on purpose, and the exit code each one ends the command with.

* RankmillError                1
  - ConfigError                2   a recipe, an override or a setting is not valid
    + PromptError              2   a prompt file and its caller disagree
  - CorpusError                3   a source of documents cannot be read
  - ModelError                 4   model weights are unknown, unreachable or have a wrong digest
  - TeacherError               5   the teacher could not answer
    + TeacherUnavailable       5   no connection, or retries used up
    + TeacherRefused           5   the endpoint rejects every such request (key, model name)
    + TeacherIncapable         5   the teacher does not return what a strategy needs
    + RequestRefused           5   the endpoint rejects this one request (too long, filtered)
  - StageError                 6   a stage cannot go on with the data it was given
    + TooManyRejected          6   a stage rejected more than the recipe allows
  - TableError                 7   a table breaks its contract
  - StorageError               8   the disk is full, or a folder cannot be written
  - PublishError              10   the hub refuses, is not reached, or holds something else
    + GateClosed              11   a dataset does not pass the gate, so nothing of it goes out
  - Stopped                        a build ended early because it was told to; nothing is lost
    + BudgetSpent              9   a cap of the recipe's budget is reached
    + Interrupted            130   a signal came
"""

from typing import ClassVar


class RankmillError(Exception):
    """Base class of every deliberate error. `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 1


class ConfigError(RankmillError):
    """A recipe, an override or a setting is not valid."""

    exit_code = 2


class PromptError(ConfigError):
    """A prompt file is missing, or it and its caller disagree about its variables."""


class CorpusError(RankmillError):
    """A source of documents cannot be read. Names the file and the line or field."""

    exit_code = 3


class ModelError(RankmillError):
    """Model weights are unknown, cannot be reached, or have a wrong digest."""

    exit_code = 4


class TeacherError(RankmillError):
    """The teacher could not answer."""

    exit_code = 5


class TeacherUnavailable(TeacherError):
    """No connection to the teacher, or its retries are used up."""


class TeacherRefused(TeacherError):
    """The endpoint rejects every request of this kind: a wrong key, an unknown model."""


class TeacherIncapable(TeacherError):
    """The teacher answers, but without what a strategy needs."""


class RequestRefused(TeacherError):
    """The endpoint rejects this one request, and would again: too long, or filtered."""


class StageError(RankmillError):
    """A stage cannot go on with the data it was given."""

    exit_code = 6


class TooManyRejected(StageError):
    """A stage rejected a larger share of its rows than the recipe allows."""


class TableError(RankmillError):
    """A table breaks its contract."""

    exit_code = 7


class StorageError(RankmillError):
    """The disk is full, or a folder cannot be written."""

    exit_code = 8


class PublishError(RankmillError):
    """The hub refuses, cannot be reached, or holds something else than it should."""

    exit_code = 10


class GateClosed(PublishError):
    """A dataset does not pass the safety gate. Nothing of it was sent."""

    exit_code = 11


class Stopped(RankmillError):
    """A build ended early because it was told to. Whatever was paid for is kept."""


class BudgetSpent(Stopped):
    """A cap of the recipe's budget is reached."""

    exit_code = 9


class Interrupted(Stopped):
    """A signal came while teachers were asked."""

    exit_code = 130
