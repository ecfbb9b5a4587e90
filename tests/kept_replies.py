"""Small reply stores for tests: the answer to request number n says `reply n`."""

from rankmill.records import Chat, Message, Reply
from rankmill.teachers.store import ReplyStore, key_of

TEACHER = {"kind": "openai", "model": "m"}


def numbered(number):
    return Chat(messages=(Message(role="user", content=str(number)),), max_tokens=1)


def put(store, number, text):
    key = key_of(TEACHER, numbered(number), 0)
    store.put(key, TEACHER, numbered(number), 0, Reply(text=text))
    return key


def filled(folder, count=30, first=0):
    """The keys of some replies that one more store has written."""
    with ReplyStore(folder) as store:
        return [put(store, number, f"reply {number}") for number in range(first, first + count)]


def texts(folder, keys):
    """What the replies say that a store finds; None for those that it does not find."""
    with ReplyStore(folder) as store:
        return [reply and reply.text for reply in map(store.get, keys)]


def replies(*numbers):
    return [f"reply {number}" for number in numbers]
