"""A further round: more seeds of the topics in which a student is still weak."""

from collections.abc import Mapping, Sequence
from math import exp
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import Field

from rankmill.corpora.files import resolve
from rankmill.errors import StageError
from rankmill.sampling.allocation import apportion
from rankmill.sampling.pool import Pool, uniform
from rankmill.sampling.sampler import Drawn, Sampling
from rankmill.spec import Machine, digest
from rankmill.tables import QUERIES, SEEDS, Table

WEIGHTS = Table(
    name="weights",
    key=("cluster",),
    columns={
        "cluster": pl.Int32,
        "scored": pl.Int32,
        "gap": pl.Float64,
        "weight": pl.Float64,
        "seeds": pl.Int32,
    },
    nullable=frozenset({"gap"}),
)
_MEANS = {"cluster": pl.Int32, "gap": pl.Float64, "scored": pl.Int32}


class Refine(Sampling):
    """Unseen documents, by the weakness of a student in their clusters.

    Cluster k gives seeds in proportion to w_k = exp(mean gap of k / temperature) / sum, where a
    gap is gold - student. Inside a cluster, documents are drawn at random. WEIGHTS keeps the gap,
    weight and number of every cluster.

    Attributes:
        scores: The student's scores: a CSV or JSON Lines file with the columns `student`, `gold`
            (1 where there is none, which suits measures such as nDCG), and `qid`, of the queries
            of earlier rounds, or `cluster`. Relative to the recipe.
        after: Folders of the builds of earlier rounds; none of their seeds is drawn again.
        temperature: Divides the gaps; the paper has 1. Differences of nDCG are small, and a tenth
            of one changes a weight by a tenth; at 0.1 it is a factor of 2.7.
        guard: A cluster where the student beats the gold by more than this, on average, has bad
            gold rather than a good student, and gets no seeds.

    Paper: Yu et al., "Diversify and Conquer", 2024. Deviations: numbers are the weights' shares
    rather than draws of clusters with replacement, so they are exact and lose no remainder; the
    released code divides the round's budget by the clusters twice, and fails on a cluster without
    scores, which here has the mean gap of the others.
    """

    kind: Literal["refine"] = "refine"
    scores: Path = Machine(...)
    after: tuple[Path, ...] = Machine(..., min_length=1)
    temperature: float = Field(default=1.0, gt=0)
    guard: float = Field(default=0.3, ge=0)

    def origin(self, base: Path, evaluation: Sequence[Path]) -> dict[str, str]:
        """The scores, and the seeds and queries of earlier rounds.

        Raises:
            StageError: One of them is not there.
        """
        said = {"scores": digest(_text(resolve(self.scores, base)))}
        for number, folder in enumerate(self.after, start=1):
            for stage in ("sample", "generate"):
                made = (resolve(folder, base) / "tables" / stage).resolve()
                if not made.is_dir():
                    raise StageError(f"sample: no stage {stage} in {folder}; build it first")
                said[f"{stage} of {number} {folder.name}"] = made.name
        return said

    def choose(self, pool: Pool) -> Drawn:
        """Share the seeds by weakness, and draw.

        Raises:
            StageError: An earlier build or the scores cannot be read, a score is of no query or
                cluster that is known, or the clusters with a weight have too few documents.
        """
        base = pool.space.base
        seen = pl.concat([_table(resolve(folder, base), "sample", SEEDS) for folder in self.after])
        gaps, unplaced = self._gaps(pool, seen)
        unseen = pool.only(~pl.col("docid").is_in(seen["docid"].implode()))
        sizes = unseen.sizes
        weights = weigh(gaps, sizes, temperature=self.temperature, guard=self.guard)
        room = sum(size for cluster, size in sizes.items() if weights[cluster])
        if room < self.documents:
            raise StageError(
                f"sample: {self.documents:,} seeds asked for, but the clusters with a weight have "
                f"only {room:,} documents that no earlier round has seen; lower sample.documents"
            )
        wanted = apportion(self.documents, weights, sizes)
        lots = uniform(self.seed, unseen.documents["docid"], of="refine ")
        rows = [
            (c, *(gaps[c][::-1] if c in gaps else (0, None)), weights[c], wanted[c]) for c in sizes
        ]
        guarded = sum(not weight for weight in weights.values())
        facts = {"earlier seeds": len(seen), "clusters with bad gold": guarded}
        return Drawn(
            seeds=unseen.best(lots, wanted),
            tables=[(WEIGHTS, WEIGHTS.frame(rows))],
            facts=facts | ({"scores outside the clusters": unplaced} if unplaced else {}),
        )

    def _gaps(self, pool: Pool, seen: pl.DataFrame) -> tuple[dict[int, tuple[float, int]], int]:
        """Mean gap and number of scores by cluster, and how many scores are of none."""
        base = pool.space.base
        found = read_scores(resolve(self.scores, base))
        if "qid" in found.columns:
            asked = [_table(resolve(folder, base), "generate", QUERIES) for folder in self.after]
            found = _placed(found, pl.concat(asked), pool.space.clusters)
        else:
            _same_clusters(seen, pool.space.clusters)
        means = (
            found.drop_nulls("cluster")
            .group_by("cluster")
            .agg(gap=(pl.col("gold") - pl.col("student")).mean(), scored=pl.len())
            .select(pl.col(name).cast(kind) for name, kind in _MEANS.items())
            .sort("cluster")
        )
        gaps = {cluster: (gap, scored) for cluster, gap, scored in means.iter_rows()}
        return gaps, found["cluster"].null_count()


