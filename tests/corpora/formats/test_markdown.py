import pytest

from rankmill.corpora.formats import Unreadable
from rankmill.corpora.formats.markdown import read_markdown

GUIDE = b"""---
id: guide-7
title: The guide
license: CC-BY-4.0
lang: en
tags: [a, b]
---
Words before.

# Install <!-- not a word -->

Take [the wheel](https://example.org) and ![a picture](x.png)

```sh
pip install x   # no heading
```

| a | b |
|---|---|
| 1 | 2 |

From source
-----------

Build it. <script>no()</script>
"""


def test_front_matter_headings_code_and_tables():
    page = read_markdown(GUIDE)
    assert (page.docid, page.title, page.licence, page.lang) == (
        "guide-7",
        "The guide",
        "CC-BY-4.0",
        "en",
    )
    assert [(s.anchor, s.headings, s.place) for s in page.sections] == [
        ("", (), ""),
        ("install", ("Install",), ":10"),
        ("from-source", ("Install", "From source"), ":22"),
    ]
    assert [s.text for s in page.sections] == [
        "Words before.",
        "Install\n\nTake the wheel and\n\npip install x   # no heading\n\n\na | b\n1 | 2",
        "From source\n\nBuild it.",
    ]


def test_front_matter_may_be_toml_and_numbers_are_ids():
    page = read_markdown(b'+++\nid = 12\ntitle = "T"\n+++\nwords')
    assert (page.docid, page.title, page.sections[0].text) == ("12", "T", "words")


def test_a_rule_above_text_is_no_front_matter():
    page = read_markdown(b"---\nwords\n---\nmore")
    assert (page.docid, page.title) == (None, "")
    assert read_markdown(b"words\n\n---\n\nmore").sections[0].text == "words\n\nmore"


@pytest.mark.parametrize(
    "front", ["---\na: [\n---\n", "+++\na = \n+++\n", "---\n{{ x }}: 1\n---\n"]
)
def test_broken_front_matter_is_told(front):
    with pytest.raises(Unreadable, match="front matter cannot be parsed") as fault:
        read_markdown(f"{front}words".encode())
    assert fault.value.rule == "broken"


def test_windows_line_ends_change_nothing():
    assert read_markdown(GUIDE.replace(b"\n", b"\r\n")) == read_markdown(GUIDE)


def test_a_title_is_the_first_heading_where_nothing_else_is_said():
    assert read_markdown(b"# One\n\nwords\n\n## Two\n").title == "One"
