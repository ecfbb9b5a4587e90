"""What each strategy puts into words, and what it reads in a reply."""

from math import exp, log

import pytest

from rankmill.errors import PromptError
from rankmill.label.first_token import FirstToken
from rankmill.label.graded import Graded
from rankmill.label.groupwise import Groupwise
from rankmill.label.likelihood import Likelihood
from rankmill.label.listwise import Listwise
from rankmill.label.pairwise import Pairwise
from rankmill.label.plans import Question
from rankmill.label.pointwise import Pointwise
from rankmill.label.selection import Selection
from rankmill.label.setwise import Setwise
from rankmill.label.tour_rank import TourRank
from rankmill.prompts import Prompt, find
from rankmill.readings import Choice, Score
from rankmill.records import Chat, Continuation, Reply
from strategies import ALONE, PROMPTS, WORDS

SHOWN = ("x", "y", "z")


@pytest.mark.parametrize(("strategy", "prompt", "words"), PROMPTS, ids=lambda v: str(v)[:40])
def test_every_strategy_has_a_prompt_of_its_form(strategy, prompt, words):
    found = find(f"labels/{prompt}")
    assert set(found.front["variables"]) == strategy.variables
    assert found.is_chat == strategy.chat
    request = strategy.request(found, words)
    text = request.prefix + request.text if isinstance(request, Continuation) else str(request)
    assert "what is it" in text
    assert all(document in text for document in words.documents)
    assert ("it is that" in text) == ("answer" in strategy.variables)


def question(*docids):
    return Question(docids=docids)


def first_token(**mass):
    tokens = tuple((token.replace("_", " "), log(share)) for token, share in mass.items())
    return Reply(text="", top_logprobs=tokens)


def test_pointwise_is_yes_against_no_over_all_spellings():
    reply = first_token(Yes=0.5, _yes=0.1, NO=0.2, maybe=0.2)
    assert Pointwise().read(question("d"), reply).value == pytest.approx(0.6 / 0.8)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (first_token(Yes=0.2, No=0.2, The=0.6), "low_label_mass"),
        (first_token(The=0.9), "low_label_mass"),
        (Reply(text="Yes"), "no_log_probabilities"),
        (Reply(text="Yes", finish_reason="content_filter"), "refused"),
    ],
)
def test_a_first_token_that_is_neither_yes_nor_no_is_no_judgment(reply, reason):
    assert Pointwise().read(question("d"), reply).reason == reason


def test_no_mass_at_all_is_no_judgment_even_when_no_mass_is_asked_for():
    reply = first_token(The=0.9)
    assert Pointwise(min_mass=0).read(question("d"), reply).reason == "low_label_mass"


def test_a_grade_is_its_expectation_under_the_digits():
    tokens = (("3", log(0.5)), (" 1", log(0.25)), ("0", log(0.05)), ("x", log(0.2)))
    expected = (3 * 0.5 + 1 * 0.25) / 0.8
    found = Graded().read(question("d"), Reply(top_logprobs=tokens))
    assert found.value == pytest.approx(expected)


def test_a_written_grade_may_follow_thought_and_must_be_in_range():
    strategy = Graded(how="text", highest=10)
    reply = Reply(text="<think>a 3 would do</think><answer> 7 </answer>")
    assert strategy.read(question("d"), reply) == Score(docid="d", value=7.0)
    assert strategy.read(question("d"), Reply(text="11")).reason == "out_of_range"
    assert strategy.read(question("d"), Reply(text="7 of 10")).reason == "not_a_grade"
    with pytest.raises(ValueError, match='take how = "text"'):
        Graded(highest=10)


def test_likelihood_is_the_mean_or_the_sum_over_the_tokens():
    reply = Reply(logprobs=(-1.0, -2.0, -6.0))
    assert Likelihood().read(question("d"), reply) == Score(docid="d", value=-3.0)
    assert Likelihood(length="sum").read(question("d"), reply).value == -9.0
    assert Likelihood().read(question("d"), Reply()).reason == "no_log_probabilities"
    assert Likelihood(of="answer").score_kind == "answer_log_likelihood"


def test_letters_are_ordered_by_their_probability_and_missing_ones_tie_at_the_end():
    reply = first_token(B=0.6, a=0.2, so=0.1)
    found = FirstToken().read(question(*SHOWN), reply)
    assert [exp(value) for value in found.values] == pytest.approx(
        [0.2 / 0.8, 0.6 / 0.8, 0.1 / 0.8]
    )


def test_a_choice_is_one_letter_in_the_text():
    for text in (
        "B",
        "[B]",
        "b",
        "Passage B",
        "Document B.",
        "<think>A?</think><answer>B</answer>",
    ):
        assert Setwise().read(question(*SHOWN), Reply(text=text)) == Choice(
            shown=SHOWN, chosen=("y",)
        )
    for text, reason in (("D", "unknown_identifier"), ("A or B", "not_a_label"), ("", "empty")):
        assert Setwise().read(question(*SHOWN), Reply(text=text)).reason == reason


