"""Likelihood of the query given the document."""

from collections.abc import Sequence
from math import isfinite
from statistics import mean
from typing import ClassVar, Literal

from rankmill.label.plans import Plan, Question
from rankmill.label.presentation import Presentation
from rankmill.prompts import Prompt
from rankmill.records import Continuation, Malformed, Ranking, Reply, Score
from rankmill.spec import Spec
from rankmill.teachers.engine import Need


class Likelihood(Spec):
    """Score each document by the mean log-probability of the query's tokens after the document.

    Paper: Sachan et al., "Improving Passage Retrieval with Zero-Shot Question Generation",
    EMNLP 2022 (UPR). The instruction comes from the prompt file.
    """

    needs: ClassVar[Need] = "prompt_logprobs"
    score_kind: ClassVar[str | None] = "query_log_likelihood"
    variables: ClassVar[frozenset[str]] = frozenset({"query", "document"})
    chat: ClassVar[bool] = False

    kind: Literal["likelihood"] = "likelihood"

    def plan(self, docids: Sequence[str]) -> Plan:
        """Ask about every document at once; sort by score."""
        scores = yield [Question(docids=(docid,)) for docid in docids]
        return Ranking.by_score({s.docid: s.value for s in scores if isinstance(s, Score)})

    def varies(self, presentation: Presentation) -> bool:
        """Never: each document is asked about alone, and the answer is read, not drawn."""
        del presentation
        return False

    def calls(self, depth: int) -> int:
        """One question per document."""
        return depth

    def request(self, prompt: Prompt, query: str, documents: Sequence[str]) -> Continuation:
        """Ask how probable the query's tokens are."""
        (document,) = documents
        return prompt.continuation(query=query, document=document)

    def read(self, question: Question, reply: Reply) -> Score | Malformed:
        """Read the mean over the query's tokens."""
        if not reply.logprobs or not all(map(isfinite, reply.logprobs)):
            return Malformed(reason="no_log_probabilities")
        return Score(docid=question.docids[0], value=mean(reply.logprobs))
