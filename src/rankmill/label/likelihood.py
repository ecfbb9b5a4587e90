"""Likelihood of the query, or of its answer, given the document."""

from math import isfinite
from typing import ClassVar, Literal

from rankmill.label.alone import Alone
from rankmill.label.plans import Question, Words
from rankmill.prompts import Prompt
from rankmill.readings import Malformed, Score
from rankmill.records import Continuation, Reply
from rankmill.teachers.engine import Need


class Likelihood(Alone):
    """Score each document by the log-probability of a text that is read after it.

    With `of = "query"` the text is the query; with `of = "answer"` it is the known answer, read
    after document and query. `length` says whether its tokens' log-probabilities are averaged or
    summed; within one query, where the text is the same, both give one order.

    Papers: Sachan et al., "Improving Passage Retrieval with Zero-Shot Question Generation",
    EMNLP 2022 (UPR, of the query); Li et al., "Unified Demonstration Retriever", ACL 2023 and
    Zhang et al., "Retrieve Anything To Augment Large Language Models", 2023 (of the answer).
    """

    needs: ClassVar[Need] = "prompt_logprobs"
    chat: ClassVar[bool] = False

    kind: Literal["likelihood"] = "likelihood"
    of: Literal["query", "answer"] = "query"
    length: Literal["mean", "sum"] = "mean"

    @property
    def score_kind(self) -> str:
        """Of what."""
        return f"{self.of}_log_likelihood"

    @property
    def variables(self) -> frozenset[str]:
        """What its prompt must fill in."""
        return super().variables | ({"answer"} if self.of == "answer" else frozenset())

    def request(self, prompt: Prompt, words: Words) -> Continuation:
        """Ask how probable the text's tokens are."""
        (document,) = words.documents
        given = {"query": words.query, "document": document, "answer": words.answer}
        return prompt.continuation(**{name: given[name] for name in self.variables})

    def read(self, question: Question, reply: Reply) -> Score | Malformed:
        """Read the sum or the mean over the text's tokens."""
        if not reply.logprobs or not all(map(isfinite, reply.logprobs)):
            return Malformed(reason="no_log_probabilities")
        count = len(reply.logprobs) if self.length == "mean" else 1
        return Score(docid=question.docids[0], value=sum(reply.logprobs) / count)
