"""What was asked for, checked before anything is read or sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rankmill.errors import ConfigError
from rankmill.publish.spec import RULES

MAIN = "main"
"""The branch that readers get."""
PULL = re.compile(r"refs/pr/\d+")
"""The ref of a pull request."""
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BRANCH = re.compile(r"(?!.*(\.\.|//|\.lock$|[./]$))[A-Za-z0-9_][A-Za-z0-9._/-]*")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was asked for.

    Attributes:
        repo: `ORG/NAME`, or `datasets/ORG/NAME` to have it beside a model of that name.
        public: Whether everybody may see it.
        revision: The branch that the commit goes on, or a pull request's ref.
        tag: Name of this version; the next of v1, v2, … if empty.
        pull_request: Propose the commit, and tag nothing.
        reasons: Reason by rule of the gate that may fail.

    Raises:
        ConfigError: One of them is not valid, or two do not go together.
    """

    repo: str
    public: bool = False
    revision: str = MAIN
    tag: str = ""
    pull_request: bool = False
    reasons: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils._validators import validate_repo_id

        try:
            validate_repo_id(self.name)
        except HFValidationError as error:
            raise ConfigError(f"--repo {self.repo}: {error}") from error
        if "/" not in self.name:
            raise ConfigError(f"--repo {self.repo}: expected ORG/NAME")
        if self.pull_request and self.revision != MAIN:
            raise ConfigError(f"--pull-request goes onto {MAIN}, found --revision {self.revision}")
        if not _BRANCH.fullmatch(self.revision):
            raise ConfigError(f"--revision {self.revision!r}: expected the name of a branch")
        if self.tag and (self.proposes or not _TAG.fullmatch(self.tag)):
            raise ConfigError(f"--tag {self.tag}: expected a tag's name, and no pull request")
        if unknown := sorted(self.reasons.keys() - set(RULES)):
            raise ConfigError(f"--allow {unknown[0]}: expected a rule of {', '.join(RULES)}")
        if empty := [rule for rule, reason in self.reasons.items() if not reason.strip()]:
            raise ConfigError(f'--allow {empty[0]}: expected {empty[0]}="a reason"')

    @property
    def name(self) -> str:
        """`ORG/NAME`."""
        return self.repo.removeprefix("datasets/")

    @property
    def proposes(self) -> bool:
        """Whether what is committed has yet to be accepted."""
        return self.pull_request or bool(PULL.fullmatch(self.revision))
