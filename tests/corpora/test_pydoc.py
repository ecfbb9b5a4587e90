import platform
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from rankmill.corpora import Pydoc
from rankmill.errors import CorpusError
from rankmill.records import Document, Rejection

TOY = {
    "__init__.py": '''
"""A toy."""
import warnings
from toykit._hidden import shout
from toykit.shapes import Square
print("hello from the import")
warnings.warn("old")
answer = 42
class Odd:
    def __getattr__(self, name):
        raise AssertionError("answers nobody")
odd = Odd()
def plain():
    pass
def _private():
    """A private function, documented."""
def count(words, *, fold=str.casefold, kind=dict, start=object()):
    """Count the words, the way a test does."""
class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no words")
def speechless(value=Unspeakable()):
    """Its signature cannot be shown."""
def old():
    """Deprecated: use count instead of this."""
def described(*args):
    """described(first, second) -> number

    Describe two things at once.
    """
''',
    "_hidden.py": '''
def shout(text: "str", times: int = 2) -> str:
    """Say it loudly, so that everybody hears."""
''',
    "shapes.py": '''
"""Shapes that a test can count."""
from dataclasses import dataclass
from collections import namedtuple
class _Shape:
    def area(self):
        """The surface that the shape covers."""
    def side(self):
        """Overridden below, and documented."""
class Square(_Shape):
    """Four sides of the same length."""
    def __init__(self, side=1):
        """A square of the given side."""
    @classmethod
    def unit(cls, scale=1):
        """The square whose side is one."""
    @staticmethod
    def sides():
        """How many sides there are."""
    @property
    def side(self):
        """The length of one side."""
    def __eq__(self, other):
        """Return self==value."""
Box = Square
@dataclass
class Point:
    x: int
    y: int = 0
Pair = namedtuple("Pair", "left right")
''',
    "broken.py": 'raise SystemExit("not today")',
    "tests/__init__.py": '"""A test package with documentation."""',
}


def install(folder: Path, files: Mapping[str, str], monkeypatch) -> None:
    for name, content in files.items():
        path = folder / "toykit" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    install(tmp_path, TOY, monkeypatch)
    return Pydoc(packages=("toykit",), standard_library=False)


def test_every_public_thing_comes_once_under_its_best_name(toy, tmp_path, capfd):
    found = [d for d in toy.documents(tmp_path) if isinstance(d, Document)]
    assert {d.docid: (d.title, d.text) for d in found} == {
        "module:toykit": ("toykit module", "A toy."),
        "module:toykit.shapes": ("toykit.shapes module", "Shapes that a test can count."),
        "toykit.shout": (
            "toykit.shout(text, times=2)",
            "Say it loudly, so that everybody hears.",
        ),
        "toykit.count": (
            "toykit.count(words, *, fold=..., kind=dict, start=...)",
            "Count the words, the way a test does.",
        ),
        "toykit.speechless": ("toykit.speechless", "Its signature cannot be shown."),
        "toykit.described": (
            "toykit.described(first, second) -> number",
            "Describe two things at once.",
        ),
        "toykit.Square": (
            "toykit.Square(side=1)",
            "Four sides of the same length.\n\nA square of the given side.",
        ),
        "toykit.Square.area": ("toykit.Square.area()", "The surface that the shape covers."),
        "toykit.Square.unit": (
            "toykit.Square.unit(scale=1)",
            "The square whose side is one.",
        ),
        "toykit.Square.sides": ("toykit.Square.sides()", "How many sides there are."),
        "toykit.Square.side": ("toykit.Square.side", "The length of one side."),
    }
    assert capfd.readouterr() == ("", "")


def test_a_module_that_fails_is_rejected_with_its_reason(toy, tmp_path):
    found = [r for r in toy.documents(tmp_path) if isinstance(r, Rejection)]
    assert found == [
        Rejection(id="toykit.broken", rule="unimportable", detail="SystemExit: not today")
    ]


def test_a_named_package_that_fails_is_an_error(tmp_path, monkeypatch):
    install(tmp_path, {"__init__.py": "1 / 0"}, monkeypatch)
    with pytest.raises(CorpusError) as error:
        list(Pydoc(packages=("toykit",), standard_library=False).documents(tmp_path))
    assert str(error.value) == "pydoc: cannot import toykit: ZeroDivisionError: division by zero"


