"""What requests are called in a reply store."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

from rankmill.records import Request

_LATER = {"labels", "permutes", "choices", "schema"}
"""Fields that requests got later; unused, they leave the names of earlier requests as they were."""
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS


def key_of(teacher: Mapping[str, Any], request: Request, trial: int) -> str:
    """The name of one request in a reply store: 32 hex digits over everything that is asked.

    Args:
        teacher: A teacher's identity, `Spec.identity()`; the order of its keys is of no account.
        request: What is asked.
        trial: Tells repeated askings of one request apart, from 0.
    """
    whole = [dict(teacher), type(request).__name__, request, trial]
    return sha256(orjson.dumps(whole, default=_asked, option=_OPTIONS)).hexdigest()[:32]


def _asked(record: Any) -> dict[str, Any]:  # noqa: ANN401 - a request, or a message in it
    """The fields of a record, for orjson to sort: it sorts those of dictionaries alone."""
    fields = {name: getattr(record, name) for name in record.__slots__}
    return {name: value for name, value in fields.items() if value or name not in _LATER}
