"""Rules that leave a query out, each with its number."""

from pydantic import Field

from rankmill.records import Reply
from rankmill.screen import Screen, Use, Verdict
from rankmill.screen.phrases import chatter, mention
from rankmill.screen.words import common_runs, copied_share, count, words
from rankmill.space import Embedder
from rankmill.spec import Spec

_QUOTES = "\"'`*“”„«»「」『』 "


class QueryRules(Spec):
    """What a query must be to be kept.

    Words are counted in any script: where they are not set apart, a Chinese or Japanese character
    is half a word and a Thai, Lao, Burmese or Khmer one a quarter.

    Attributes:
        min_words: Fewer words are no query.
        max_words: More words are not what people type.
        max_copied: Longest run of words that may stand in the document too.
        max_copied_share: Largest share of the words that may stand in the document too in runs of
            at least `copied_run` words, in [0, 1].
        copied_run: Words that make a run.
        max_similarity: Cosine similarity to an earlier query from which on it is a near-duplicate.
        earlier: Finished builds, by name or folder, whose queries are not to be asked again.
        screens: Further tests. Those of words alone come first, in this order; then duplicates are
            taken out; the others follow in this order, so that no teacher is asked about a query
            that falls for nothing.
    """

    min_words: int = Field(default=3, ge=1)
    max_words: int = Field(default=24, ge=1)
    max_copied: int = Field(default=6, ge=1)
    max_copied_share: float = Field(default=1.0, ge=0, le=1)
    copied_run: int = Field(default=3, ge=1)
    max_similarity: float = Field(default=0.95, ge=0, le=1)
    earlier: tuple[str, ...] = ()
    screens: tuple[Screen, ...] = ()

    @property
    def uses(self) -> tuple[Use, ...]:
        """How the screens use teachers."""
        return tuple(use for screen in self.screens for use in screen.uses)

    @property
    def embedders(self) -> tuple[Embedder, ...]:
        """The embedding models that screens bring."""
        return tuple(one for screen in self.screens for one in screen.embedders)

    def judge(self, reply: Reply, document: str) -> Verdict | None:
        """The rule that leaves out a query written for `document`, and its number; None if kept.

        Duplicates and screens are another matter: they need more than the reply.
        """
        if reply.fault:
            return reply.fault.reason, reply.fault.detail
        if reply.finish_reason == "length" and words(reply.text):
            return "too_long", f"no end after {reply.tokens_out} tokens"
        if found := chatter(reply.text.strip()):
            return self._length(clean(reply.text)) or ("not_a_query", f"says {found!r}")
        return self.judge_text(clean(reply.text), document)

    def judge_text(self, text: str, document: str = "") -> Verdict | None:
        """As `judge`, of a query whoever wrote it; `document` is empty where nobody knows it."""
        if verdict := self._length(text):
            return verdict
        if found := mention(text):
            return "refers_to_document", f"says {found!r}"
        return self._copied(text, document)

    def _length(self, text: str) -> Verdict | None:
        size = count(words(text))
        if not size:
            return "empty", f"0 words in {text!r}"
        if size > self.max_words:
            return "too_long", f"{size:g} words > {self.max_words}"
        if size < self.min_words:
            return "not_a_query", f"{size:g} words < {self.min_words}"
        return None

    def _copied(self, text: str, document: str) -> Verdict | None:
        runs = common_runs(text, document)
        longest = max(map(count, runs), default=0.0)
        if longest > self.max_copied:
            return "copied", f"{longest:g} words in a row > {self.max_copied}"
        share = copied_share(runs, least=self.copied_run)
        if share > self.max_copied_share:
            return "copied", (
                f"{share:.2f} of its words in runs of {self.copied_run} > {self.max_copied_share}"
            )
        return None


def clean(text: str) -> str:
    """A reply's text as a query: outer white space, quotes and Markdown emphasis taken off."""
    return " ".join(text.split()).strip(_QUOTES)
