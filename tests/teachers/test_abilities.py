"""What endpoints can do beyond the common protocol is learnt, and used."""

import asyncio
import json
import re

import pytest

from rankmill.records import Chat, Message
from rankmill.teachers import OpenAI
from rankmill.teachers.held import is_permutation
from scripted_teacher import Fault, Said, ScriptedTeacher

EVERYTHING = {"choice", "regex", "json_schema", "grammar", "continue", "label_tokens"}
PREFERENCE = [3, 1, 4, 2]


class Able(ScriptedTeacher):
    """A server that is able to do some things and ignores what it does not know.

    Held to a sequence of identifiers, it always writes the one it likes best, again and again.
    """

    def __init__(self, abilities, **fields):
        super().__init__(lambda _: "Hello! How are you?", **fields)
        self.abilities = set(abilities)

    def _turn(self, body):
        held = body.get("structured_outputs", {})
        text = "Hello! How are you?"
        going_on = "continue" in self.abilities and body.get("continue_final_message")
        if body["messages"][-1]["role"] == "assistant" and not going_on:
            held = {}
        if "choice" in held and "choice" in self.abilities:
            text = held["choice"][0]
        elif "regex" in held and "regex" in self.abilities:
            text = self.matching(held["regex"])
        elif "response_format" in body and "json_schema" in self.abilities:
            schema = body["response_format"]["json_schema"]["schema"]
            text = json.dumps(dict.fromkeys(schema["required"], 0))
        elif "grammar" in body and "grammar" in self.abilities:
            text = re.findall(r'"(.*?)"', body["grammar"])[-1]
        tokens = [("H", -0.1)]
        if "label_tokens" in self.abilities:
            tokens += [(f"token {token}", -5.0) for token in body.get("logprob_token_ids", [])]
        self.respond = lambda _: Said(text=text, top_logprobs=tokens)
        return super()._turn(body)

    def matching(self, pattern):
        if pattern.startswith("zebra"):
            return "zebra 123"
        allowed = [int(place) for place in re.match(r"\(([\d|]+)\)", pattern)[1].split("|")]
        more = int(re.search(r"\{(\d+)\}$", pattern)[1])
        best = next(place for place in PREFERENCE if place in allowed)
        return f"{best}]" + f" > [{best}]" * more


def chat(**fields):
    return Chat(messages=(Message(role="user", content="rank"),), max_tokens=50, **fields)


def opened(server, where, work, **fields):
    async def run():
        fields.setdefault("endpoints", (server.url,))
        spec = OpenAI(model="teacher", api_key_env="", **fields)
        async with spec.open(where) as engine:
            return await work(engine)

    return asyncio.run(run())


def answered(server, where, request):
    return opened(server, where, lambda engine: engine.answer(request))


@pytest.mark.parametrize("ability", sorted(EVERYTHING - {"label_tokens", "continue"}))
def test_an_ability_is_found_where_it_is_and_nowhere_else(ability, where):
    with Able({ability}) as server:
        found = opened(server, where, lambda engine: engine._abilities.every())
    assert found == [ability]


def test_a_server_that_ignores_what_it_does_not_know_has_no_ability(where):
    with Able(set()) as server:
        assert opened(server, where, lambda engine: engine._abilities.every()) == []


def test_a_server_that_rejects_what_it_does_not_know_has_no_ability(where):
    with Able(EVERYTHING) as server:
        server.faults.extend([Fault(status=400, message="unknown field")] * 5)
        found = opened(server, where, lambda engine: engine._abilities.every())
    assert found == []


def test_a_teacher_lacks_what_one_of_its_endpoints_lacks(where):
    async def known(engine):
        return await engine._abilities.every()

    with Able({"choice", "regex"}) as one, Able({"choice", "grammar"}) as other:
        assert opened(one, where, known, endpoints=(one.url, other.url)) == ["choice"]


def test_a_permutation_is_complete_although_the_server_would_repeat_itself(where):
    with Able({"regex", "continue", "choice"}) as server:
        reply = answered(server, where, chat(permutes=4))
    assert reply.text == "[3] > [1] > [4] > [2]"
    assert is_permutation(reply.text, 4)
    begun = [r.body["messages"][-1]["content"] for r in server.requests[-4:]]
    assert begun == ["[", "[3] > [", "[3] > [1] > [", "[3] > [1] > [4] > ["]
    assert (reply.tokens_in, reply.tokens_out) == (1 + 3 + 5 + 7, 7 + 5 + 3 + 1)


def test_a_server_that_cannot_be_held_writes_its_permutation_freely(where):
    with Able({"regex"}) as server:
        reply = answered(server, where, chat(permutes=4))
    assert reply.text == "Hello! How are you?"
    assert "structured_outputs" not in server.requests[-1].body


def test_choices_are_held_to_in_the_way_the_server_has(where):
    for ability, expected in [("choice", "A"), ("grammar", "B"), ("regex", "Hello! How are you?")]:
        with Able({ability}) as server:
            assert answered(server, where, chat(choices=("A", "B"))).text == expected


def test_json_is_held_to_its_schema(where):
    schema = json.dumps({"type": "object", "required": ["[1]", "[2]"]})
    with Able({"json_schema"}) as server:
        assert answered(server, where, chat(schema=schema)).text == '{"[1]": 0, "[2]": 0}'


def test_an_ability_is_asked_for_once(where):
    async def often(engine):
        await asyncio.gather(*(engine.answer(chat(choices=("A", "B"))) for _ in range(9)))

    with Able({"choice"}) as server:
        opened(server, where, often)
    assert len(server.requests) == 1 + 9


def test_what_the_endpoints_can_do_is_told_in_words(where):
    with Able({"choice", "regex", "continue"}) as server:
        told = opened(server, where, lambda engine: engine.describe())
    assert told == [
        "context: not said",
        "can be held to, or asked for: one of several texts, a regular expression, a turn that was "
        "begun",
        "permutations: cannot be malformed",
        "thinking: none",
    ]


def test_an_endpoint_that_is_down_takes_no_ability_from_the_others(where):
    async def work(engine):
        replies = [await engine.answer(chat()) for _ in range(3)]
        return replies, await engine._abilities.can("choice")

    gone = "http://127.0.0.1:9/v1"
    with Able({"choice"}) as server:
        _, found = opened(server, where, work, endpoints=(gone, server.url))
    assert found


def test_abilities_are_learnt_although_every_place_is_taken(where):
    async def work(engine):
        plain = [engine.answer(chat()) for _ in range(4)]
        held = [engine.answer(chat(choices=("A", "B"))) for _ in range(4)]
        return await asyncio.wait_for(asyncio.gather(*plain, *held), 20)

    with Able({"choice"}, delay=0.05) as one, Able({"choice"}, delay=0.05) as other:
        ends = (one.url, other.url)
        replies = opened(one, where, work, endpoints=ends, concurrency=1)
    assert [reply.text for reply in replies[4:]] == ["A"] * 4
