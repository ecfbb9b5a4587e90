"""Plain text, whatever its encoding."""

import codecs
import re

from rankmill.corpora.formats.parsed import Parsed, Section, Unreadable, package

_MARKS = {  # the longer first: a mark of UTF-32 begins like one of UTF-16
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MEANT = {  # what a label stands for on the web (WHATWG Encoding Standard)
    **dict.fromkeys(("ascii", "iso8859-1"), "cp1252"),
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # but not what colours a terminal
_SAMPLE = 1 << 20
_LICENCE = re.compile(r"SPDX-License-Identifier:[ \t]*([\w.+() -]*[\w+)])")


def read_text(raw: bytes) -> Parsed:
    """A text file is one section; a line `SPDX-License-Identifier` names its licence.

    Raises:
        Unreadable: It is empty, or its encoding cannot be told.
    """
    text = decode(raw)
    return Parsed(sections=(Section(text=text),), licence=licence_of(text))


def licence_of(text: str) -> str | None:
    """The SPDX expression that the beginning of a text states."""
    stated = _LICENCE.search(text, 0, 4000)
    return stated[1] if stated else None


def decode(raw: bytes, declared: str = "") -> str:
    """Turn bytes into text.

    A byte order mark is believed, then UTF-8, then what is `declared`, if the bytes agree. UTF-16
    without a mark shows by where its zero bytes are. A file of both, UTF-8 and Windows-1252, is
    read line by line; for any other, charset-normalizer looks at the first mebibyte.

    Args:
        raw: The bytes.
        declared: An encoding's label; one that nobody knows is not believed.

    Raises:
        Unreadable: There are no bytes, or they are no text.
    """
    if not raw.strip(b"\0 \t\r\n\f"):
        raise Unreadable("empty", f"{len(raw):,} bytes, none of them a letter")
    for mark, encoding in _MARKS.items():
        if raw.startswith(mark):
            return raw.decode(encoding, errors="replace")
    for encoding in filter(None, (_wide(raw[:_SAMPLE]), "utf-8", _meant(declared))):
        try:
            return _words(raw.decode(encoding))
        except (UnicodeError, LookupError):  # LookupError: "base64" is a codec, and of no text
            continue
    return _words(_mixed(raw) or _guessed(raw))


def _meant(label: str) -> str:
    try:
        name = codecs.lookup(label.strip()).name
    except (LookupError, ValueError):
        return "utf-8"
    return _MEANT.get(name, name)


def _wide(sample: bytes) -> str:
    """The kind of UTF-16 that has its zero bytes there; those of a space are enough."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    few, many = sorted((even, odd))
    if many <= max(2, len(sample) // 50) or few > many // 20:
        return ""
    return "utf-16-be" if even == many else "utf-16-le"


def _words(text: str) -> str:
    """The text, if it is one.

    Raises:
        Unreadable: More than one character in twenty controls a machine.
    """
    sample = text[:_SAMPLE]
    if len(_CONTROL.findall(sample)) > len(sample) // 20:
        raise Unreadable("undecodable", "control characters in the place of words")
    return text


def _mixed(raw: bytes) -> str:
    """Lines of UTF-8 among which fewer are not; those are Windows-1252. Empty if it is not so."""
    lines, foreign, beyond_ascii = [], 0, 0
    for line in raw.splitlines(keepends=True):
        try:
            lines.append(line.decode())
            beyond_ascii += not line.isascii()
        except UnicodeDecodeError:
            lines.append(line.decode("cp1252", errors="replace"))
            foreign += 1
    return "".join(lines) if foreign < beyond_ascii and b"\0" not in raw else ""


def _guessed(raw: bytes) -> str:
    detect = package("charset_normalizer", "an encoding other than UTF-8")
    best = None if b"\0" in raw[:_SAMPLE] else detect.from_bytes(raw[:_SAMPLE]).best()
    if best is None:
        raise Unreadable("undecodable", "text in no known encoding, or no text at all")
    return raw.decode(best.encoding, errors="replace")
