"""A small dataset that passes the gate, and a hub of its own for every test."""

from pathlib import Path

import polars as pl
import pytest

from hub_emulator import WRITER, serving
from rankmill.assemble.files import write_manifest

SPLITS = ("train", "test")
CARD = """---
pretty_name: Tea
license: cc-by-4.0
configs:
{configs}---

# Tea
"""


def frames(split):
    """Every config of one split: five lists over seven documents."""
    docids = [f"{split}-d{n}" for n in range(7)]
    qids = [f"{split}-q{n}" for n in range(5)]
    texts = [f"Tea number {n} from the {split} garden is steeped in water." for n in range(7)]
    ranked = [docids[n : n + 3] for n in range(5)]
    listed = {"qid": qids, "docids": ranked, "grades": [[3, 1, 0]] * 5}
    return {
        "corpus": pl.DataFrame(
            {"docid": docids, "title": "Tea", "text": texts, "licence": "cc-by-4.0"}
        ),
        "queries": pl.DataFrame({"qid": qids, "text": "how long", "source_docid": docids[:5]}),
        "lists": pl.DataFrame(
            {
                **listed,
                "difficulty": [0.25, 0.2, 0.15, 0.1, None],
                "view_tau": [0.4, 0.5, 0.6, 0.7, 0.8],
            },
            schema_overrides={"grades": pl.List(pl.Int32)},
        ),
        "listwise": pl.DataFrame(
            {
                "query": "how long",
                "docs": [texts[n : n + 3] for n in range(5)],
                "labels": [[3.0, 1.0, 0.0]] * 5,
            }
        ),
        "judgments": pl.DataFrame(
            {
                "qid": qids,
                "shown": ranked,
                "ranked": ranked,
                "status": "valid",
                "reasoning": "short",
            }
        ),
    }


class Folder:
    """A dataset folder that can be changed; its manifest and its card follow."""

    def __init__(self, path):
        self.path = path

    def write(self, config, split, frame):
        place = self.path / config / f"{split}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(place)
        self.sealed()

    def change(self, config, split, **columns):
        """Give some columns of a file other values, as expressions or literals."""
        frame = pl.read_parquet(self.path / config / f"{split}.parquet")
        self.write(config, split, frame.with_columns(**columns))

    def sealed(self):
        files = sorted(self.path.glob("*/*.parquet"))
        configs = ""
        for config in sorted({file.parent.name for file in files}):
            configs += f"- config_name: {config}\n  data_files:\n"
            for file in files:
                if file.parent.name == config:
                    configs += f"  - split: {file.stem}\n    path: {config}/{file.name}\n"
        (self.path / "README.md").write_text(CARD.format(configs=configs))
        write_manifest(self.path)
        return self


@pytest.fixture
def dataset(tmp_path) -> Folder:
    """A clean dataset: every rule of the gate lets it pass."""
    folder = Folder(tmp_path / "dataset")
    for split in SPLITS:
        for config, frame in frames(split).items():
            folder.write(config, split, frame)
    folder.write(
        "rejections",
        "rejected",
        pl.DataFrame({"stage": "ingest", "id": "gone", "rule": "too_short", "detail": "4 letters"}),
    )
    return folder


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that this process, and every child of it, takes for the real one."""
    with serving(tmp_path / "hub") as running:
        for name, value in {
            "HF_ENDPOINT": running.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_XET": "1",  # files go by LFS, as they do where hf_xet is not installed
            "HF_TOKEN": WRITER,
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", running.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
        yield running


@pytest.fixture
def no_waits(monkeypatch):
    """The client tries again at once."""
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)


def local(folder: Path):
    """Bytes by path of what is in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
