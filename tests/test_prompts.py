import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.errors import PromptError
from rankmill.prompts import Prompt, as_data, find

FRONT = '+++\npurpose = "p"\nvariables = ["x"]\noutput = "o"\n+++\n'


def test_turns_are_rendered_in_order():
    prompt = Prompt.parse("t", FRONT + "=== system\nBe brief.\n=== user\nSay {{ x }}.\n")
    assert [(m.role, m.content) for m in prompt.messages(x="hi")] == [
        ("system", "Be brief."),
        ("user", "Say hi."),
    ]


def test_a_continuation_starts_its_text_with_a_space():
    prompt = Prompt.parse("t", FRONT + "=== prefix\nDocument: d\nQuery:\n=== text\n{{ x }}\n")
    continuation = prompt.continuation(x="what is it")
    assert continuation.prefix == "Document: d\nQuery:"
    assert continuation.text == " what is it"


@pytest.mark.parametrize("values", [{}, {"x": "hi", "k": 1}])
def test_missing_or_spare_values_are_refused(values):
    prompt = Prompt.parse("t", FRONT + "=== user\n{{ x }}\n")
    with pytest.raises(PromptError, match="prompt t: wants"):
        prompt.messages(**values)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("=== user\n{{ x }}", "expected front matter"),
        ("+++\npurpose = \n+++\n=== user\n", "not TOML"),
        ('+++\npurpose = "p"\n+++\n=== user\n', "expected front matter"),
        (FRONT + "=== user\n{{ y }}\n", r"declares variables \['x'\], uses \['y'\]"),
        (FRONT + "=== user\n{{ x \n", "prompt t: "),
        (FRONT + "=== user\n{{ x }}\n=== assistant\nno\n", "ending with user"),
        (FRONT + "=== prefix\n{{ x }}\n", "or prefix and text"),
        (FRONT + "no turn at all {{ x }}", "found \\[\\]"),
    ],
)
def test_a_faulty_file_is_refused_by_name(source, fault):
    with pytest.raises(PromptError, match=fault):
        Prompt.parse("t", source)


def test_a_missing_prompt_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(PromptError, match=r"prompt labels/nowhere: no file labels/nowhere.j2 in"):
        find("labels/nowhere", [tmp_path])


def test_a_users_prompt_comes_before_the_packages(tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "relevance.j2").write_text(FRONT + "=== user\nmine {{ x }}\n")
    assert find("labels/relevance", [tmp_path]).messages(x=1)[0].content == "mine 1"
    assert find("labels/relevance").fingerprint != find("labels/relevance", [tmp_path]).fingerprint


def test_an_edited_prompt_is_read_again(tmp_path):
    path = tmp_path / "mine.j2"
    path.write_text(FRONT + "=== user\none {{ x }}\n")
    before = find("mine", [tmp_path]).fingerprint
    path.write_text(FRONT + "=== user\ntwo {{ x }} \n")
    assert find("mine", [tmp_path]).fingerprint != before


@pytest.mark.parametrize(
    "name",
    ["queries/programming", "queries/search", "labels/relevance", "labels/likelihood"],
)
def test_documents_stand_in_our_prompts_as_they_are(name):
    prompt = find(name)
    values = dict.fromkeys(prompt.front["variables"], "a & b <i>")
    rendered = prompt.messages(**values)[-1] if prompt.is_chat else prompt.continuation(**values)
    assert "a & b <i>" in str(rendered)


def test_a_template_cannot_reach_into_python(tmp_path):
    prompt = Prompt.parse("t", FRONT + "=== user\n{{ x.__class__.__mro__ }}\n")
    with pytest.raises(PromptError, match="prompt t"):
        prompt.messages(x="hi")


def test_bracketed_numbers_of_a_document_cannot_pass_for_identifiers():
    assert as_data("see [12] and [x]", limit=100) == "see (12) and [x]"


@pytest.mark.parametrize("mark", ["<document>", "</document>", "<|im_start|>", "</DOCUMENT >"])
def test_marks_that_fence_a_document_lose_their_meaning(mark):
    assert "<" not in as_data(f"before {mark} after", limit=100)


def test_a_long_text_is_cut_at_a_word():
    assert as_data("one two three", limit=9) == "one two …"
    assert as_data("one two three", limit=13) == "one two three"
    assert as_data("unbroken", limit=5) == "unbr …"


@given(st.text(max_size=80), st.integers(3, 40))
def test_data_is_one_line_within_its_limit(text, limit):
    data = as_data(text, limit=limit)
    assert len(data) <= limit + 1
    assert data == " ".join(data.split())
