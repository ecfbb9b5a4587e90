import pytest

from rankmill.generate.rules import QueryRules, clean
from rankmill.records import Reply

DOCUMENT = "Return a shell-escaped version of the string s, safe to pass to a POSIX shell."


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("how to escape a file name for the shell", None),
        ('"how to escape a file name for the shell"', None),
        ("", "empty"),
        ("...", "empty"),
        ("escape", "not_a_query"),
        ("Sure, here is a query", "not_a_query"),
        ("I'm sorry, but I cannot help", "not_a_query"),
        ("```sql SELECT quoting FROM shell```", "not_a_query"),
        ("what does the passage say about quoting", "refers_to_document"),
        ("summary of this document about shells", "refers_to_document"),
        ("a shell-escaped version of the string s safe to pass", "copied"),
        (" ".join(["word"] * 25), "too_long"),
        ("Gerne, hier ist eine Suchanfrage", "not_a_query"),
        ("Pregunta: cómo escapar un nombre de archivo", "not_a_query"),
        ("was steht in diesem Abschnitt", "refers_to_document"),
        ("que dit le texte sur les guillemets", "refers_to_document"),
        ("根据本文如何转义字符串", "refers_to_document"),
        ("ماذا يقول هذا النص عن الاقتباس", "refers_to_document"),
        ("如何转义", "not_a_query"),
        ("如何安全地转义文件名", None),
        ("什么是" * 20, "too_long"),
        ("Wie maskiert man Dateinamensonderzeichen", None),
        ("كيف أهرب اسم ملف في الصدفة", None),
    ],
)
def test_each_rule_fires_on_its_own_fault(text, rule):
    verdict = QueryRules().judge(Reply(text=text), DOCUMENT)
    assert (verdict and verdict[0]) == rule


def test_a_reply_that_was_cut_short_is_too_long():
    verdict = QueryRules().judge(
        Reply(text="how to escape", finish_reason="length", tokens_out=48), DOCUMENT
    )
    assert verdict == ("too_long", "no end after 48 tokens")


def test_a_chinese_character_is_half_a_word():
    document = "水稻种植需要充足的水分和阳光"
    assert QueryRules().judge_text("水稻种植需要充足的水分吗", document) is None
    assert QueryRules(max_copied=5).judge_text("水稻种植需要充足的水分吗", document) == (
        "copied",
        "5.5 words in a row > 5",
    )


def test_the_share_that_is_copied_counts_words_in_runs_alone():
    document = "Cold expansion of the holes before riveting delayed the first crack."
    copied = "which cold expansion of the holes delayed the first crack"  # 5 and 4 of 10
    scattered = "which holes of the crack delayed expansion before cold riveting"
    rules = QueryRules(max_copied_share=0.5)
    detail = "0.90 of its words in runs of 3 > 0.5"
    assert rules.judge_text(copied, document) == ("copied", detail)
    assert rules.judge_text(scattered, document) is None
    assert QueryRules().judge_text(copied, document) is None


def test_a_given_query_without_a_document_is_judged_by_its_words():
    assert QueryRules().judge_text("why is the sky blue") is None
    assert QueryRules().judge_text("sky") == ("not_a_query", "1 words < 3")


@pytest.mark.parametrize(
    "written", ['"tea"', "\u201etea\u201c", "\u00abtea\u00bb", "\u300ctea\u300d"]
)
def test_quotes_of_every_language_come_off(written):
    assert clean(written) == "tea"