def test_a_package_that_ends_the_process_is_an_error(tmp_path, monkeypatch):
    install(tmp_path, {"__init__.py": "import os; os._exit(9)"}, monkeypatch)
    with pytest.raises(CorpusError, match="pydoc: reading the modules failed: exit code 9"):
        list(Pydoc(packages=("toykit",), standard_library=False).documents(tmp_path))


def test_a_package_that_never_ends_is_an_error(tmp_path, monkeypatch):
    install(tmp_path, {"__init__.py": "while True: pass"}, monkeypatch)
    monkeypatch.setattr("rankmill.corpora.pydoc._PATIENCE_SECONDS", 1.0)
    with pytest.raises(CorpusError, match="pydoc: no end after 1 s"):
        list(Pydoc(packages=("toykit",), standard_library=False).documents(tmp_path))


@pytest.mark.parametrize("method", ["documents", "origin"])
def test_a_package_that_is_not_installed_is_an_error_with_the_nearest(tmp_path, method):
    with pytest.raises(CorpusError) as error:
        list(getattr(Pydoc(packages=("pytset",)), method)(tmp_path))
    assert str(error.value) == "pydoc: package pytset is not installed, the nearest is pytest"


@pytest.mark.parametrize("name", ["os; rm", "a.b", "-m", ""])
def test_a_package_is_named_by_one_word(name):
    with pytest.raises(ValidationError):
        Pydoc(packages=(name,))


def test_the_origin_names_python_and_every_package(tmp_path):
    origin = Pydoc(packages=("pytest",)).origin(tmp_path)
    assert re.fullmatch(
        rf"Python {re.escape(platform.python_version())} \w+, pytest {pytest.__version__}", origin
    )


def test_the_origin_of_a_package_without_a_version_is_its_content(toy, tmp_path):
    first = toy.origin(tmp_path)
    assert re.fullmatch(r"Python \S+ \w+, toykit [0-9a-f]{16}", first)
    (tmp_path / "toykit" / "__init__.py").write_text('"""Another toy."""')
    assert toy.origin(tmp_path) != first


@pytest.fixture(scope="module")
def library():
    return list(Pydoc().documents(Path()))


@pytest.fixture(scope="module")
def documents(library):
    return {document.docid: document for document in library if isinstance(document, Document)}


def test_the_standard_library_has_thousands_of_distinct_texts(library, documents):
    assert len(documents) == sum(isinstance(found, Document) for found in library)
    assert len({d.text for d in documents.values() if len(d.text) >= 40}) > 2000


@pytest.mark.parametrize(
    ("docid", "title", "beginning"),
    [
        ("itertools.groupby", "itertools.groupby(iterable, key=None)", "make an iterator that ret"),
        ("os.path.basename", "os.path.basename(p)", "Returns the final component of a"),
        ("module:textwrap", "textwrap module", "Text wrapping and filling."),
        ("topic:lambda", "Lambdas", 'lambda_expr ::= "lambda" [par'),
        ("random.shuffle", "random.shuffle(x)", "Shuffle list x in place"),
    ],
)
def test_a_well_known_thing_reads_well(documents, docid, title, beginning):
    assert documents[docid].title == title
    assert documents[docid].text.strip().startswith(beginning)
    assert documents[docid].source == f"Python {platform.python_version()}"
    assert (documents[docid].lang, documents[docid].licence) == ("en", "PSF-2.0")


def test_built_in_names_have_no_module(documents):
    assert documents["sorted"].title.startswith("sorted(iterable, /, *, key=None")
    assert documents["str.join"].title == "str.join(iterable, /)"
    assert not [docid for docid in documents if docid.startswith("builtins.")]


@pytest.mark.parametrize(
    "docid", ["posixpath.join", "random.Random.shuffle", "IOError", "posix.open"]
)
def test_another_name_of_the_same_thing_is_left_out(documents, docid):
    assert docid not in documents


def test_no_boilerplate_and_no_address_gets_in(documents):
    texts = "\n".join(document.title + document.text for document in documents.values())
    assert "Return self==value." not in texts
    assert "Alias for field number" not in texts
    assert not re.search(r" at 0x[0-9a-f]{6,}>?[,)]", " ".join(d.title for d in documents.values()))


def test_the_same_python_reads_the_same(library):
    assert list(Pydoc().documents(Path())) == library
