"""How requests are gathered into batches."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from rankmill.spec import Spec


class Batch(Spec):
    """How requests are gathered into files, and how patiently their answers are waited for.

    The limits are those of OpenAI's Batch API. A build asks all that it can ask at once, and then
    waits: what a strategy asks after it has read the answers is another batch.

    Attributes:
        requests: Requests in one file at most.
        megabytes: Size of one file at most.
        quiet_seconds: A file is sent when nothing more has been asked for so long.
        poll_seconds: How often a server is asked whether a batch is done; more often at first.
    """

    requests: int = Field(default=50_000, ge=1)
    megabytes: float = Field(default=200.0, gt=0)
    quiet_seconds: float = Field(default=5.0, gt=0)
    poll_seconds: float = Field(default=60.0, gt=0)


def _switch(given: object) -> object:
    """`true` is a batch with the usual limits, `false` is none."""
    if isinstance(given, bool):
        return Batch() if given else None
    return given


Batching = Annotated[Batch | None, BeforeValidator(_switch)]
"""Whether, and how, a teacher is asked in batches: `true`, `false` or a table."""
