"""Weights that a recipe names: known models, and files and folders that are known by contents."""

import functools
import hashlib
from pathlib import Path
from typing import Any

from pydantic import Field

from rankmill import models
from rankmill.errors import ModelError
from rankmill.spec import Spec, digest
from rankmill.teachers.engine import Surroundings

_SAMPLES, _SAMPLE_BYTES = 16, 1 << 16
_OF_A_MODEL = {".safetensors", ".bin", ".json"}


class Weighted(Spec):
    """A teacher whose weights are at hand, under a name or at a path.

    Attributes:
        model: The name or the path.
    """

    model: str = Field(min_length=1)

    def identity(self) -> dict[str, Any]:
        """The spec's identity, with a file's or folder's contents in place of where it lies.

        Raises:
            ModelError: `model` is a path, and nothing is there.
        """
        return {**super().identity(), "model": identity(self.model)}


def local(model: str) -> Path | None:
    """The GGUF file or the folder that a recipe means by `model`; None when it is a name.

    Raises:
        ModelError: It is a path, and nothing is there.
    """
    path = Path(model).expanduser()
    if path.is_dir() or (model.endswith(".gguf") and path.is_file()):
        return path.absolute()
    if path.is_file():
        raise ModelError(
            f"teacher.model: {path.absolute()} is no GGUF file: expected a name in .gguf"
        )
    if model.endswith(".gguf") or model.startswith(("/", "./", "../", "~")):
        raise ModelError(f"teacher.model: no file {path.absolute()}")
    return None


def identity(model: str) -> str:
    """What makes a model another one than others.

    That is its name; of a file or folder, its own name and a digest of samples of its bytes, so
    that a dataset does not depend on the folder it lies in.

    Raises:
        ModelError: It is a path, and nothing is there.
    """
    path = local(model)
    return f"{path.name}:{_contents(path)}" if path else model


def gguf(model: str, where: Surroundings) -> Path:
    """A GGUF file by its path, or by the name of a known model, which is fetched if need be.

    Raises:
        ModelError: There is none.
    """
    path = local(model) or models.fetch(model, where.settings.cache, say=where.say)
    if path.suffix != ".gguf":
        raise ModelError(f"teacher.model: {model} is no GGUF file")
    return path


def _contents(path: Path) -> str:
    """Sixteen hex digits over a file, or over the files of a folder that make its model."""
    if path.is_file():
        return _sampled(path, path.stat().st_size)
    files = sorted(file for file in path.iterdir() if file.suffix in _OF_A_MODEL)
    return digest(" ".join(f"{file.name}:{_sampled(file, file.stat().st_size)}" for file in files))


@functools.lru_cache
def _sampled(path: Path, size: int) -> str:
    """Sixteen hex digits over a file's size and pieces of it, evenly spread; 40 GB take no time."""
    found = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for sample in range(_SAMPLES):
            file.seek(max(size - _SAMPLE_BYTES, 0) * sample // (_SAMPLES - 1))
            found.update(file.read(_SAMPLE_BYTES))
    return found.hexdigest()[:16]
