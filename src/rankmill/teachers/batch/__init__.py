"""Teachers asked by the file: cheaper, later, and with the same replies."""

from rankmill.teachers.batch.spec import Batch, Batching

__all__ = ["Batch", "Batching"]
