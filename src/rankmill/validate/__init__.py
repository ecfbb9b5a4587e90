"""A dataset's files, read as those who train on them read them."""

from rankmill.validate.findings import Checked, Finding
from rankmill.validate.folder import validate, validate_file

__all__ = ["Checked", "Finding", "validate", "validate_file"]
