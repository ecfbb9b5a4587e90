"""The driver: plans side by side, each answer on its way to a query or a named rejection."""

import asyncio

import pytest
from writer_walks import TEA, ground, prompts_of, seeds

from rankmill.generate import FewShot, Grid, QueryRules, Reasoning
from rankmill.generate.write import table, write
from rankmill.generate.written import Written
from rankmill.records import Rejection, Reply
from rankmill.tables import QUERIES
from rankmill.teachers.engine import Answer


def written(how, respond, *documents, rules=None, before=0, placed=None):
    """What becomes of a writer's tasks, and the trials it asked for."""
    trials = []

    async def send(request, trial):
        trials.append(trial)
        said = respond(request, trial)
        if said is None:
            return Answer(key="k", reply=None, refusal="too long")
        reply = said if isinstance(said, Reply) else Reply(text=said)
        return Answer(key=f"k{trial}", reply=reply)

    tasks = how.tasks(placed or seeds(*documents), ground())
    rules = rules or QueryRules()
    return asyncio.run(write(how, tasks, rules, prompts_of(how), send, before=before)), trials


def few_shot(**fields):
    return FewShot(teacher="t", prompt="queries/search", **fields)


def test_every_task_becomes_a_query_or_a_rejection_in_order():
    replies = {"Green": "how hot is the pot", "Reef": None, "Rye": "no"}
    found, _ = written(
        few_shot(),
        lambda request, _: next(
            text for word, text in replies.items() if word in request.messages[-1].content
        ),
    )
    query, refused, short = found
    assert (query.text, query.source_docid, query.teacher) == ("how hot is the pot", "tea", "t")
    assert (query.request, query.kind) == ("k0", "question")
    assert (refused.id, refused.rule, refused.detail) == ("reef/1", "refused", "too long")
    assert (short.id, short.rule) == ("flour/1", "not_a_query")
    assert short.detail.endswith(": no")


def test_queries_are_numbered_over_all_writers_and_trials_are_apart():
    found, trials = written(few_shot(per_document=2), lambda *_: "no", TEA, before=3)
    assert [one.id for one in found] == ["tea/4", "tea/5"]
    assert trials == [0, 1]


def test_no_two_requests_for_a_hard_query_are_the_same():
    found, trials = written(
        Reasoning(teacher="t", attempts=3, per_document=2), lambda *_: "no", TEA
    )
    assert sorted(trials) == [0, 1, 2, 3, 4, 5]
    assert [one.rule for one in found] == ["not_json", "not_json"]


def test_who_asks_is_asked_with_the_same_request_for_all_queries_of_a_document():
    how = Grid(teacher="t", kinds=["question"], per_document=3, personas={"kind": "asked"})

    def respond(request, trial):
        asks_who = "name one person" in request.messages[0].content
        assert not (asks_who and trial)
        return "a cook" if asks_who else f"how hot is the pot {trial}"

    found, _ = written(how, respond, TEA)
    assert [one.persona for one in found] == ["a cook"] * 3
    assert len({one.qid for one in found}) == 3


def test_a_segment_is_copied_by_writers_that_mark_it_alone():
    (placed,) = seeds(TEA, segment="middle", start=4, end=20)
    for how, expected in ((few_shot(), (None,) * 3), (Grid(teacher="t"), ("middle", 4, 20))):
        (found,), _ = written(how, lambda *_: "how hot is the pot", placed=[placed])
        assert (found.segment, found.start, found.end) == expected


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        (Reply(text="how hot is", finish_reason="length", tokens_out=48), "too_long"),
        (Reply(text="Sure, here is a query"), "not_a_query"),
        (Reply(text="how hot is it", finish_reason="content_filter"), "refused"),
        (Reply(text=TEA.text), "copied"),
    ],
)
def test_the_rules_judge_the_reply(reply, rule):
    (found,), _ = written(few_shot(), lambda *_: reply, TEA)
    assert isinstance(found, Rejection)
    assert found.rule == rule


def test_the_rules_judge_the_query_and_not_the_json_around_it():
    replies = iter(['Sure! {"hard_query": "how hot is the pot"}', "It is hot."])
    (found,), _ = written(Reasoning(teacher="t"), lambda *_: next(replies), TEA)
    assert (found.text, found.rewrite) == ("how hot is the pot", "It is hot.")


def test_all_that_is_known_of_a_query_is_in_its_row():
    (placed,) = seeds(TEA, segment="begin", start=0, end=9)
    how = Grid(teacher="t", kinds=["claim"], difficulties=["plain"], langs=["de"])
    (found,), _ = written(how, lambda *_: "Der Topf ist heiß.", placed=[placed])
    user = Written(qid="u1", text="wie heiß", kind="given", source_docid=None)
    rows = table([found, user], {found.qid: (3, "test"), "u1": (0, "train")})
    one, other = QUERIES.check(rows).rows(named=True)
    assert one | {"prompt": "", "request": ""} == {
        "qid": found.qid,
        "text": "Der Topf ist heiß.",
        "kind": "claim",
        "source_docid": "tea",
        "cluster": 3,
        "split": "test",
        "prompt": "",
        "teacher": "t",
        "request": "",
        "lang": "de",
        "persona": None,
        "difficulty": "plain",
        "length": None,
        "segment": "begin",
        "start": 0,
        "end": 9,
        "related_docid": None,
        "rewrite": None,
        "answer_docids": None,
    }
    assert (other["source_docid"], other["teacher"], other["prompt"]) == (None, "", "")
