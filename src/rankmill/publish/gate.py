"""The gate: one reading of a dataset folder, every rule over it."""

from collections.abc import Sequence
from pathlib import Path

from rankmill.audit.digests import digests, evaluated
from rankmill.audit.findings import Check, Finding
from rankmill.audit.references import References
from rankmill.audit.shards import batches
from rankmill.publish.card import stated_licence
from rankmill.publish.injection import Injection
from rankmill.publish.licences import Licences
from rankmill.publish.personal import Personal
from rankmill.publish.quality import Quality
from rankmill.publish.secrets import Secrets
from rankmill.publish.spec import Gate


def inspect(folder: Path, gate: Gate) -> Sequence[Finding]:
    """What the gate finds in a dataset folder, rule by rule, passed or not.

    The folder is streamed: what is held is a few rows, and eight bytes a document, a query and a
    value found. A damaged folder is not read further, so it has the one finding `digests`.

    Raises:
        TableError: The folder is no dataset folder.
    """
    whole = digests(folder)
    if not whole.passed:
        return [whole]
    checks: Sequence[Check] = (
        Secrets(gate),
        Personal(gate),
        Licences(gate, stated_licence(folder)),
        Quality(gate, evaluated(folder)),
        References(folder),
        Injection(gate),
    )
    for batch in batches(folder):
        for check in checks:
            check.see(batch)
    return [whole, *(finding for check in checks for finding in check.findings())]
