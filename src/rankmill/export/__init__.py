"""Labelled lists in the formats that trainers, rerankers and evaluators read."""

import difflib
from typing import Annotated, Any, get_args

from pydantic import Field

from rankmill.export.base import Exported, Scale
from rankmill.export.groups import Groups
from rankmill.export.ids import Ids
from rankmill.export.listwise import Listwise
from rankmill.export.parts import Labelled, Policy
from rankmill.export.tables import SPLITS, AssemblyInput
from rankmill.export.triplets import Triplets
from rankmill.export.write import Written, config_of, write, write_frame

Export = Annotated[
    Listwise | Triplets | Groups,
    Field(discriminator="kind"),
]
"""Everything that labelled lists can be written as."""

RESERVED = ("lists", "corpus", "queries", "qrels", "judgments", "rejections", "contamination")
"""Names of configs that are no exports."""


def asked_for(wanted: Any) -> Any:  # noqa: ANN401 - what TOML has
    """A table of a recipe whose `for` names a use, with the `kind` that serves it.

    Raises:
        ValueError: Nothing serves it; names the nearest use that is known.
    """
    if not isinstance(wanted, dict) or "for" not in wanted:
        return wanted
    use = str(wanted["for"]).lower()
    uses = {loss: one for one in kinds() for loss in one.losses}
    if use not in uses:
        near = difflib.get_close_matches(use, uses, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(sorted(uses))}"
        raise ValueError(f"exports: nothing is for {use!r}; {hint}")
    said = {key: value for key, value in wanted.items() if key != "for"}
    return {"kind": uses[use].model_fields["kind"].default, **uses[use].suited(use), **said}


def kinds() -> tuple[type[Exported], ...]:
    """Every export there is."""
    union, *_ = get_args(Export)
    return get_args(union)


__all__ = [
    "RESERVED",
    "SPLITS",
    "AssemblyInput",
    "Export",
    "Exported",
    "Ids",
    "Labelled",
    "Listwise",
    "Policy",
    "Scale",
    "Triplets",
    "Written",
    "asked_for",
    "config_of",
    "kinds",
    "write",
    "write_frame",
]
