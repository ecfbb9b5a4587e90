"""An embedding model of the sentence-transformers library, in this process."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rankmill.corpora.files import find_files, fingerprint
from rankmill.errors import ModelError, StageError
from rankmill.settings import Settings
from rankmill.space.encoder import Encoder, Kind, unit
from rankmill.spec import Machine, Spec

_FORWARD = 32  # texts in one forward pass: 64 was no faster on two cores


class SentenceTransformer(Spec):
    """A sentence-transformers model, on the GPU when there is one.

    Attributes:
        model: A name that `rankmill models` lists, a folder, or a hub model's `owner/name`.
        query_prefix: Stands before every query, for models trained with one ("query: ").
        document_prefix: Stands before every document.
        precision: In which matrices are multiplied. `auto` is bfloat16 where the machine has it:
            less than half the time of float32 on two cores, for 0.002 less nDCG@10 on cranfield and
            0.001 on cosqa (bench/retrieval.py). Vectors are float32 either way.
        batch: Documents embedded between two savings; sorted by length inside a batch only.

    Paper: Reimers & Gurevych, "Sentence-BERT", EMNLP 2019.
    """

    kind: Literal["sentence_transformers"] = "sentence_transformers"
    model: str = "all-minilm-l6-v2"
    query_prefix: str = ""
    document_prefix: str = ""
    precision: Literal["auto", "float32"] = "auto"
    batch: int = Machine(256, ge=1)

    @property
    def weights(self) -> str:
        """A digest of a folder's files, which may be trained anew under one name; else empty."""
        folder = Path(self.model)
        return fingerprint(find_files(folder, Path(), endings=("",))) if folder.is_dir() else ""

    @contextmanager
    def open(self, settings: Settings, say: Callable[[str], None]) -> Iterator[Encoder]:
        """Load the model; leaving the context gives its memory back.

        Raises:
            ModelError: There is no such model, or its files are damaged.
            StageError: sentence-transformers is not installed.
        """
        model = _load(self.model, settings, say)
        yield _Opened(
            model=model,
            prefixes={"query": self.query_prefix, "document": self.document_prefix},
            bfloat16=self.precision == "auto" and _has_bfloat16(model.device.type),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    model: Any
    prefixes: dict[Kind, str]
    bfloat16: bool

    def encode(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        import torch

        if not texts:
            return np.empty((0, 0), np.float32)
        prefixed = [self.prefixes[kind] + text for text in texts]
        with torch.autocast(self.model.device.type, torch.bfloat16, enabled=self.bfloat16):
            rows = self.model.encode(prefixed, batch_size=_FORWARD, show_progress_bar=False)
        return unit(np.asarray(rows, dtype=np.float32))


def _load(name: str, settings: Settings, say: Callable[[str], None]) -> Any:  # noqa: ANN401
    try:
        import sentence_transformers
        import torch
    except ImportError as error:
        raise StageError(
            f"embedding needs sentence-transformers ({error}): pip install 'rankmill[local]'"
        ) from error
    _hush()
    torch.set_num_threads(settings.cores)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    where = _folder(name, settings, say)
    try:
        return sentence_transformers.SentenceTransformer(
            where, device=device, model_kwargs={"dtype": torch.float32}
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise ModelError(f"embedding model {name}: cannot be loaded: {reason}") from error


def _folder(name: str, settings: Settings, say: Callable[[str], None]) -> str:
    """Where the model's files are: a folder, or, with a slash, a name that the hub resolves."""
    if Path(name).is_dir():
        return name
    if "/" not in name:
        from rankmill.models import fetch

        return str(fetch(name, settings.cache, say=say))
    say(f"loading {name} from the Hugging Face hub")
    return name


def _has_bfloat16(device: str) -> bool:
    """Whether a device multiplies in bfloat16 sooner than in float32."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    flags: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(flags.get(flag) for flag in ("avx512_bf16", "amx_bf16", "bf16"))


def _hush() -> None:
    """Keep bars and advice of the libraries below off the terminal, which shows our own."""
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]
    from transformers.utils import logging

    disable_progress_bars()
    for library in ("sentence_transformers", "huggingface_hub"):
        getLogger(library).setLevel(ERROR)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
