import numpy as np
import pytest

from rankmill.generate.rules import QueryRules, longest_common_run, near_duplicates
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


def test_the_longest_common_run_counts_words_in_order():
    assert longest_common_run("The QUICK brown fox", "a quick brown dog, the fox") == 2
    assert longest_common_run("x y", "a b") == 0
    assert longest_common_run("", "a b") == 0


def test_near_duplicates_fall_to_the_first_that_is_kept():
    vectors = np.array([[1, 0], [0.99, 0.141], [0.8, 0.6], [0, 1]], dtype=np.float32)
    found = list(near_duplicates(list("abcd"), vectors, max_similarity=0.95))
    assert [(r.id, r.rule) for r in found] == [("b", "near_duplicate")]
    assert found[0].detail == "cosine 0.990 to a >= 0.95"


def test_a_near_duplicate_of_a_rejected_query_alone_is_kept():
    angles = np.radians([0, 15, 30])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = list(near_duplicates(list("abc"), vectors, max_similarity=0.95))
    assert [r.id for r in found] == ["b"]
