"""How well a student orders the lists that teachers labelled: what a further round is drawn by."""

from collections import defaultdict

import polars as pl

from rankmill.corpora.read import documents_of
from rankmill.evaluate.quality import ndcg
from rankmill.finished import Finished
from rankmill.records import Ranking
from rankmill.space import sentences_of
from rankmill.space.encoder import Encoder
from rankmill.tables import DOCUMENTS, LABELS, QUERIES


def scores(build: Finished, student: Encoder) -> pl.DataFrame:
    """nDCG@10 of a retriever on every kept list in which some document is relevant.

    Its documents are put in the order of their inner product with the query. The gold is 1, which
    is what the labels' own order has, so that the sampler `refine` takes these scores as they are.

    Returns:
        Columns qid, student and gold, by qid.

    Raises:
        StageError: The build has not come as far as `settle`.
    """
    kept = build.lists.filter("kept")
    labels = build.read("settle", LABELS).join(kept, on="qid", how="semi")
    labels = labels.filter((pl.col("grade") > 0).any().over("qid"))
    queries = build.read("generate", QUERIES).join(labels, on="qid", how="semi")
    documents = documents_of(build.output("ingest").path(DOCUMENTS), labels["docid"].unique())
    shown = [sentences_of(document.title, document.text) for document in documents]
    asked = dict(
        zip(queries["qid"], student.encode(queries["text"].to_list(), "query"), strict=True)
    )
    vectors = student.encode(shown, "document")
    known = {document.docid: vector for document, vector in zip(documents, vectors, strict=True)}
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for qid, docid, grade in labels.select("qid", "docid", "grade").iter_rows():
        found[qid][docid] = float(asked[qid] @ known[docid])
        grades[qid][docid] = grade
    values = ndcg(grades, {qid: Ranking.by_score(found[qid]) for qid in sorted(found)})
    return pl.DataFrame(
        {"qid": list(values), "student": list(values.values())},
        schema={"qid": pl.String, "student": pl.Float64},
    ).with_columns(gold=pl.lit(1.0))
