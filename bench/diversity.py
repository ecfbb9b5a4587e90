"""Checks clustered against random sampling: how diverse are the seeds, and what is asked of them?

    python bench/diversity.py ../shared/collections/cranfield --recipe recipes/quickstart.toml
    python bench/diversity.py COLLECTION --recipe RECIPE --queries --arms duqgen random

Every arm is a build of the recipe over the collection's documents with another sampler, up to the
seeds, or up to the queries, which asks the recipe's teacher. Vectors and clusters are shared.
"""

import argparse
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from rankmill.build import Build, open_build
from rankmill.evaluate.diversity import Diversity, beside
from rankmill.finished import Finished
from rankmill.line import Plain, line
from rankmill.settings import Settings

ARMS = ("duqgen", "equal", "mmr", "farthest", "random", "one-cluster")


class Reached(Exception):
    """The builds need go no further."""


class Before(Plain):
    """Runs the stages before one of them."""

    def __init__(self, stage: str) -> None:
        self.stage = stage

    def run(self, stage, build: Build, *inputs):
        """Call the stage, unless it is the one."""
        if stage.__name__ == self.stage:
            raise Reached
        return super().run(stage, build, *inputs)


def main() -> None:
    """Build every arm, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("collection", type=Path, help="a folder in BEIR layout")
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--min-chars", type=int, default=100)
    parser.add_argument("--clusters", type=int, help="if not the square root of the documents")
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    parser.add_argument("--queries", action="store_true", help="ask the teacher for queries")
    parser.add_argument("--data", type=Path, help="where tables go")
    options = parser.parse_args()
    settings = Settings(data=options.data) if options.data else Settings()
    found = {}
    for arm in options.arms:
        changed = overrides(options, arm)
        with (
            open_build(options.recipe, overrides=changed, settings=settings) as build,
            suppress(Reached),
        ):
            line(build, Before("retrieve" if options.queries else "generate"))
        found[arm] = Diversity.of(Finished.find(settings, build.recipe.name))
    Console().print(beside(found))


def overrides(options: argparse.Namespace, arm: str) -> list[str]:
    """What an arm changes in the recipe."""
    kind = "duqgen" if arm == "one-cluster" else arm
    clusters = 1 if arm == "one-cluster" else options.clusters
    seeds = f"documents = {options.seeds}, min_chars = {options.min_chars}"
    return [
        f"name={options.collection.resolve().name}-{arm}",
        f'corpus={{ kind = "beir", path = "{options.collection.resolve()}" }}',
        f"cluster={{ {f'clusters = {clusters}' if clusters else ''} }}",
        f"splits.by={'documents' if arm == 'one-cluster' else 'clusters'}",
        f'sample={{ kind = "{kind}", {seeds} }}',
    ]


if __name__ == "__main__":
    main()
