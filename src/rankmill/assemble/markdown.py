"""Words of users and corpora in Markdown."""

import re


def prose(text: str) -> str:
    """Text in a sentence, a heading or a cell: what Markdown or HTML could read is literal."""
    return re.sub(r"([\\`*_\[\]<>&#|~!$])", r"\\\1", " ".join(text.split()))
