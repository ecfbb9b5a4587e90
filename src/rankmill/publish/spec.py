"""What must hold of a dataset before it leaves this machine."""

from pydantic import Field

from rankmill.spec import Spec


class Gate(Spec):
    """One field for every rule of the gate, named as `rankmill publish --allow` names it.

    Attributes:
        secrets: Most keys, tokens and private keys, counted once each.
        emails: Most e-mail addresses. Those of domains that stand for examples do not count.
        phones: Most telephone numbers in international form, and, of `phone_regions`, in theirs.
        phone_regions: Two-letter regions whose national numbers count too, such as `US`.
        addresses: Most IP addresses that are reachable from the internet.
        cards: Most payment card numbers: a known issuer and a right check digit.
        ibans: Most bank account numbers with right check digits.
        licences: Licences that are fine beside those which let anyone pass a text on. SPDX ids, or
            as the corpus words them.
        noncommercial: Whether documents under NonCommercial licences may go.
        noderivatives: Whether documents under NoDerivatives licences may go.
        unlicensed: Whether documents without a licence, or with an unknown one, may go.
        contamination: Most rows that an evaluation set has too.
        lists: Fewest labelled lists.
        tau: Least mean Kendall's tau of the readings that vote, in [-1, 1]: between the trials of
            a view or, where each view was read once, between views.
        view_tau: Least mean Kendall's tau between views, in [-1, 1].
        malformed: Largest share of readings that are not valid.
        injection: Largest share of documents that give orders to a model.
    """

    secrets: int = Field(default=0, ge=0)
    emails: int = Field(default=20, ge=0)
    phones: int = Field(default=20, ge=0)
    phone_regions: tuple[str, ...] = ()
    addresses: int = Field(default=20, ge=0)
    cards: int = Field(default=0, ge=0)
    ibans: int = Field(default=0, ge=0)
    licences: tuple[str, ...] = ()
    noncommercial: bool = False
    noderivatives: bool = False
    unlicensed: bool = False
    contamination: int = Field(default=0, ge=0)
    lists: int = Field(default=10, ge=0)
    tau: float = Field(default=0.2, ge=-1, le=1)
    view_tau: float = Field(default=0.2, ge=-1, le=1)
    malformed: float = Field(default=0.1, ge=0, le=1)
    injection: float = Field(default=0.001, ge=0, le=1)


RULES = (
    *("secrets", "emails", "phones", "addresses", "cards", "ibans", "licences", "contamination"),
    *("lists", "tau", "view_tau", "malformed", "references", "injection"),
)
"""The rules that a reason lets pass. `digests` is the one that none does."""
