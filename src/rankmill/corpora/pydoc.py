"""The documentation of Python on this very machine, as a corpus."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.metadata import metadata, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rankmill.corpora.files import find_files, fingerprint
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection
from rankmill.spec import Spec

_SCRIPT = Path(__file__).with_name("pydoc_scan.py")
_PATIENCE_SECONDS = 600.0
_LICENCE = "PSF-2.0"


class Pydoc(Spec):
    """What modules, classes, functions and methods say of themselves, and Python's own topics.

    A thing that has several names comes once, under the one that people use. Private names, tests
    and whatever has no documentation of its own are left out. A docid is the dotted name, such as
    `itertools.groupby` (no `builtins.` before the built-in ones), `module:itertools` or
    `topic:lambda`; a title is the name and how to call it. Modules are imported in a process of
    their own.

    Attributes:
        packages: Import names of installed packages to read too.
        standard_library: Whether the standard library and the topics are read.
    """

    kind: Literal["pydoc"] = "pydoc"
    packages: tuple[Annotated[str, Field(pattern=r"^[A-Za-z]\w*$")], ...] = ()
    standard_library: bool = True

    def __str__(self) -> str:
        return "pydoc"

    def documents(self, base: Path) -> Iterator[Document | Rejection]:
        """Read everything, well-known names first; a module that fails is `unimportable`.

        Raises:
            CorpusError: A named package is not installed or cannot be imported.
        """
        self._check()
        sources = {name: _distribution(name) for name in self.packages}
        for line in self._scan().splitlines():
            found = json.loads(line)
            docid = found["docid"]
            if "reason" in found:
                if docid in self.packages:
                    raise CorpusError(f"pydoc: cannot import {docid}: {found['reason']}")
                yield Rejection(id=docid, rule="unimportable", detail=found["reason"])
                continue
            version, licence = sources.get(
                found["package"], (f"Python {platform.python_version()}", _LICENCE)
            )
            yield Document(
                docid=docid,
                text=found["text"],
                title=found["title"],
                source=version,
                licence=licence,
                lang="en",
            )

    def origin(self, base: Path) -> str:
        """The versions of Python and of the packages; a digest for what has no version.

        Raises:
            CorpusError: A named package is not installed.
        """
        self._check()
        versions = [f"Python {platform.python_version()} {sys.platform}"]
        for name in self.packages:
            version, _ = _distribution(name)
            versions.append(version if version != name else f"{name} {_sources(name, base)}")
        return ", ".join(versions)

    def _check(self) -> None:
        for name in self.packages:
            if find_spec(name) is None:
                nearest = get_close_matches(name, packages_distributions(), n=1)
                hint = f", the nearest is {nearest[0]}" if nearest else ""
                raise CorpusError(f"pydoc: package {name} is not installed{hint}")

    def _scan(self) -> str:
        arguments = json.dumps({"packages": self.packages, "standard": self.standard_library})
        command = [sys.executable, "-P", "-W", "ignore", "-X", "utf8", str(_SCRIPT), arguments]
        try:
            scan = subprocess.run(
                command,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE_SECONDS,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise CorpusError(f"pydoc: no end after {_PATIENCE_SECONDS:.0f} s") from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
            raise CorpusError(f"pydoc: reading the modules failed: {said[-1]}") from error
        return scan.stdout


def _distribution(name: str) -> tuple[str, str | None]:
    """The name and version of what a package was installed from, and its licence if it says."""
    distributions = packages_distributions().get(name)
    if not distributions:
        return name, None
    facts = metadata(distributions[0])
    licences = facts.get_all("License-Expression") or [None]
    return f"{facts['Name']} {facts['Version']}", licences[0]


def _sources(name: str, base: Path) -> str:
    """A digest of a package's own files, for one that no distribution lists."""
    spec = find_spec(name)
    folders = (spec.submodule_search_locations if spec else None) or ()
    paths = [Path(folder) for folder in folders] or [Path((spec and spec.origin) or name)]
    return fingerprint(f for path in paths for f in find_files(path, base, endings=(".py",)))[:16]
