"""Labelled lists in the formats that trainers, rerankers and evaluators read."""

import difflib
from typing import Annotated, Any, get_args

from pydantic import Field

from rankmill.export.automodel import Automodel
from rankmill.export.base import Exported, Scale
from rankmill.export.beir import Beir
from rankmill.export.by_ids import ByIds
from rankmill.export.colbert import Colbert
from rankmill.export.dpo import Dpo
from rankmill.export.e2rank import E2Rank
from rankmill.export.flagembedding import FlagEmbedding, FlagReranker
from rankmill.export.fullrank import FullRank
from rankmill.export.gpl import Gpl
from rankmill.export.grouprank import GroupRank
from rankmill.export.groups import Groups
from rankmill.export.grpo import Grpo
from rankmill.export.ids import Ids
from rankmill.export.labelled_pairs import LabelledPairs
from rankmill.export.lipo import Lipo
from rankmill.export.listwise import Listwise
from rankmill.export.llama_factory import LlamaFactory
from rankmill.export.mteb import Mteb
from rankmill.export.ntuples import Ntuples
from rankmill.export.pairs import Pairs
from rankmill.export.parts import Labelled
from rankmill.export.policy import Policy
from rankmill.export.ragas import Ragas
from rankmill.export.rankgpt import RankGPT
from rankmill.export.rankllm import RankLLM
from rankmill.export.rankzephyr import RankZephyr
from rankmill.export.reasonrank import ReasonRank
from rankmill.export.rerank_eval import RerankEval
from rankmill.export.reward import Reward
from rankmill.export.scored_ntuples import ScoredNtuples
from rankmill.export.sft import Sft
from rankmill.export.tables import SPLITS, AssemblyInput
from rankmill.export.tevatron import Tevatron, TevatronIds, TevatronRerank
from rankmill.export.trec import Trec
from rankmill.export.triplets import Triplets
from rankmill.export.verl import Verl
from rankmill.export.write import Written, config_of, write, write_frame

Export = Annotated[
    Listwise
    | Triplets
    | Automodel
    | ByIds
    | Colbert
    | FlagEmbedding
    | FlagReranker
    | Gpl
    | LabelledPairs
    | Lipo
    | Ntuples
    | Pairs
    | RerankEval
    | ScoredNtuples
    | Tevatron
    | TevatronIds
    | TevatronRerank
    | Groups
    | Dpo
    | E2Rank
    | FullRank
    | GroupRank
    | Grpo
    | LlamaFactory
    | RankGPT
    | RankLLM
    | RankZephyr
    | ReasonRank
    | Reward
    | Sft
    | Verl
    | Beir
    | Mteb
    | Trec
    | Ragas,
    Field(discriminator="kind"),
]
"""Everything that labelled lists can be written as."""

RESERVED = (
    "pictures",
    "lists",
    "corpus",
    "queries",
    "qrels",
    "judgments",
    "rejections",
    "contamination",
    "readme.md",
    "manifest.json",
    "report.html",
)
"""Names in a dataset folder that are no export's, in lower case."""


def asked_for(wanted: Any) -> Any:  # noqa: ANN401 - what TOML has
    """A table of a recipe, by a bare name its `kind`, or with the `kind` that serves its `for`.

    Raises:
        ValueError: Nothing serves it; names the nearest use that is known.
    """
    if isinstance(wanted, str):
        return {"kind": wanted}
    if not isinstance(wanted, dict) or "for" not in wanted:
        return wanted
    if "kind" in wanted:
        raise ValueError("one table has both `for` and `kind`; expected one of them")
    use = str(wanted["for"]).lower()
    uses = {loss: one for one in kinds() for loss in one.losses}
    if use not in uses:
        near = difflib.get_close_matches(use, uses, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(sorted(uses))}"
        raise ValueError(f"nothing is for {use!r}; {hint}")
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
    "Beir",
    "Export",
    "Exported",
    "Ids",
    "Labelled",
    "Listwise",
    "Mteb",
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
