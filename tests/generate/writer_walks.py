"""Plans of writers, walked with replies that a test makes up."""

from pathlib import Path

from rankmill.generate.guess import Guess
from rankmill.generate.writing import Answered, Seed
from rankmill.prompts import find
from rankmill.records import Document, Reply

TEA = Document(docid="tea", title="Tea", text="Green tea is brewed at 80 degrees for two minutes.")
REEF = Document(docid="reef", title="Sails", text="Reef the sail before the wind is strong.")
FLOUR = Document(docid="flour", title="Bread", text="Rye flour needs sourdough, wheat flour yeast.")
DOCUMENTS = (TEA, REEF, FLOUR)


def seeds(*documents, **fields):
    return [Seed(document=document, cluster=0, **fields) for document in documents or DOCUMENTS]


def ground(base=Path(), documents=DOCUMENTS):
    return Guess(base=base, documents=documents)


def prompts_of(how):
    return {name: find(name) for name in how.prompts}


def walk(how, task, *replies):
    """Requests of a plan in order, and its end; a reply is a text or a `Reply`."""
    plan, asks = how.plan(prompts_of(how), task), []
    ask = next(plan)
    for number, reply in enumerate(replies):
        asks.append(ask)
        said = reply if isinstance(reply, Reply) else Reply(text=reply)
        try:
            ask = plan.send(Answered(said, f"r{number}"))
        except StopIteration as ended:
            assert number == len(replies) - 1, "the plan ended before its replies did"
            return asks, ended.value
    raise AssertionError("the plan wants more replies")


def last_turn(ask):
    return ask.chat.messages[-1].content
