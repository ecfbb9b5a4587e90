"""Queries written from single documents, after worked examples."""

from typing import ClassVar, Literal

from pydantic import Field

from rankmill.prompts import Prompt, as_data
from rankmill.records import Chat, Document
from rankmill.spec import Spec


class FewShot(Spec):
    """Show a document after a few worked examples (as turns) and ask for a query it answers.

    Attributes:
        teacher: Name of a teacher of the recipe.
        prompt: Name of a prompt file; its turns are the examples.
        per_document: Queries asked for per seed document.
        kind_of_query: What the `kind` column of the queries says.
        excerpt: Characters of the document that the teacher sees.
        temperature: 0 for greedy decoding; raise it when `per_document` is more than 1.

    Paper: Bonifacio et al., "InPars: Unsupervised Dataset Generation for Information Retrieval",
    SIGIR 2022, and Dai et al., "Promptagator", ICLR 2023; both write the examples into one text.
    """

    variables: ClassVar[frozenset[str]] = frozenset({"title", "document"})

    kind: Literal["few_shot"] = "few_shot"
    teacher: str
    prompt: str
    per_document: int = Field(default=1, ge=1)
    kind_of_query: str = "question"
    excerpt: int = Field(default=800, ge=20)
    max_tokens: int = Field(default=48, ge=4)
    temperature: float = Field(default=0.0, ge=0, le=2)

    def request(self, prompt: Prompt, document: Document) -> Chat:
        """Ask for one query that `document` answers."""
        return Chat(
            messages=prompt.messages(
                title=as_data(document.title, limit=200),
                document=as_data(document.text, limit=self.excerpt),
            ),
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            stop=("\n",),
        )
