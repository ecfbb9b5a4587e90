"""Consumers that open their files themselves, where they are installed."""

import contextlib
import importlib.util
import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FAULTS: tuple[type[Exception], ...] = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    *(AssertionError, OSError, RuntimeError, StopIteration),
)
"""What a consumer raises over a file that it cannot read; whatever else it raises is our fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Files of one export and one split.

    Attributes:
        folder: The dataset folder.
        name: The export's.
        split: Which.
        paths: In the dataset folder.
        scratch: A folder for what a consumer wants to keep.
    """

    folder: Path
    name: str
    split: str
    paths: Sequence[str]
    scratch: Path

    def there(self) -> Iterator[str]:
        """Where they are."""
        return (str(self.folder / path) for path in self.paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """A consumer.

    Attributes:
        name: Of its package, as it is imported.
        load: Reads files as the consumer does, and raises what it raises.
    """

    name: str
    load: Callable[[Files], None]

    @property
    def installed(self) -> bool:
        """Whether it is there."""
        return importlib.util.find_spec(self.name) is not None


def read(loader: Loader, files: Files) -> str:
    """What a consumer says against files; empty if it took them."""
    from yaml import YAMLError

    with TemporaryDirectory(prefix="rankmill-validate-") as scratch, _quiet(), _offline():
        one = Files(
            folder=files.folder,
            name=files.name,
            split=files.split,
            paths=files.paths,
            scratch=Path(scratch),
        )
        try:
            loader.load(one)
        except (*FAULTS, YAMLError) as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    return ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Consumers print what they do."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """The files are here: nobody has to ask the hub for them, or to tell it."""
    if not DATASETS.installed:
        yield
        return
    from datasets import config as settings

    before, settings.HF_HUB_OFFLINE = settings.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        settings.HF_HUB_OFFLINE = before


def _config(files: Files, config: str) -> Any:  # noqa: ANN401 - a datasets.Dataset
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    cache = str(files.scratch)
    try:
        return load_dataset(str(files.folder), config, split=files.split, cache_dir=cache)
    except DatasetsError as error:
        raise ValueError(str(error.__cause__ or error)) from error


def config(files: Files) -> None:
    """`load_dataset(folder, name)`."""
    _config(files, files.name)


def _sentence_transformers(files: Files) -> None:
    """Rows through the collator of the trainers, which finds the labels and the inputs."""
    from sentence_transformers.base.data_collator import BaseDataCollator

    collate = BaseDataCollator(preprocess_fn=lambda texts, **_: {"texts": texts})
    for row in _config(files, files.name):
        collate([row])


def _beir(files: Files) -> None:
    beir = import_module("beir.datasets.data_loader")
    folder = files.folder / files.name / files.split
    beir.GenericDataLoader(str(folder)).load(split=files.split)


def _mteb(files: Files) -> None:
    from datasets import config as settings

    mteb = import_module("mteb.abstasks.retrieval_dataset_loaders")
    before, settings.HF_DATASETS_CACHE = settings.HF_DATASETS_CACHE, files.scratch
    try:
        folder, revision = str(files.folder), None
        mteb.RetrievalDatasetLoader(folder, revision, split=files.split, config=files.name).load()
    finally:
        settings.HF_DATASETS_CACHE = before


def _ir_measures(files: Files) -> None:
    import ir_measures

    for path in files.there():
        qrels = Path(path).name.startswith("qrels")
        reader = ir_measures.read_trec_qrels if qrels else ir_measures.read_trec_run
        for _ in reader(path):
            pass


def _flag_embedding(files: Files) -> None:
    """Every row drawn from, with scores if the file has any."""
    embedder = import_module("FlagEmbedding.abc.finetune.embedder")
    dataset = import_module("FlagEmbedding.abc.finetune.embedder.AbsDataset")
    for path in files.there():
        with Path(path).open(encoding="utf-8") as lines:
            scored = '"pos_scores"' in lines.readline()
        arguments = embedder.AbsEmbedderDataArguments(
            train_data=[path], cache_path=str(files.scratch), knowledge_distillation=scored
        )
        rows = dataset.AbsEmbedderTrainDataset(arguments, tokenizer=None)
        for place in range(len(rows)):
            rows[place]


def _rank_llm(files: Files) -> None:
    data = import_module("rank_llm.data")
    for path in files.there():
        data.read_requests_from_file(path)


DATASETS = Loader(name="datasets", load=config)
_TRAINERS = Loader(name="sentence_transformers", load=_sentence_transformers)
LOADERS: Mapping[str, Loader] = {
    **dict.fromkeys(("pairs", "triplets", "ntuples"), _TRAINERS),
    **dict.fromkeys(("scored_ntuples", "labelled_pairs", "listwise"), _TRAINERS),
    "beir": Loader(name="beir", load=_beir),
    "mteb": Loader(name="mteb", load=_mteb),
    "trec": Loader(name="ir_measures", load=_ir_measures),
    "flagembedding": Loader(name="FlagEmbedding", load=_flag_embedding),
    "rankllm": Loader(name="rank_llm", load=_rank_llm),
}
"""Consumers by kind of export."""
