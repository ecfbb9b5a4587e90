"""What belongs to a machine and to no dataset: folders, threads, shards."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "rankmill"


class Settings(BaseSettings):
    """Read from the environment: `RANKMILL_DATA`, `RANKMILL_CACHE` and so on.

    Attributes:
        data: Where tables, replies and builds are kept.
        cache: Where model weights are kept.
        threads: Threads of the embedded teacher and of FAISS; 0 takes every core.
        shards: Parts that labelling is cut into; they never change a byte of the result.
    """

    model_config = SettingsConfigDict(env_prefix="RANKMILL_", extra="ignore")

    data: Path = Path("data")
    cache: Path = Field(default_factory=_cache)
    threads: int = Field(default=0, ge=0)
    shards: int = Field(default=4, ge=1)

    @property
    def cores(self) -> int:
        """Threads to use: the number asked for, or every core this process may run on."""
        return self.threads or len(os.sched_getaffinity(0))
