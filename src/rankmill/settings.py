"""What belongs to a machine and to no dataset: folders, threads, shards."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "rankmill"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux alone tells what this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(BaseSettings):
    """Read from the environment: `RANKMILL_DATA`, `RANKMILL_CACHE` and so on.

    Attributes:
        data: Where tables, replies and builds are kept.
        cache: Where model weights are kept.
        threads: Threads of the embedded teacher and of FAISS; 0 takes every core.
        shards: Parts that labelling is cut into; with the same replies they change no byte.
        prices: A TOML file of what models cost, read before the package's own table.
        metrics_port: Port on 127.0.0.1 where Prometheus finds the figures of a build; 0 for none.
    """

    model_config = SettingsConfigDict(env_prefix="RANKMILL_", extra="ignore")

    data: Path = Path("data")
    cache: Path = Field(default_factory=_cache)
    threads: int = Field(default=0, ge=0)
    shards: int = Field(default=4, ge=1)
    prices: Path | None = None
    metrics_port: int = Field(default=0, ge=0, le=65535)

    @property
    def cores(self) -> int:
        """Threads to use: the number asked for, or every core this process may run on."""
        return self.threads or _cores()
