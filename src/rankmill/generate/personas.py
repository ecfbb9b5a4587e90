"""Who asks: personas of a list, or those that the teacher sees behind the corpus."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rankmill.corpora.files import resolve
from rankmill.errors import CorpusError
from rankmill.generate.examples import digest_of
from rankmill.generate.replies import read_line
from rankmill.generate.rows import rows
from rankmill.generate.writing import Answered, Ask, Prompts, Task, Unusable
from rankmill.prompts import as_data
from rankmill.records import Chat
from rankmill.spec import Machine, Spec, digest

_SHIPPED = "prompts/queries/personas.txt"
_LONGEST, _TOKENS = 24, 40


class ListedPersonas(Spec):
    """Personas of a list.

    Attributes:
        path: One on each line, or JSON Lines with `persona`, as Persona Hub has them; without it
            a short list of the package's own.
        nearest: How many are offered for a document: those nearest to it by their vectors. 0
            offers all, whatever the document.
    """

    kind: Literal["listed"] = "listed"
    path: Path | None = Machine(None)
    nearest: int = Field(default=0, ge=0)

    def read(self, base: Path) -> list[str]:
        """The personas, each once, in the order of the list.

        Raises:
            CorpusError: The file cannot be read, or there is nobody in it.
        """
        if self.path is None:
            return _shipped().splitlines()
        place = resolve(self.path, base)
        found = [row.text(("persona",)) for row in rows(place, columns=(("persona",),))]
        if not found:
            raise CorpusError(f"{place}: nobody in it, expected one persona on each line")
        return list(dict.fromkeys(found))

    def reads(self, base: Path) -> dict[str, str]:
        """The list."""
        known = digest_of(self.path, base) if self.path else digest(_shipped())
        return {"personas": known}


class AskedPersonas(Spec):
    """The teacher says who would look for a document.

    Attributes:
        of: Whether every document has a persona of its own, or the topic that it belongs to; then
            the first seed of the topic is asked about.
        prompt: Name of a prompt file.
        temperature: 0 for greedy decoding.
    """

    variables: ClassVar[frozenset[str]] = frozenset({"title", "document"})

    kind: Literal["asked"] = "asked"
    of: Literal["document", "cluster"] = "document"
    prompt: str = "queries/persona"
    temperature: float = Field(default=0.0, ge=0, le=2)

    def ask(self, prompts: Prompts, task: Task, excerpt: int) -> Ask:
        """Ask who it is; the same of every query of a topic, so that it is asked but once."""
        document = task.neighbour or task.seed.document
        messages = prompts[self.prompt].messages(
            title=as_data(document.title, limit=200), document=as_data(document.text, limit=excerpt)
        )
        chat = Chat(
            messages=messages, max_tokens=_TOKENS, temperature=self.temperature, stop=("\n",)
        )
        return Ask(chat=chat, likely="a nurse who looks after patients with burns", shared=True)

    def read(self, answered: Answered) -> str | Unusable:
        """Who it is, as a clause."""
        found = read_line(answered.reply, _LONGEST)
        return found if isinstance(found, Unusable) else found.rstrip(".")


Personas = Annotated[ListedPersonas | AskedPersonas, Field(discriminator="kind")]


def _shipped() -> str:
    return files("rankmill").joinpath(_SHIPPED).read_text(encoding="utf-8").strip()
