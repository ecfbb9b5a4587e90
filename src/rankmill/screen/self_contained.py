"""Whether a query stands alone, asked of a teacher."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from rankmill.label.pointwise import Pointwise
from rankmill.prompts import Prompt, as_data
from rankmill.readings import Malformed, Score
from rankmill.records import Chat
from rankmill.screen.pair import Pair, Tools, Use, Verdict
from rankmill.screen.scorers import ABOUT, QUERY_LIMIT
from rankmill.space import Embedder
from rankmill.spec import Spec


class SelfContained(Spec):
    """Keep queries that a teacher, shown nothing else, holds understandable.

    Attributes:
        teacher: Name of a teacher of the recipe.
        prompt: Name of a prompt file that asks for yes or no.
        at_least: Lowest probability of yes kept, in [0, 1].
        min_mass: Yes and no must have this much of the first token's probability together.
    """

    by_words: ClassVar[bool] = False
    embedders: ClassVar[tuple[Embedder, ...]] = ()

    kind: Literal["self_contained"] = "self_contained"
    teacher: str
    prompt: str = "screen/standalone"
    at_least: float = Field(default=0.5, ge=0, le=1)
    min_mass: float = Field(default=0.5, ge=0, le=1)

    @property
    def uses(self) -> tuple[Use, ...]:
        """The teacher that is asked."""
        use = Use(
            name=self.kind,
            teacher=self.teacher,
            needs="top_logprobs",
            prompt=self.prompt,
            variables=frozenset({"query"}),
            chat=True,
            calls=1,
            request=lambda prompt, query, _: self.request(prompt, query),
        )
        return (use,)

    def request(self, prompt: Prompt, query: str) -> Chat:
        """Ask about one query."""
        messages = prompt.messages(query=as_data(query, limit=QUERY_LIMIT))
        return Chat(messages=messages, max_tokens=1, top_logprobs=20)

    def __call__(self, pairs: Sequence[Pair], tools: Tools) -> Iterator[Verdict | None]:
        """Judge each query by itself."""
        prompt = tools.prompt(self.prompt)
        requests = [self.request(prompt, pair.text) for pair in pairs]
        yes = Pointwise(min_mass=self.min_mass)
        for answer in tools.ask(self.teacher, requests):
            if answer.reply is None:
                yield "not_judged", f"self_contained: refused: {answer.refusal}"
                continue
            reading = yes.read(ABOUT, answer.reply)
            match reading:
                case Score(value=value) if value >= self.at_least:
                    yield None
                case Score(value=value):
                    yield "not_self_contained", f"{value:.3f} by {self.teacher} < {self.at_least}"
                case Malformed(reason=reason, detail=detail):
                    yield "not_judged", f"self_contained: {reason}: {detail}"
