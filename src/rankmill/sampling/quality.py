"""Seeds of every topic, the better documents more often."""

from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from rankmill.errors import StageError
from rankmill.sampling.allocation import Share, shared
from rankmill.sampling.pool import Pool, gumbel
from rankmill.sampling.sampler import Drawn, Sampling


class Quality(Sampling):
    """A softmax draw by quality inside every cluster. The build must judge its documents' quality.

    Scores are standardised over the documents that may become seeds. A document that was not
    judged is no seed.

    Attributes:
        share: Seeds of a cluster: `proportional` to its size, as DUQGen has it, or `equal`.
        temperature: Divides the standardised score. QuRating found 2 best; the lower, the fewer
            but the best documents, which gave its worse models.

    Papers: the k-means-quality of Yu et al., "Diversify and Conquer", 2024, which takes the
    exponential of raw scores; Wettig et al., "QuRating", ICML 2024 (standardised scores, Gumbel
    top-k, temperature).
    """

    kind: Literal["quality"] = "quality"
    share: Share = "proportional"
    temperature: float = Field(default=2.0, gt=0)

    @property
    def covers(self) -> bool:
        """With shares by size."""
        return self.share == "proportional"

    def choose(self, pool: Pool) -> Drawn:
        """Draw by Gumbel top-k.

        Raises:
            StageError: No quality was judged, or of too few documents.
        """
        if pool.space.quality is None:
            raise StageError("sample: kind quality needs the quality of documents; judge it first")
        scores = pool.space.quality.select("docid", quality="score")
        found = pool.documents.join(scores, on="docid", maintain_order="left")
        judged = pool.only(pl.col("docid").is_in(found["docid"].implode()))
        if len(judged) < self.documents:
            raise StageError(
                f"sample: {self.documents:,} seeds asked for, but the quality of only "
                f"{len(judged):,} documents was judged; lower sample.documents"
            )
        raw = found["quality"].to_numpy().astype(np.float64)
        standard = (raw - raw.mean()) / (raw.std() or 1.0)
        keys = standard / self.temperature + gumbel(self.seed, judged.documents["docid"])
        return Drawn(seeds=judged.best(keys, shared(self.share, judged.sizes, self.documents)))
