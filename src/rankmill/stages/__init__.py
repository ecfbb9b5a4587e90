"""The stages of a build: tables in, tables out, each made once.

A stage reads its settings from the build's recipe, names everything that its tables depend on, and
leaves the work to the module that knows how. The order of the stages is in `rankmill.line`.
"""

from rankmill.stages.corpus import cluster, ingest, sample
from rankmill.stages.curation import curate, quality
from rankmill.stages.dataset import assemble, publish
from rankmill.stages.embedding import embed
from rankmill.stages.labels import Part, label, label_part, parts, settle
from rankmill.stages.queries import generate, retrieve

__all__ = [
    "Part",
    "assemble",
    "cluster",
    "curate",
    "embed",
    "generate",
    "ingest",
    "label",
    "label_part",
    "parts",
    "publish",
    "quality",
    "retrieve",
    "sample",
    "settle",
]
