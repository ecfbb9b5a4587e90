"""Seeds that are what the user's own queries ask for."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import field_validator

from rankmill.contamination import Evaluation
from rankmill.corpora.files import resolve
from rankmill.errors import StageError
from rankmill.evaluate.collection import qrels_of
from rankmill.generate.given import Given, GivenQuery
from rankmill.records import Rejection
from rankmill.retrieve.top import top
from rankmill.sampling.pool import Pool
from rankmill.sampling.sampler import Drawn, Sampling
from rankmill.spec import Machine, digest
from rankmill.tables import Table

MATCHES = Table(
    name="matches",
    key=("docid",),
    columns={
        "docid": pl.String,
        "example": pl.String,
        "text": pl.String,
        "rank": pl.Int32,
        "similarity": pl.Float32,
    },
)
_AT_ONCE = 16


class Target(Sampling):
    """The documents that rank best for one of the example queries.

    Every example ranks all documents by cosine; a document's score is its best rank over the
    examples, equal ones by the higher cosine, then by docid. Nothing is drawn by lot: `seed` is of
    no effect, and topics that no example asks for get no seeds. MATCHES keeps the example that
    each seed was found by, its rank, and the cosine.

    Queries to be evaluated on must not choose the documents to train on. Refused are the split
    `test`, examples that `qrels/test.tsv` beside them judges, and examples with the words of a
    judged query of `assemble.evaluation`.

    Attributes:
        examples: A file of queries, as `Given` reads it; or a folder in BEIR's layout, whose
            queries of `split` are taken. Relative to the recipe.
        split: Which qrels of the folder.

    Paper: Mizrahi et al., "Language Models Improve When Pretraining Data Matches Target Tasks"
    (BETR), 2025. Deviation: every document is ranked, so there is no classifier to stand in for
    ranks; a tenth of the corpus to keep becomes the number of seeds.
    """

    kind: Literal["target"] = "target"
    examples: Path = Machine(...)
    split: str = "train"

    @field_validator("split")
    @classmethod
    def _test_is_for_tests(cls, split: str) -> str:
        if split == "test":
            raise ValueError("queries to be tested on must not choose what is trained on")
        return split

    def origin(self, base: Path, evaluation: Sequence[Path]) -> dict[str, str]:
        """The examples, and what they must not be."""
        found = [(query.qid, query.text) for query in self.queries(base)]
        exams = sorted(exam_texts(evaluation))
        return {"examples": digest(repr(found)), "exams": digest(repr(exams))}

    def queries(self, base: Path) -> list[GivenQuery]:
        """Read the examples.

        Raises:
            StageError: There are none, or some belong to a test set.
            CorpusError: A file cannot be read, or a line is not what its format says.
        """
        path = resolve(self.examples, base)
        given = Given(path=self.examples).read(base)
        found = [query for query in given if not isinstance(query, Rejection)]
        if path.is_dir():
            wanted = qrels_of(path / "qrels" / f"{self.split}.tsv")
            found = [query for query in found if query.qid in wanted]
        if not found:
            raise StageError(f"sample: no example query in {path}")
        test = (path if path.is_dir() else path.parent) / "qrels" / "test.tsv"
        judged = qrels_of(test) if test.is_file() else {}
        _forbid([one for one in found if one.qid in judged], f"judged in {test}")
        return found

    def choose(self, pool: Pool) -> Drawn:
        """Choose by best rank.

        Raises:
            StageError: As `queries`, or an example is a query of an evaluation collection.
        """
        examples = self.queries(pool.space.base)
        exams = set(map(words_of, exam_texts(pool.space.evaluation)))
        _forbid([e for e in examples if words_of(e.text) in exams], "in assemble.evaluation")
        points = pool.space.encode([example.text for example in examples])
        rank, example, cosine = _best(pool, points, self.documents)
        found = pl.DataFrame({"rank": rank, "example": example, "similarity": cosine})
        chosen = (
            pl.concat([pool.documents.select("docid", "cluster"), found], how="horizontal")
            .sort("rank", "similarity", "docid", descending=[False, True, False])
            .head(self.documents)
            .sort("docid")
        )
        matched = [examples[place] for place in chosen["example"]]
        matches = chosen.select("docid", "rank", "similarity").with_columns(
            example=pl.Series([one.qid for one in matched], dtype=pl.String),
            text=pl.Series([one.text for one in matched], dtype=pl.String),
        )
        facts = {
            "examples": len(examples),
            "examples with a seed": chosen["example"].n_unique(),
            "worst rank": int(chosen["rank"].to_numpy().max()),
        }
        seeds = chosen.select("docid", "cluster")
        return Drawn(seeds=seeds, tables=[(MATCHES, matches)], facts=facts)


def _best(
    pool: Pool, points: NDArray[np.float32], depth: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Each document's best rank from 1, the example that gives it, and the cosine of the two.

    Ranks beyond `depth` cannot matter: the first example alone gives so many better ones.
    """
    by_docid = np.argsort(pool.documents["docid"].to_numpy())
    best = np.full(len(pool), np.iinfo(np.int32).max, np.int32)
    example, cosine = np.zeros(len(pool), np.int32), np.full(len(pool), -1, np.float32)
    for start in range(0, len(points), _AT_ONCE):
        scores = pool.cosines(points[start : start + _AT_ONCE])
        for number, column in enumerate(scores.T, start=start):
            places = by_docid[top(column[by_docid], depth)]
            ranks = np.arange(1, len(places) + 1, dtype=np.int32)
            tie = (ranks == best[places]) & (column[places] > cosine[places])
            better = (ranks < best[places]) | tie
            now = places[better]
            best[now], example[now], cosine[now] = ranks[better], number, column[now]
    return best, example, cosine


def exam_texts(evaluation: Sequence[Path]) -> set[str]:
    """Texts of the queries that evaluation collections judge in `test`; of all without such qrels.

    Raises:
        CorpusError: A file cannot be read.
    """
    texts: set[str] = set()
    for folder in evaluation:
        test = folder / "qrels" / "test.tsv"
        judged = qrels_of(test) if test.is_file() else None
        queries = Evaluation(folder.resolve()).queries()
        texts |= {text for qid, text in queries.iter_rows() if judged is None or qid in judged}
    return texts


def words_of(text: str) -> str:
    """The words alone, in lower case: what makes two queries one."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower()))


def _forbid(examples: list[GivenQuery], where: str) -> None:
    if examples:
        raise StageError(
            f"sample: {len(examples):,} example queries are {where}, first {examples[0].qid} "
            f"({examples[0].text[:60]!r}); leave out what is to be evaluated on"
        )
