"""A query as its writer leaves it, before anything is known of its place in the corpus."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One query that a writer wrote, or that the user gave, with what was asked for.

    Attributes:
        qid: Its id in every table.
        text: The query, cleaned.
        kind: What sort of query: "question", "keyword" ...
        source_docid: The document it was written from; None where nobody knows.
        prompt: Fingerprint of the prompt that wrote it; "" for a given query.
        teacher: The teacher that wrote it; "" for a given query.
        request: Key of the reply that holds it; "" for a given query.
        lang: BCP 47 tag of the query, where one was asked for or given.
        persona: Who asks.
        difficulty: How hard it was to be.
        length: How long it was to be.
        segment: Which part of the document was to answer it: "begin", "middle" or "end".
        start: First character of that part in the document's text.
        end: One past its last.
        related_docid: A second document that the query needs.
        rewrite: The query with its reasoning.
        answer_docids: Further documents that are known to answer it, of its source's split.
    """

    qid: str
    text: str
    kind: str
    source_docid: str | None
    prompt: str = ""
    teacher: str = ""
    request: str = ""
    lang: str | None = None
    persona: str | None = None
    difficulty: str | None = None
    length: str | None = None
    segment: str | None = None
    start: int | None = None
    end: int | None = None
    related_docid: str | None = None
    rewrite: str | None = None
    answer_docids: tuple[str, ...] = ()
