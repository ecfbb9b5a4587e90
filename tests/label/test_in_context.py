"""The order that attention gives, by hand."""

import pytest

from rankmill.errors import PromptError
from rankmill.label.in_context import InContext
from rankmill.label.plans import Question, Words
from rankmill.prompts import Prompt, as_data, find
from rankmill.readings import Scores
from rankmill.records import Attention, Reply

FRONT = '+++\npurpose = "p"\nvariables = ["query", "documents"]\noutput = "o"\n+++\n'
PROMPT = Prompt.parse(
    "t",
    FRONT
    + "=== prefix\nRead:\n{% for document in documents %}\n{{ loop.index }}. {{ document }}\n"
    + "{% endfor %}\nFind\n=== text\n{{ query }}?\n",
)
LIST = ("best", "next", "last")


def request(prompt, *documents, query="why"):
    return InContext().request(prompt, Words(query=query, documents=documents))


def test_the_list_is_asked_about_once_and_in_reverse():
    plan = InContext().plan(LIST)
    (question,) = next(plan)
    assert question.docids == ("last", "next", "best")
    with pytest.raises(StopIteration) as end:
        plan.send([Scores(shown=question.docids, values=(0.5, -1.0, 0.25))])
    assert end.value.value.docids == ("last", "best", "next")
    assert end.value.value.scores == (0.5, 0.25, -1.0)


def test_a_request_says_where_each_document_stands_and_what_stands_in_for_the_query():
    asked = request(PROMPT, "one", "two words")
    assert asked == Attention(
        prefix="Read:\n1. one\n2. two words\nFind",
        spans=((9, 12), (16, 25)),
        text=" why?",
        blank=" N/A?",
    )


def test_documents_that_repeat_or_hold_each_other_keep_their_own_places():
    asked = request(PROMPT, "a", "1. a", "a")
    assert [asked.prefix[first:last] for first, last in asked.spans] == ["a", "1. a", "a"]
    assert asked.spans == ((9, 10), (14, 18), (22, 23))


def test_no_document_can_forge_a_border():
    documents = [as_data(text, limit=100) for text in ("a\x1eb", "c")]
    asked = request(PROMPT, *documents)
    assert [asked.prefix[first:last] for first, last in asked.spans] == ["a b", "c"]


def test_our_prompt_shows_the_documents_first_and_the_query_last():
    asked = request(find("labels/in_context"), "one", "two", query="what is it")
    assert "[1] one\n\n[2] two\n" in asked.prefix
    assert (asked.text, asked.blank) == (" what is it", " N/A")


@pytest.mark.parametrize(
    "prefix",
    [
        "{{ documents | length }} for {{ query }}",
        "{{ query }}: {% for document in documents %}{{ document }} {% endfor %}",
        "{% for document in documents + documents %}{{ document }} {% endfor %}",
        "{% for document in documents[1:] %}{{ document }} {% endfor %}",
        "{% for document in documents | reverse %}{{ document }} {% endfor %}",
    ],
)
def test_a_prompt_that_misplaces_documents_or_query_is_refused(prefix):
    prompt = Prompt.parse("mine", FRONT + f"=== prefix\n{prefix}\n=== text\n{{{{ query }}}}\n")
    with pytest.raises(PromptError, match="prompt mine: the prefix must hold every document once"):
        request(prompt, "one", "two")


def test_a_reply_is_read_as_a_score_for_each_document_shown():
    question = Question(docids=("x", "y"))
    read = InContext().read(question, Reply(scores=(0.5, -0.25)))
    assert read == Scores(shown=("x", "y"), values=(0.5, -0.25))


@pytest.mark.parametrize("scores", [(), (1.0,), (1.0, 2.0, 3.0)])
def test_a_reply_without_a_score_for_each_document_is_no_judgment(scores):
    read = InContext().read(Question(docids=("x", "y")), Reply(scores=scores))
    assert read.reason == "no_attention"


def test_a_span_that_leaves_the_prefix_is_refused():
    with pytest.raises(ValueError, match="leave a prefix of 3 characters"):
        Attention(prefix="one", spans=((0, 4),), text=" q", blank=" N/A")
