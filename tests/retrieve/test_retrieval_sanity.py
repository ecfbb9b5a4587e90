import pytest

from rankmill.corpora import Beir
from rankmill.evaluate.collection import Wanted, load
from rankmill.evaluate.quality import ndcg
from rankmill.records import Ranking
from rankmill.retrieve import BM25
from rankmill.retrieve.top import top
from rankmill.space import text_of


def bm25_ndcg(folder, spec):
    """Mean nDCG@10 of BM25 over the queries of a collection that people judged."""
    collection = load(folder, Wanted(candidates="judged"))
    documents = sorted(Beir(path=folder).documents(folder), key=lambda document: document.docid)
    index = spec.index(text_of(document.title, document.text) for document in documents)
    words = spec.words([query.text for query in collection.queries.values()])
    found = [top(index.scores(asked), 10) for asked in words]
    rankings = {
        qid: Ranking.in_order([documents[place].docid for place in places])
        for qid, places in zip(collection.queries, found, strict=True)
    }
    scores = ndcg(collection.qrels, rankings)
    return sum(scores.values()) / len(scores)


# The figures of another implementation (bm25s, k1 0.9, b 0.4, stemming) on the same collections.
@pytest.mark.parametrize(("name", "reference"), [("medline", 0.671), ("cosqa", 0.320)])
def test_bm25_finds_what_people_found_relevant(collections, name, reference):
    assert bm25_ndcg(collections / name, BM25()) >= reference - 0.0005


def test_german_queries_find_their_sentences_better_by_german_stems(collections):
    german = bm25_ndcg(collections / "xquad_r_de", BM25(language="german"))
    assert german > bm25_ndcg(collections / "xquad_r_de", BM25(language="none"))
    assert german > 0.75
