"""What MANIFEST.json says beyond the files: enough to tell one version from another."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rankmill.assemble.facts import CardFacts
from rankmill.assemble.spec import Assembly
from rankmill.contamination import Looked
from rankmill.export import Written


def about(
    spec: Assembly, facts: CardFacts, files: Sequence[Written], looked: Sequence[Looked]
) -> dict[str, Any]:
    """Plain JSON values, in the order that a person reads them. None depends on the clock.

    `exports` says of each by its name what kind it is, with which settings, and which files it
    wrote: that is how `rankmill validate` knows what to expect of them.
    """
    views = facts.recipe["views"]
    return {
        "name": facts.name,
        "version": facts.version,
        "corpus": facts.corpus,
        **({"round": asdict(facts.since)} if facts.since else {}),
        "models": {
            "teachers": facts.recipe["teachers"],
            "embedder": facts.recipe.get("embed"),
            "sampling": {view["name"]: _sampling(view) for view in views},
            "weights": facts.weights,
        },
        "prompts": dict(sorted(facts.prompts.items())),
        "packages": facts.packages,
        "recipe": facts.recipe,
        "funnel": [report.to_json() for report in facts.reports],
        "spent": facts.spent,
        "evaluation": [asdict(one) for one in looked],
        "exports": {one.folder: _export(one.folder, one.identity(), files) for one in spec.exports},
    }


def _sampling(view: Mapping[str, Any]) -> dict[str, Any]:
    """How a view's teacher is asked."""
    named = ("teacher", "prompt", "trials", "strategy")
    return {name: view[name] for name in named if name in view}


def _export(folder: str, options: Mapping[str, Any], files: Sequence[Written]) -> dict[str, Any]:
    paths = [path for file in files for path in file.paths if path.startswith(f"{folder}/")]
    settings = {name: value for name, value in options.items() if name not in {"kind", "name"}}
    return {"kind": options["kind"], "options": settings, "files": paths}
