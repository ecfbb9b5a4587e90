"""A scripted teacher whose true ranking is known: what shares most words with the query.

It reads the prompts of the package, so a whole build runs against it over HTTP. `corpus` writes
the documents it knows about; `RECIPE` is a recipe that asks it everything.
"""

import json
import math
import random
import re
from pathlib import Path

from scripted_teacher import Said, ScriptedTeacher, by_hash, hashed, plausible

TOPICS = {
    "bread": "flour yeast dough oven crust loaf rye sourdough knead proof bake crumb butter salt",
    "stars": "galaxy nebula orbit comet telescope lens planet eclipse dwarf giant pulsar dust ring",
    "ships": "hull mast rudder anchor keel sail deck harbour tide rope compass galley cargo fleet",
    "music": "chord violin tempo choir melody rhythm flute opera drum score harp octave minor bass",
    "trees": "bark oak root leaf maple resin pine seed branch forest willow sap cone birch grove",
    "chess": "pawn rook bishop castle check queen gambit opening endgame clock board knight file",
}
DOCUMENTS_PER_TOPIC = 12


def corpus(path: Path, *, seed: int = 1) -> Path:
    """Write the toy corpus as JSON Lines: 72 documents of six topics."""
    draw = random.Random(seed)
    with path.open("w") as file:
        for topic, vocabulary in TOPICS.items():
            for number in range(DOCUMENTS_PER_TOPIC):
                chosen = draw.sample(vocabulary.split(), 9)
                text = f"All about {topic}, part {number}: {', '.join(chosen)}."
                row = {"docid": f"{topic}-{number:02}", "title": topic.title(), "text": text}
                file.write(json.dumps(row) + "\n")
    return path


def words_of(text: str) -> set[str]:
    known = set(" ".join(TOPICS.values()).split())
    return known & set(re.findall(r"[a-z]+", text.lower()))


def relevance(query: str, document: str) -> float:
    """Share of the query's words in the document, in [0, 1); equal shares are told apart."""
    asked = words_of(query)
    share = len(asked & words_of(document)) / max(len(asked), 1)
    return 0.99 * share + 0.009 * hashed(document)


def truth(query: str, documents: dict[str, str]) -> list[str]:
    """Docids in their true order, best first; documents are as the teacher is shown them."""
    return sorted(documents, key=lambda docid: -relevance(query, documents[docid]))


def respond(messages: list[dict]) -> str | Said:
    """Answer the package's prompts truly, and any other by hash."""
    last = messages[-1]["content"]
    system = messages[0]["content"]
    if "write one search query" in system:
        return "where to read on " + " ".join(sorted(words_of(last))[:6])
    if system.startswith("You judge search results"):
        query, _, document = last.removeprefix("Query: ").partition("\n")
        bare = document.removeprefix("<document>").removesuffix("</document>")
        share = 0.02 + 0.96 * relevance(query, bare)
        pairs = [("Yes", math.log(share)), ("No", math.log(1 - share))]
        return Said(text="Yes", top_logprobs=sorted(pairs, key=lambda pair: -pair[1]))
    if system.startswith("You rank search results"):
        query, _, rest = last.removeprefix("Query: ").partition("\n")
        shown = dict(re.findall(r"^\[(\d+)\] (.*)$", rest, re.MULTILINE))
        return " > ".join(f"[{identifier}]" for identifier in truth(query, shown))
    return by_hash(messages)


def logprob(before: str, token: str) -> float:
    """A word of the query is probable when the document before it has the word."""
    _, marker, document = before.partition("Document: ")
    if not marker:
        return plausible(before, token)
    document, _, _ = document.partition("\nA search query")
    known = words_of(token) & words_of(document)
    return (-0.5 if known else -5.0) + 0.009 * hashed(document)


def embed(text: str) -> list[float]:
    """One dimension per known word; one more, so that no vector is zero."""
    known = words_of(text)
    return [0.1, *(float(word in known) for word in sorted(" ".join(TOPICS.values()).split()))]


def knowing(**options) -> ScriptedTeacher:
    """The teacher, as a server that is not started yet."""
    return ScriptedTeacher(respond, logprob=logprob, embed=embed, **options)


RECIPE = """
name = "toy"

[corpus]
kind = "jsonl"
path = "corpus.jsonl"

[passages]
min_chars = 20

[embed]
kind = "openai"
model = "bag-of-words"
endpoint = "{url}"

[cluster]
clusters = 6

[splits]
train = 0.6
validation = 0.2
test = 0.2

[sample]
documents = 18
min_chars = 20

[teachers.knowing]
kind = "openai"
model = "teacher"
endpoints = ["{url}"]
api_key_env = ""
tries = 8

[generate]
teacher = "knowing"
prompt = "queries/search"

[queries]
max_copied = 20

[retrieve]
depth = 8

[[views]]
name = "pointwise"
strategy = {{ kind = "pointwise" }}
teacher = "knowing"
prompt = "labels/relevance"

[[views]]
name = "likelihood"
strategy = {{ kind = "likelihood" }}
teacher = "knowing"
prompt = "labels/likelihood"

[[views]]
name = "listwise"
strategy = {{ kind = "listwise" }}
teacher = "knowing"
prompt = "labels/listwise"
trials = 3

[[settle.filters]]
kind = "self_consistency"
view = "listwise"
tau = 0.9
"""


def recipe(folder: Path, url: str) -> Path:
    """Write the toy corpus and a recipe that asks the teacher at `url` everything."""
    corpus(folder / "corpus.jsonl")
    path = folder / "toy.toml"
    path.write_text(RECIPE.format(url=url))
    return path
