"""An embedding model small enough to be made in a test."""

import numpy as np
import pytest

from knowing_teacher import TOPICS

WORDS = sorted(" ".join(TOPICS.values()).split())


def student(folder, seed):
    """A real sentence-transformers model: a vector for every word, and their mean."""
    library = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: number for number, word in enumerate(["[UNK]", *WORDS])}
    known = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    known.normalizer = tokenizers.normalizers.Lowercase()
    known.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    weights = np.random.default_rng(seed).standard_normal((len(words), 8)).astype(np.float32)
    static = modules.StaticEmbedding(known, embedding_weights=weights)
    library.SentenceTransformer(modules=[static], device="cpu").save_pretrained(str(folder))
    return folder
