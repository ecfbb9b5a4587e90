"""One space for the whole corpus: vectors, the topics they form, and the splits of those."""

from typing import Annotated

from pydantic import Field

from rankmill.space.cluster import Clustering, SphericalKMeans
from rankmill.space.elbow import ELBOW, Elbow
from rankmill.space.encoder import Encoder
from rankmill.space.openai_embeddings import OpenAIEmbeddings
from rankmill.space.sentence_transformers import SentenceTransformer
from rankmill.space.splits import Splits
from rankmill.space.topics import TOPICS, topics
from rankmill.space.vectors import blocks, cosines, embed, open_vectors, sentences_of, text_of

Embedder = Annotated[SentenceTransformer | OpenAIEmbeddings, Field(discriminator="kind")]

__all__ = [
    "ELBOW",
    "TOPICS",
    "Clustering",
    "Elbow",
    "Embedder",
    "Encoder",
    "OpenAIEmbeddings",
    "SentenceTransformer",
    "SphericalKMeans",
    "Splits",
    "blocks",
    "cosines",
    "embed",
    "open_vectors",
    "sentences_of",
    "text_of",
    "topics",
]
