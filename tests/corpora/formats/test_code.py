import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.corpora.formats import FORMAT_OF, FORMATS, NEEDS, Unreadable
from rankmill.corpora.formats.code import Definition, read_code

PYTHON = b'''"""What the module is for."""
# SPDX-License-Identifier: MIT
import os
from sys import (
    argv,
)

LIMIT = 3


# Says hello.
@cache
def hello(name):
    """Greet."""
    def inner():
        pass
    return inner


class Box:
    """Holds things."""

    size = 1

    def open(self):
        return 1


if LIMIT:
    async def later():
        await 1
'''


def cut(name, source):
    return {s.anchor: s.text for s in FORMATS[name](source.encode()).sections}


def test_python_is_cut_into_functions_classes_and_the_rest():
    file = FORMATS["python"](PYTHON)
    assert file.licence == "MIT"
    assert [(s.anchor, s.title, s.headings, s.place) for s in file.sections] == [
        ("", "", (), ""),
        ("hello", "hello", (), ":11"),
        ("Box", "Box", (), ":20"),
        ("Box.open", "Box.open", ("Box",), ":25"),
        ("later", "later", (), ":30"),
    ]
    texts = {s.anchor: s.text for s in file.sections}
    assert "import" not in texts[""]
    assert "LIMIT = 3" in texts[""]
    assert texts["hello"].startswith("# Says hello.\n@cache\ndef hello(name):")
    assert texts["hello"].endswith("return inner")
    assert texts["Box"] == 'class Box:\n    """Holds things."""\n\n    size = 1'
    assert texts["Box.open"] == "def open(self):\n    return 1"
    assert texts["later"].startswith("async def later")


@pytest.mark.parametrize(
    ("source", "rule", "detail"),
    [
        ("def f(:\n  pass", "broken", "no Python .* in line 1"),
        ("x = '\0' + 'word'" + "y" * 50, "broken", "null byte"),
        ("import os\n", "empty", "nothing but imports"),
        ("x = [" + "1, " * 3000 + "]", "minified", "a line of 9,006 characters"),
        ("word = " + "(" * 3000 + ")" * 1900, "broken", "nested"),
    ],
)
def test_python_that_cannot_be_cut_says_why(source, rule, detail):
    with pytest.raises(Unreadable, match=detail) as fault:
        FORMATS["python"](source.encode())
    assert fault.value.rule == rule


