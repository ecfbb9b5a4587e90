import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.curate import TextRules
from rankmill.curate.rules import is_code
from rankmill.records import Document, Rejection

PROSE = "The rudder turns the ship. It hangs below the stern and is moved by the tiller or a wheel."
PYTHON = """def longest(words):
    # the longest of them
    best = ""
    for word in words:
        if len(word) > len(best):
            best = word
    return best
"""
C = "#include <stdio.h>\n#include <stdlib.h>\nint main() {\n  return 0;\n}\n"


@pytest.mark.parametrize(
    ("text", "rule", "detail"),
    [
        ("Too few words.", "few_words", "3 words < 5"),
        ("", "few_words", "0 words < 5"),
        ("12 34 56 78 90 12 ab", "few_letters", "0.14 of the characters < 0.4"),
        ("a b c d e f g h", "word_length", "1.0 letters a word, expected 2 to 12"),
        (
            " ".join(["reducedsoildisturbance"] * 6),
            "word_length",
            "22.0 letters a word, expected 2 to 12",
        ),
        ("a long list of names " + "... " * 5, "symbols", "0.25 a word > 0.1"),
        ("sale now " + "#sale " * 6, "symbols", "0.30 a word > 0.1"),
        ("what a line\n" * 5, "repeated_lines", "0.80 of the characters > 0.3"),
        (
            "We use cookies to make this better. See our privacy policy.",
            "boilerplate",
            "1.00 of the sentences > 0.3, such as 'use cookies'",
        ),
    ],
)
def test_each_rule_says_its_number_and_the_limit(text, rule, detail):
    assert TextRules().judge(text) == (rule, detail)


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "今天天气很好我们去公园散步吧。",
        "東京は日本の首都で、人口が最も多い都市です。",
        "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย",
        "ភ្នំពេញជារាជធានីនៃប្រទេសកម្ពុជា",
        "القاهرة هي عاصمة جمهورية مصر العربية وأكبر مدنها من حيث عدد السكان.",
        "יְרוּשָׁלַיִם הִיא בִּירַת יִשְׂרָאֵל וְהָעִיר הַגְּדוֹלָה בָּהּ",
        "यह एक परीक्षण वाक्य है जो हिंदी में लिखा गया है।",
        "서울은 대한민국의 수도이며 가장 큰 도시이다 그렇다",
        "Die Donaudampfschifffahrtsgesellschaft hat einen neuen Kapitän eingestellt.",
        "# Ships\n\n## Rudders\n\n### Tillers\n\n- a tiller turns it\n- a wheel does too\n",
        "| part | turns |\n| --- | --- |\n| rudder | the ship |\n| wheel | the rudder |",
        PYTHON,
        C,
    ],
)
def test_good_text_of_any_script_and_source_code_stay(text):
    assert TextRules().judge(text) is None


@pytest.mark.parametrize("code", [PYTHON, C, "x = f(y);\n}\n}\n}\n}\n"])
def test_source_code_is_known_by_its_lines(code):
    assert is_code(code)


@pytest.mark.parametrize(
    "text", [PROSE, "", "A list:\n- one\n- two\n", "From here on (see below)."]
)
def test_prose_is_no_code(text):
    assert not is_code(text)


def test_closing_brackets_are_no_repeated_lines():
    code = "void f() {\n  if (a) {\n    b();\n  }\n}\n" * 4
    assert TextRules().judge(code) is None


def test_a_passing_mention_of_a_page_s_furniture_is_none():
    text = f"{PROSE} The privacy policy of a port matters little to a ship. {PROSE}"
    assert TextRules().judge(text) is None


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ("Too few words.", {"min_words": 0}),
        ("12 34 56 78 90 12 ab", {"letters": 0}),
        ("a b c d e f g h", {"word_length": (0, 100)}),
        ("a long list of names " + "... " * 5, {"symbols": 9}),
        ("what a line\n" * 5, {"repeated": 1}),
        ("We use cookies here today.", {"boilerplate": 1}),
    ],
)
def test_a_rule_can_be_off(text, off):
    assert TextRules(**off).judge(text) is None


def test_a_rule_s_limit_is_a_setting():
    assert TextRules(min_words=30).judge(PROSE) == ("few_words", "19 words < 30")


def test_the_stream_keeps_its_order_and_other_rejections():
    gone = Rejection(id="a", rule="too_short", detail="")
    good, bad = Document(docid="b", text=PROSE), Document(docid="c", text="no")
    first, second, third = TextRules().pick([gone, good, bad])
    assert (first, second) == (gone, good)
    assert third == Rejection(id="c", rule="few_words", detail="1 words < 5")


@settings(deadline=None)
@given(st.text())
def test_any_text_has_a_verdict(text):
    verdict = TextRules().judge(text)
    assert verdict is None or (verdict[0].isidentifier() and verdict[1])


@pytest.mark.parametrize("name", ["cranfield", "medline", "cosqa", "xquad_r_de"])
def test_real_collections_of_text_and_code_lose_next_to_nothing(collections, name):
    lines = (collections / name / "corpus.jsonl").read_text().splitlines()[:400]
    texts = [json.loads(line)["text"] for line in lines]
    fallen = [verdict for text in texts if (verdict := TextRules().judge(text))]
    assert len(fallen) <= 4, fallen
