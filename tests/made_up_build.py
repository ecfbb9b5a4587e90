"""A build whose tables are made up, of any size: no teacher, no embedder, seconds not hours."""

import json
import random
import tomllib
from pathlib import Path

import numpy as np
import polars as pl

from knowing_teacher import RECIPE
from knowing_teacher import TOPICS as VOCABULARIES
from rankmill import tablestore
from rankmill.finished import Finished
from rankmill.folders import link
from rankmill.label.plans import Asked
from rankmill.label.rows import cells
from rankmill.readings import Permutation, Score
from rankmill.recipe import Recipe
from rankmill.report import StageReport
from rankmill.settings import Settings
from rankmill.settle import settle
from rankmill.space import TOPICS as DESCRIBED
from rankmill.space import topics
from rankmill.tables import (
    CANDIDATES,
    CLUSTERS,
    DOCUMENTS,
    JUDGMENTS,
    LABELS,
    LISTS,
    QUERIES,
    REJECTIONS,
    SEEDS,
)

WORDS = sorted(" ".join(VOCABULARIES.values()).split())
TOPICS, DIMENSIONS = 12, 16


class MadeUp:
    """A build of so many lists.

    Args:
        folder: Where its data is to lie.
        lists: How many there are.
        depth: Documents of each.
        texts: Title and text of the first documents, and of each a query; others are made up.
        thought: What the teacher says it thought, in every listwise reading.
    """

    def __init__(
        self, folder: Path, *, lists: int, depth: int, texts=(), thought: str = ""
    ) -> None:
        self.draw = random.Random(7)
        self.settings = Settings(data=folder)
        self.lists, self.depth, self.texts, self.thought = lists, depth, texts, thought
        recipe = tomllib.loads(RECIPE.format(url="http://127.0.0.1:9"))
        recipe |= {"name": "made-up", "retrieve": {"depth": depth}}
        recipe["views"] = [view for view in recipe["views"] if view["name"] != "likelihood"]
        recipe["settle"]["filters"][0]["tau"] = 0.2
        self.recipe = Recipe.model_validate(recipe)
        self.stages: dict[str, dict] = {}

    @property
    def folder(self) -> Path:
        """The build's own."""
        return self.settings.data / "builds" / self.recipe.name

    def made(self) -> Finished:
        """Write it, and open it."""
        documents = self._documents(max(self.lists * self.depth // 3, self.depth * TOPICS))
        cluster = np.arange(len(documents)) % TOPICS
        queries = self._queries(documents, cluster)
        candidates = self._candidates(documents, cluster, queries)
        judgments = self._judgments(candidates)
        labels, lists, fallen = settle(
            self.recipe.settle, self.recipe.views, queries, candidates, judgments.lazy()
        )
        clusters = documents.select("docid").with_columns(
            cluster=pl.Series(cluster, dtype=pl.Int32),
            similarity=pl.lit(0.5, dtype=pl.Float32),
            split=pl.lit("train"),
        )
        seeds = SEEDS.frame(
            queries.select("source_docid", "cluster").unique(maintain_order=True).iter_rows()
        )
        self._stage(
            "ingest", [(DOCUMENTS, documents)], read=len(documents) + 5, rejected={"short": 5}
        )
        self._stage("embed", [], read=len(documents), vectors=self._vectors(cluster))
        centroids = self._vectors(np.arange(TOPICS))
        described = topics(clusters, self.folder / "tables" / "ingest" / "documents.parquet")
        tables = [(CLUSTERS, clusters), (DESCRIBED, described)]
        self._stage("cluster", tables, read=len(documents), centroids=centroids)
        self._stage("sample", [(SEEDS, seeds)], read=len(seeds))
        places = self._vectors(queries["cluster"].to_numpy())
        self._stage("generate", [(QUERIES, queries)], read=len(queries), vectors=places)
        nothing = REJECTIONS.empty()
        self._stage(
            "retrieve", [(CANDIDATES, candidates), (REJECTIONS, nothing)], read=len(queries)
        )
        self._stage("label", [(JUDGMENTS, judgments)], read=len(judgments))
        rows = [("settle", one.id, one.rule, one.detail) for one in fallen]
        rejections = pl.DataFrame(rows, schema=REJECTIONS.columns, orient="row")
        counts = dict(rejections.group_by("rule").len().iter_rows())
        tables = [(LABELS, labels), (LISTS, lists), (REJECTIONS, rejections)]
        self._stage("settle", tables, read=len(queries), rejected=counts)
        return self._manifest()

    def _stage(self, stage, tables, *, read, rejected=None, **arrays) -> None:
        report = StageReport(
            stage=stage,
            read=read,
            written=read - sum((rejected or {}).values()),
            rejected=rejected or {},
        )

        def make(draft) -> StageReport:
            for table, frame in tables:
                draft.write(table, frame)
            for name, array in arrays.items():
                np.save(draft.folder / f"{name}.npy", array)
            return report

        output = tablestore.once(self.settings.data / "tables", stage, {"made": "up"}, make)
        link(output.folder, self.folder / "tables" / stage)
        self.stages[stage] = {
            "key": output.key,
            "depends": {},
            "report": report.to_json(),
            "seconds": 1.5,
        }

    def _manifest(self) -> Finished:
        meter = {"calls": 10, "tokens_in": 4000, "tokens_out": 500, "money": 0.25}
        manifest = {
            "name": self.recipe.name,
            "status": "complete",
            "error": "",
            "recipe": self.recipe.model_dump(mode="json"),
            "stages": self.stages,
            "teachers": {"knowing": meter},
            "asked": {"label": {"knowing": meter}},
        }
        (self.folder / "manifest.json").write_text(json.dumps(manifest))
        return Finished.find(self.settings, self.recipe.name)

    def _sentence(self, words: int) -> str:
        return " ".join(self.draw.choices(WORDS, k=words))

    def _documents(self, number: int) -> pl.DataFrame:
        made = [(self._sentence(4), self._sentence(60)) for _ in range(number - len(self.texts))]
        rows = [
            (f"d{place:06}", title, text, "made up", None, None, "en", f"{place:064}")
            for place, (title, text) in enumerate([*self.texts, *made])
        ]
        return DOCUMENTS.frame(rows)

    def _queries(self, documents: pl.DataFrame, cluster) -> pl.DataFrame:
        sources = [place * len(documents) // self.lists for place in range(self.lists)]
        texts = [text for _, text in self.texts]
        rows = [
            (
                f"q{place:06}",
                texts[source] if source < len(texts) else f"where is {self._sentence(5)}",
                ("question", "keywords")[place % 2],
                f"d{source:06}",
                int(cluster[source]),
                "train",
                "prompt",
                "knowing",
                f"{place:032}",
            )
            for place, source in enumerate(sources)
        ]
        return QUERIES.frame(rows)

    def _candidates(self, documents, cluster, queries) -> pl.DataFrame:
        rows = []
        for qid, source in queries.select("qid", "source_docid").iter_rows():
            place = int(source[1:])
            topic = [(place + TOPICS * step) % len(documents) for step in range(self.depth)]
            for rank, docid in enumerate((f"d{one:06}" for one in topic), start=1):
                rows.append((qid, docid, rank, 1 / rank, "both", rank, rank))
        return CANDIDATES.frame(rows)

    def _judgments(self, candidates: pl.DataFrame) -> pl.DataFrame:
        lists = candidates.group_by("qid", maintain_order=True).agg("docid")
        rows = [
            row
            for qid, docids in lists.iter_rows()
            for view in self.recipe.views
            for trial in range(view.most_trials)
            for row in self._trial(view, qid, docids, trial)
        ]
        return pl.DataFrame(rows, schema=JUDGMENTS.columns, orient="row").sort(JUDGMENTS.key)

    def _trial(self, view, qid, docids, trial):
        """Rows of one walk, by a teacher who likes the retrieval's order more or less."""
        truth = dict(zip(docids, range(len(docids)), strict=True))
        noise = self.draw.choice((1, 3, len(docids)))
        plan, step, asks = view.plan(qid, docids, trial), 0, view.strategy.asks
        batch = next(plan)
        while True:
            readings = []
            for question in batch:
                worth = {d: -truth[d] + self.draw.gauss(0, noise) for d in question.docids}
                reading = (
                    Permutation(
                        shown=question.docids,
                        ranked=tuple(sorted(worth, key=worth.get, reverse=True)),
                    )
                    if asks == "rank"
                    else Score(docid=question.docids[0], value=worth[question.docids[0]])
                )
                cell = cells(Asked(question=question, outcome=reading))
                words = self.thought if asks == "rank" else None
                kind = None if asks == "rank" else view.strategy.score_kind
                yield (
                    *(qid, view.name, trial, step, asks, list(question.docids), cell.ranked),
                    *(cell.scores, kind, words or None, cell.status, cell.detail, "prompt"),
                    *("knowing", f"{qid}{view.name}{trial}{step}"),
                )
                readings.append(reading)
                step += 1
            try:
                batch = plan.send(readings)
            except StopIteration:
                return

    def _vectors(self, cluster) -> np.ndarray:
        draw = np.random.default_rng(3)
        middles = np.random.default_rng(1).normal(size=(TOPICS, DIMENSIONS))
        rows = middles[cluster] + 0.4 * draw.normal(size=(len(cluster), DIMENSIONS))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