def weigh(
    gaps: Mapping[int, tuple[float, int]],
    clusters: Sequence[int] | Mapping[int, int],
    *,
    temperature: float,
    guard: float,
) -> dict[int, float]:
    """Weights of clusters, which sum to 1 unless the guard lets none have any.

    Args:
        gaps: Mean gap and number of scores, of the clusters that have any.
        clusters: Those to be weighed. One without scores has the mean gap of those that have.
        temperature: Divides a gap.
        guard: A cluster whose gap is below minus this has no weight.
    """
    known = [gap for gap, _ in gaps.values()]
    usual = sum(known) / len(known) if known else 0.0
    gap_of = {cluster: gaps[cluster][0] if cluster in gaps else usual for cluster in clusters}
    highest = max(gap_of.values(), default=0.0)  # exp of the difference cannot overflow
    raw = {
        cluster: 0.0 if gap < -guard else exp((gap - highest) / temperature)
        for cluster, gap in gap_of.items()
    }
    total = sum(raw.values()) or 1.0
    return {cluster: weight / total for cluster, weight in raw.items()}


def read_scores(path: Path) -> pl.DataFrame:
    """Columns qid or cluster, gold and student.

    Raises:
        StageError: The file cannot be read, lacks a column, or holds what is no number.
    """
    from io import BytesIO

    content = BytesIO(_text(path).encode())
    try:
        lines = path.suffix in {".jsonl", ".ndjson"}
        found = pl.read_ndjson(content) if lines else pl.read_csv(content)
    except pl.exceptions.PolarsError as error:
        raise StageError(f"{path}: expected CSV or JSON Lines: {error}") from error
    keys = [name for name in ("qid", "cluster") if name in found.columns]
    if len(keys) != 1 or "student" not in found.columns:
        raise StageError(
            f"{path}: expected the columns student and either qid or cluster, found "
            f"{', '.join(found.columns)}"
        )
    gold = pl.col("gold") if "gold" in found.columns else pl.lit(1.0)
    key = pl.col(keys[0]).cast(pl.String if keys[0] == "qid" else pl.Int32, strict=False)
    numbers = found.select(
        key,
        gold=gold.cast(pl.Float64, strict=False),
        student=pl.col("student").cast(pl.Float64, strict=False),
    )
    whole = pl.all_horizontal(pl.col("gold", "student").is_finite(), pl.col(keys[0]).is_not_null())
    bad = numbers.with_row_index("row", 1).filter(~whole.fill_null(value=False))
    if len(bad):
        raise StageError(f"{path}: row {bad['row'][0]} holds no {keys[0]} with finite numbers")
    return numbers


def _placed(scores: pl.DataFrame, queries: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Scores of queries with the clusters of the documents that these were written for."""
    sources = queries.unique("qid", keep="last").select("qid", docid="source_docid")
    unknown = scores.join(sources, on="qid", how="anti")
    if len(unknown):
        raise StageError(
            f"sample: scores of {len(unknown):,} queries that no earlier round wrote, first "
            f"{unknown['qid'][0]}"
        )
    where = clusters.select("docid", "cluster")
    return scores.join(sources, on="qid").join(where, on="docid", how="left")


def _same_clusters(seen: pl.DataFrame, clusters: pl.DataFrame) -> None:
    """Refuse scores by cluster when clusters were numbered otherwise in earlier rounds."""
    now = seen.join(clusters.select("docid", now="cluster"), on="docid")
    moved = now.filter(pl.col("cluster") != pl.col("now"))
    if len(moved):
        raise StageError(
            f"sample: {len(moved):,} of {len(seen):,} earlier seeds are in other clusters now, "
            f"first {moved['docid'][0]}; give scores by qid instead of by cluster"
        )


def _table(build: Path, stage: str, table: Table) -> pl.DataFrame:
    path = build / "tables" / stage / f"{table.name}.parquet"
    if not path.is_file():
        raise StageError(f"sample: no {table.name} of an earlier round in {build}; build it first")
    return table.check(pl.read_parquet(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise StageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StageError(f"{path}: expected UTF-8: {error}") from error
