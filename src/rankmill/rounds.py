"""Second rounds: a build beside the one it follows, whose student finds its candidates.

STAR trains on static negatives of a warm-up model, AR2 finds them anew with every retriever that it
has trained. Here a round is a recipe of its own name: what stands before the candidates is as it
was, so those tables are shared, and a request that was answered is never put again.

Paper: Zhan et al., "Optimizing Dense Retrieval Model Training with Hard Negatives", SIGIR 2021;
Zhang et al., "Adversarial Retriever-Ranker for dense text retrieval", ICLR 2022.
"""

import polars as pl

from rankmill.assemble.facts import Since
from rankmill.build import Build
from rankmill.finished import Finished
from rankmill.tables import CANDIDATES
from rankmill.tablestore import Output


def since(build: Build, candidates: pl.DataFrame) -> Since | None:
    """Hold CANDIDATES against those of the round before; None in a first round."""
    earlier = before(build)
    if earlier is None:
        return None
    known = earlier.read(CANDIDATES)
    return Since(
        round=build.recipe.round,
        after=build.recipe.after,
        candidates=len(candidates),
        new=len(candidates.join(known, on=["qid", "docid"], how="anti")),
    )


def before(build: Build) -> Output | None:
    """The candidates of the build that a recipe follows; None in a first round.

    Raises:
        ConfigError: There is no such build.
        StageError: It has not come to its candidates.
    """
    recipe = build.recipe
    return Finished.find(build.settings, recipe.after).output("retrieve") if recipe.after else None


def follows(build: Build) -> dict[str, str]:
    """What a dataset depends on of the round before; nothing in a first round."""
    earlier = before(build)
    return {"after": earlier.key} if earlier else {}
