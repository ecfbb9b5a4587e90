"""What a dataset was made with, so that it can be made again."""

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import polars as pl

from rankmill import models
from rankmill.space import SentenceTransformer
from rankmill.teachers import Meter
from rankmill.teachers.prices import Price
from rankmill.teachers.store import ReplyStore

_PACKAGES = (
    *("bm25s", "faiss-cpu", "faiss-gpu", "jinja2", "llama-cpp-python", "matplotlib", "numpy"),
    *("polars", "pyarrow", "PyStemmer", "rankmill", "scikit-learn", "semantic-text-splitter"),
    *("sentence-transformers", "torch", "transformers", "vllm"),
)


def packages() -> dict[str, str]:
    """The versions of Python and of the packages here that have a say in a dataset's bytes."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def spent(
    replies: Path, asked: Mapping[str, pl.DataFrame], prices: Mapping[str, Price | None]
) -> dict[str, dict[str, dict[str, Any]]]:
    """What the replies took that a dataset stands on, whoever paid for them and when.

    They are looked up in the reply store, so a rebuild from it says the same.

    Args:
        replies: Folder of the reply store.
        asked: Tables with columns teacher and request, by stage.
        prices: What each teacher's tokens cost.

    Returns:
        By stage and teacher: replies, requests that have none, tokens_in, tokens_cached,
        tokens_out, and money, which is None where the price is not known.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    with ReplyStore(replies) as store:
        for stage, table in asked.items():
            asked_for = table.filter(pl.col("request") != "")  # a given query cost nothing
            keys = asked_for.select("teacher", "request").unique().sort("teacher", "request")
            found[stage] = {
                str(teacher): _sum(store, some["request"], prices.get(str(teacher)))
                for (teacher,), some in keys.group_by("teacher", maintain_order=True)
            }
    return found


def _sum(store: ReplyStore, keys: Iterable[str], price: Price | None) -> dict[str, Any]:
    meter, unanswered = Meter(), 0
    for key in keys:
        if reply := store.get(key):
            meter += Meter(
                calls=1,
                tokens_in=reply.tokens_in,
                tokens_cached=reply.tokens_cached,
                tokens_out=reply.tokens_out,
            )
        else:
            unanswered += 1
    return {
        "replies": meter.calls,
        "unanswered": unanswered,
        "tokens_in": meter.tokens_in,
        "tokens_cached": meter.tokens_cached,
        "tokens_out": meter.tokens_out,
        "money": round(price.of(meter), 6) if price else None,
    }


def weights(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The models of a recipe that rankmill knows by name: where from, and their files' SHA-256.

    Args:
        recipe: Its identity.

    Returns:
        By name; an embedding model in a folder has a digest over all of its files.
    """
    further = [one["embed"] for one in recipe.get("retrieve", {}).get("further", ())]
    embedders = [recipe.get("embed", {}), *further]
    named = [*embedders, *recipe.get("teachers", {}).values()]
    wanted = {str(one["model"]) for one in named if "model" in one}
    trained = {
        str(one["model"]): {"sha256": digest}
        for one in embedders
        if one.get("kind") == "sentence_transformers"
        and (digest := SentenceTransformer.model_validate(one).weights)
    }
    return trained | {
        model.name: {
            "repo": model.repo,
            "revision": model.revision,
            "licence": model.licence,
            "sha256": {file.name: file.sha256 for file in model.files},
        }
        for model in models.known()
        if model.name in wanted
    }