def test_a_pair_is_read_from_the_letters_probabilities():
    strategy = Pairwise(read_from="probabilities")
    found = strategy.read(question("x", "y"), first_token(A=0.3, B=0.6))
    assert found.best == "y"
    assert (strategy.needs, strategy.asks) == ("top_logprobs", "grade")


def test_requests_ask_for_what_the_readings_need():
    pointwise = Pointwise().request(find("labels/relevance"), ALONE)
    assert isinstance(pointwise, Chat)
    assert (pointwise.max_tokens, pointwise.top_logprobs) == (1, 20)
    likelihood = Likelihood().request(find("labels/likelihood"), ALONE)
    assert (likelihood.prefix[:17], likelihood.text) == ("Document: a thing", " what is it")
    listwise = Listwise().request(find("labels/listwise"), WORDS)
    assert "[1] one\n[2] two\n" in listwise.messages[-1].content
    assert listwise.permutes == 3
    assert Listwise(constrained=False).request(find("labels/listwise"), WORDS).permutes == 0
    assert Listwise(reasoning_tokens=9).request(find("labels/listwise"), WORDS).permutes == 0
    letters = FirstToken().request(find("labels/best_letter"), WORDS)
    assert letters.labels == ("A", "B", "C")
    assert "[A] one\n[B] two\n" in letters.messages[-1].content


def test_a_group_is_asked_for_the_better_half_and_must_give_it():
    request = TourRank().request(find("labels/tour_rank"), WORDS)
    assert "Pick the best 1 of these 3" in request.messages[-1].content
    assert TourRank().read(question(*SHOWN), Reply(text="My selection: [2]")).chosen == ("y",)
    found = TourRank().read(question(*SHOWN), Reply(text="My selection: [2], [1]"))
    assert found.reason == "incomplete"


def test_rankgpts_repair_is_done_by_name_and_counted():
    reply = Reply(text="Sure: [3] > [3] > [9] > [1]")
    assert Listwise().read(question(*SHOWN), reply).reason == "not_a_ranking"
    repaired = Listwise(repair="rankgpt").read(question(*SHOWN), reply)
    assert repaired.ranked == ("z", "x", "y")
    assert repaired.repair == "2 dropped, 1 appended"
    whole = Listwise(repair="rankgpt").read(question(*SHOWN), Reply(text="[2] > [1] > [3]"))
    assert whole.repair == ""
    assert Listwise(repair="rankgpt").read(question(*SHOWN), Reply(text="No.")).reason


def test_a_prompt_of_the_wrong_form_is_refused():
    wrong = Prompt.parse(
        "wrong",
        '+++\npurpose = "x"\nvariables = ["query", "document"]\noutput = "x"\n+++\n'
        "=== user\n{{ query }} {{ document }}\n",
    )
    with pytest.raises(PromptError, match="prompt wrong: expected turns prefix and text"):
        Likelihood().request(wrong, ALONE)


CUT = {"finish_reason": "length"}


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        (Graded(how="text", highest=10), "1"),
        (Selection(), "My selection: [2]"),
        (Selection(), "My selection: ["),
        (Setwise(), "B"),
        (Groupwise(), '{"[1]": 1, "[2]": 2, "[3]": 3'),
        (Listwise(repair="rankgpt"), "<think>The query has 3 parts; 2020 was"),
        (Listwise(), "[1] > [2] > ["),
    ],
)
def test_what_was_cut_short_is_no_judgment(strategy, text):
    shown = ("x",) if isinstance(strategy, Graded) else SHOWN
    assert strategy.read(question(*shown), Reply(text=text, **CUT)).reason == "cut_short"


def test_what_is_whole_is_read_though_the_room_was_used_up():
    assert Listwise().read(question(*SHOWN), Reply(text="[3] > [1] > [2]", **CUT)).ranked
    whole = Reply(text="<think>hm</think><answer>7</answer> and", **CUT)
    assert Graded(how="text", highest=10).read(question("x"), whole).reason == "cut_short"
    marked = Reply(text="<think>hm</think><answer>7</answer>", **CUT)
    assert Graded(how="text", highest=10).read(question("x"), marked).value == 7


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        (Listwise(), f"[{'9' * 5000}]"),
        (Graded(how="text", highest=10), "9" * 5000),
        (Selection(), f"My selection: [{'9' * 5000}]"),
        (Selection(), "My selection:"),
        (Groupwise(), "[" * 3000),
        (Groupwise(), f'{{"[1]": {"9" * 400}, "[2]": 1, "[3]": 1}}'),
        (Groupwise(), f'{{"[{"9" * 5000}]": 1}}'),
        (Setwise(), "9" * 5000),
    ],
)
def test_no_reply_however_odd_is_a_fault(strategy, text):
    shown = ("x",) if isinstance(strategy, Graded) else SHOWN
    assert strategy.read(question(*shown), Reply(text=text)).reason


def test_an_alternative_without_any_probability_is_no_fault():
    reply = Reply(top_logprobs=(("A", -0.1), ("B", -9999.0)))
    found = FirstToken().read(question(*SHOWN), reply)
    assert found.values[0] == 0
    assert found.values[1] == found.values[2] < -9000
