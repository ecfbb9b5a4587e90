"""Documents of a Hugging Face dataset, from the hub or from a local folder."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, cast

from pydantic import Field

from rankmill.corpora.columns import Columns
from rankmill.corpora.files import Place, find_files, fingerprint, resolve
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection
from rankmill.spec import Spec

_COMMIT = re.compile(r"[0-9a-f]{40}")
_PATHLIKE = (".", "/", "~")


class HuggingFace(Spec):
    """One document a row of one split, streamed: no copy of the dataset is kept.

    Attributes:
        dataset: A name on the hub, or a folder (relative to the recipe's folder; a folder wins
            over a name) of data files or of what `save_to_disk` wrote.
        config: Needed when the dataset has several.
        split: The rows of this split only.
        revision: A commit, branch or tag of the hub; the newest when left out. Name a commit to
            read the same rows for ever.
        columns: Which columns hold what.
    """

    kind: Literal["huggingface"] = "huggingface"
    dataset: str = Field(min_length=1)
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    columns: Columns = Columns()

    def __str__(self) -> str:
        return self.dataset

    def documents(self, base: Path) -> Iterator[Document | Rejection]:
        """Read every row of the split, in its order.

        Raises:
            CorpusError: The `datasets` package is missing, the dataset cannot be loaded, has no
                such config or split, or a named column is missing or holds something else than
                text.
        """
        name = f"{Path(self.dataset).name}/{self.split}"
        package = self._package()
        with _loading(self.dataset, package.exceptions.DatasetsError):
            for number, row in enumerate(self._rows(package, base), start=1):
                place = Place(within=f"{self.dataset}[{self.split}]", name=name, row=number)
                yield self.columns.document(row, place)

    def origin(self, base: Path) -> str:
        """The commit of the hub that is read, or the SHA-256 over a folder's files.

        Raises:
            CorpusError: The hub cannot be reached or has no such dataset or revision.
        """
        if folder := self._folder(base):
            return fingerprint(find_files(folder, base, endings=("",)))
        if self.revision and _COMMIT.fullmatch(self.revision):
            return self.revision
        from huggingface_hub import HfApi

        with _loading(self.dataset):
            info = HfApi().dataset_info(self.dataset, revision=self.revision)
        return str(info.sha)

    def _folder(self, base: Path) -> Path | None:
        folder = resolve(Path(self.dataset), base)
        if folder.is_dir():
            return folder
        if self.dataset.startswith(_PATHLIKE):
            raise CorpusError(f"{folder}: no such folder")
        return None

    def _package(self) -> ModuleType:
        try:
            import datasets
        except ImportError as error:
            raise CorpusError(
                f"{self.dataset}: needs the package datasets: pip install 'rankmill[hub]'"
            ) from error
        datasets.disable_progress_bars()
        return cast(ModuleType, datasets)

    def _rows(self, datasets: ModuleType, base: Path) -> Iterator[dict[str, Any]]:
        splits = self._splits(datasets, base)
        if self.split not in splits:
            found = ", ".join(map(repr, splits)) or "none"
            raise CorpusError(f"{self.dataset}: no split {self.split!r}, found {found}")
        rows = splits[self.split]
        if rows.column_names is not None:
            fields = self.columns.find(rows.column_names, f"{self.dataset}[{self.split}]")
            rows = rows.select_columns(list(dict.fromkeys(fields.values())))
        yield from rows

    def _splits(self, datasets: ModuleType, base: Path) -> Mapping[str, Any]:
        folder = self._folder(base)
        if folder and (folder / "dataset_dict.json").is_file():
            splits: Mapping[str, Any] = datasets.load_from_disk(str(folder))
        elif folder and (folder / "state.json").is_file():
            only = datasets.load_from_disk(str(folder))
            splits = {str(only.split or self.split): only}
        else:
            splits = datasets.load_dataset(
                str(folder or self.dataset),
                self.config,
                revision=None if folder else self.revision,
                streaming=True,
            )
        return splits


@contextmanager
def _loading(dataset: str, *raised: type[Exception]) -> Iterator[None]:
    """Turn what the two packages raise into one line.

    `datasets` raises `ValueError` for an unknown config; the hub's client lets errors of its HTTP
    library through, which differs between its versions and is the base of its own errors.
    """
    from huggingface_hub.errors import HfHubHTTPError

    kinds: tuple[type[Exception], ...] = (
        *(OSError, ValueError, HfHubHTTPError.__bases__[0]),
        *raised,
    )
    try:
        yield
    except kinds as error:
        reason = " ".join(str(error).split())
        raise CorpusError(f"{dataset}: cannot be loaded: {reason[:300]}") from error