@pytest.mark.parametrize(
    ("name", "source", "wanted"),
    [
        (
            "javascript",
            "import x from 'y';\n/** Adds. */\nexport function add(a, b) {\n  return a + b;\n}\n"
            "class Box {\n  // opens\n  open() {\n    return 1;\n  }\n}\n"
            "const later = async () => {\n  await 1;\n};\nconst three = 3;\n",
            {
                "": "const three = 3;",
                "add": "/** Adds. */\nexport function add(a, b) {\n  return a + b;\n}",
                "Box": "class Box {\n}",
                "Box.open": "// opens\nopen() {\n  return 1;\n}",
                "later": "const later = async () => {\n  await 1;\n};",
            },
        ),
        (
            "typescript",
            "export interface Shape {\n  area(): number;\n}\nexport abstract class A {\n"
            "  go(): void {\n    return;\n  }\n}\n",
            {
                "Shape": "export interface Shape {\n  area(): number;\n}",
                "A": "export abstract class A {\n}",
                "A.go": "go(): void {\n  return;\n}",
            },
        ),
        (
            "tsx",
            "export function App() {\n  return <p>hi</p>;\n}\n",
            {"App": "export function App() {\n  return <p>hi</p>;\n}"},
        ),
        (
            "go",
            'package main\n\nimport "fmt"\n\n'
            "// Point is a place.\ntype Point struct {\n\tX int\n}\n\n"
            "// Show prints.\nfunc (p Point) Show() {\n\tfmt.Println(p)\n}\n",
            {
                "Point": "// Point is a place.\ntype Point struct {\n\tX int\n}",
                "Show": "// Show prints.\nfunc (p Point) Show() {\n\tfmt.Println(p)\n}",
            },
        ),
        (
            "rust",
            "use std::fmt;\n/// A point.\n#[derive(Debug)]\nstruct Point {\n    x: i32,\n}\n"
            "impl Point {\n    /// Makes one.\n    fn new() -> Self {\n"
            "        Point { x: 0 }\n    }\n}\n",
            {
                "Point": "/// A point.\n#[derive(Debug)]\nstruct Point {\n    x: i32,\n}",
                "Point-1": "impl Point {\n}",
                "Point.new": "/// Makes one.\nfn new() -> Self {\n    Point { x: 0 }\n}",
            },
        ),
        (
            "java",
            "package a;\nimport b.C;\n/** A box. */\npublic class Box {\n  private int size;\n"
            "  /** Opens. */\n  @Override\n  public int open() {\n    return size;\n  }\n}\n",
            {
                "Box": "/** A box. */\npublic class Box {\n  private int size;\n}",
                "Box.open": "/** Opens. */\n@Override\npublic int open() {\n  return size;\n}",
            },
        ),
        (
            "c",
            "#include <stdio.h>\n#define LIMIT 3\n/* Adds. */\nint add(int a, int b) {\n"
            "  return a + b;\n}\nint twice(int a);  // declared\n"
            "struct point { int x;\n};\nint x = 3;\n",
            {
                "": "#define LIMIT 3\nint x = 3;",
                "add": "/* Adds. */\nint add(int a, int b) {\n  return a + b;\n}",
                "twice": "int twice(int a);  // declared",
                "point": "struct point { int x;\n};",
            },
        ),
        (
            "cpp",
            "namespace n {\ntemplate <class T>\nT twice(T x) {\n  return x + x;\n}\nclass Box {\n"
            " public:\n  int open() {\n    return 1;\n  }\n};\n}\n",
            {
                "n": "namespace n {\n}",
                "n.twice": "template <class T>\nT twice(T x) {\n  return x + x;\n}",
                "n.Box": "class Box {\n public:\n};",
                "n.Box.open": "int open() {\n  return 1;\n}",
            },
        ),
        (
            "csharp",
            "using System;\nnamespace N {\n  /// <summary>Box</summary>\n  class Box {\n"
            "    int Open() {\n      return 1;\n    }\n  }\n}\n",
            {
                "N": "namespace N {\n}",
                "N.Box": "/// <summary>Box</summary>\nclass Box {\n}",
                "N.Box.Open": "int Open() {\n  return 1;\n}",
            },
        ),
        (
            "ruby",
            "# A box.\nclass Box\n  # Opens.\n  def open\n    1\n  end\nend\n",
            {
                "Box": "# A box.\nclass Box\nend",
                "Box.open": "# Opens.\ndef open\n  1\nend",
            },
        ),
        (
            "php",
            "<?php\n/** Adds. */\nfunction add($a) {\n  return $a + 1;\n}\n",
            {"add": "/** Adds. */\nfunction add($a) {\n  return $a + 1;\n}"},
        ),
    ],
)
def test_definitions_of_other_languages_keep_their_comments(name, source, wanted):
    parsed = FORMATS[name](source.encode())
    found = {}
    for section in parsed.sections:
        found.setdefault(section.anchor, []).append(section.text)
    flat = {
        name if not number else f"{name}-{number}": text
        for name, texts in found.items()
        for number, text in enumerate(texts)
    }
    assert flat == wanted


def test_broken_code_of_other_languages_keeps_what_can_be_told():
    found = cut("javascript", "function whole() {\n  return 1;\n}\nfunction broken( {\n")
    assert found["whole"] == "function whole() {\n  return 1;\n}"


LINES = st.integers(0, 12)


@given(st.lists(st.tuples(st.sampled_from("abc"), LINES, LINES)))
def test_every_line_is_in_exactly_one_section(spans):
    source = "\n".join(f"word{n}" for n in range(12))
    outline = [Definition(name=n, first=a, end=b) for n, a, b in spans if a < b]
    parsed = read_code(source.encode(), lambda _: outline)
    found = sorted(line for section in parsed.sections for line in section.text.split("\n"))
    assert found == sorted(source.split("\n"))


def test_every_format_that_an_ending_names_is_there():
    assert set(FORMAT_OF.values()) == set(FORMATS) == set(NEEDS)
