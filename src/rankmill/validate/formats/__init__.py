"""What rows every kind of export has, file by file."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from rankmill.export import SPLITS
from rankmill.validate.formats import evaluation as ev
from rankmill.validate.formats import language_models as lm
from rankmill.validate.formats import rerankers as rr
from rankmill.validate.formats import sentence_transformers as st
from rankmill.validate.formats import trainers as tr
from rankmill.validate.row import Row

Rows = Mapping[str, type[Row]]
"""What the rows of files are, by paths in an export's folder in which `{split}` may stand. Files
with ids come before those that refer to them."""


def _listwise(options: Mapping[str, Any]) -> Rows:
    scored = options.get("labels") == "scores"
    return {"{split}.parquet": st.LabelledByScores if scored else st.LabelledList}


def _by_ids(options: Mapping[str, Any]) -> Rows:
    graded = options.get("labels") == "grades"
    return {
        "queries/{split}.parquet": st.IdQuery,
        "documents/{split}.parquet": st.IdDocument,
        "lists/{split}.parquet": st.IdGrades if graded else st.IdList,
    }


def _sft(options: Mapping[str, Any]) -> Rows:
    whole = options.get("form") == "messages"
    return {"{split}.parquet": lm.TrlMessages if whole else lm.TrlCompletion}


def _llama_factory(options: Mapping[str, Any]) -> Rows:
    spoken = options.get("form") == "sharegpt"
    return {"{split}.json": lm.ShareGptRow if spoken else lm.AlpacaRow}


_BY_KIND: Mapping[str, Rows | Callable[[Mapping[str, Any]], Rows]] = {
    "pairs": {"{split}.parquet": st.Pair},
    "triplets": {"{split}.parquet": st.Triplet},
    "listwise": _listwise,
    "groups": {"{split}.parquet": st.Groups},
    "beir": {
        "{split}/corpus.jsonl": ev.Document,
        "{split}/queries.jsonl": ev.Query,
        "{split}/qrels/{split}.tsv": ev.BeirQrel,
    },
    "mteb": {
        "corpus/{split}.parquet": ev.Document,
        "queries/{split}.parquet": ev.Query,
        "qrels/{split}.parquet": ev.MtebQrel,
        "top_ranked/{split}.parquet": ev.TopRanked,
        "instruction/{split}.parquet": ev.Instruction,
    },
    "trec": {
        "qrels.{split}.txt": ev.TrecQrel,
        "teacher.{split}.txt": ev.TrecRun,
        "retriever.{split}.txt": ev.TrecRun,
    },
    "ragas": {"{split}.jsonl": ev.RagasSample},
    "ntuples": {"{split}.parquet": st.NTuple},
    "scored_ntuples": {"{split}.parquet": st.NTuple},
    "labelled_pairs": {"{split}.parquet": st.LabelledPair},
    "rerank_eval": {"{split}.parquet": st.RerankingSample},
    "lipo": {"{split}.parquet": st.ScoredList},
    "by_ids": _by_ids,
    "flagembedding": {"{split}.jsonl": tr.FlagEmbedding},
    "flag_reranker": {"{split}.jsonl": tr.FlagEmbedding},
    "tevatron": {"{split}.jsonl": tr.TevatronV1},
    "tevatron_ids": {"corpus.jsonl": tr.TevatronDocument, "{split}.jsonl": tr.TevatronV2},
    "tevatron_rerank": {"{split}.jsonl": tr.TevatronPair},
    "gpl": {
        "{split}/corpus.jsonl": ev.Document,
        "{split}/qgen-queries.jsonl": ev.Query,
        "{split}/qgen-qrels/{split}.tsv": ev.BeirQrel,
        "{split}/gpl-training-data.tsv": tr.GplMargin,
        "{split}/hard-negatives.jsonl": tr.GplNegatives,
    },
    "colbert": {
        "collection.tsv": tr.ColbertPassage,
        "queries.{split}.tsv": tr.ColbertQuery,
        "triples.{split}.tsv": tr.ColbertTriple,
        "triples.{split}.jsonl": tr.ColbertNumbers,
    },
    "automodel": {
        "corpus/train.parquet": tr.AutoModelDocument,
        "{split}.json": tr.AutoModelQuestion,
    },
    "rankllm": {"{split}.jsonl": rr.RankLlmRequest, "{split}.json": rr.RankLlmRequest},
    "rankzephyr": {"{split}.json": rr.RankLlmConversation},
    "reasonrank": {"{split}.jsonl": rr.ReasonRankList},
    "grouprank": {"{split}.jsonl": rr.GroupRankRow},
    "fullrank": {"{split}.jsonl": rr.WeightedList},
    "rankgpt": {"{split}.jsonl": rr.RankGptRow, "{split}.permutations.json": rr.Permutation},
    "e2rank": {"{split}.jsonl": rr.E2RankRow},
    "sft": _sft,
    "dpo": {"{split}.parquet": lm.TrlPreference},
    "reward": {"{split}.parquet": lm.TrlPreference},
    "grpo": {"{split}.parquet": lm.TrlPrompt},
    "verl": {"{split}.parquet": lm.VerlRow},
    "llama-factory": _llama_factory,
}
_SHARD = r"(-\d{5}-of-\d{5})?"
_SPLIT = f"(?P<split>{'|'.join(SPLITS)})"


def kinds() -> list[str]:
    """The kinds of export that have rules."""
    return sorted(_BY_KIND)


def formats(kind: str, options: Mapping[str, Any]) -> Rows:
    """The files of an export and what their rows are; empty where its kind has no rules."""
    found = _BY_KIND.get(kind, {})
    return found(options) if callable(found) else found


def split_of(path: str, template: str) -> str | None:
    """The split that a file holds, if its path fits; empty where there is one file for all."""
    stem, dot, suffix = template.rpartition(".")
    pattern = re.escape(stem).replace(r"\{split\}", "{split}") + _SHARD + re.escape(dot + suffix)
    named = pattern.replace("{split}", _SPLIT, 1).replace("{split}", r"(?P=split)")
    fits = re.fullmatch(named, path)
    return None if fits is None else fits.groupdict().get("split", "")
