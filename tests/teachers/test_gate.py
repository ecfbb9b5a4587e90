from rankmill.teachers._gate import Gate


def served(gate, latency, *, answers=4000):
    """Places after so many answers of a server whose latency depends on how many are in flight."""
    for _ in range(answers):
        gate.answered("chat", latency(gate.places))
    return gate.places


def test_steady_latency_leaves_every_place_open():
    assert served(Gate(64), lambda places: 0.1) == 64


def test_one_place_stays_one_place():
    gate = Gate(1)
    assert served(gate, lambda places: 0.1) == 1
    assert served(gate, lambda places: 9.0, answers=40) == 1


def test_latency_that_rises_under_load_leaves_fewer_places_and_recovers_with_the_server():
    gate = Gate(64)
    served(gate, lambda places: 0.1)
    overloaded = served(gate, lambda places: 0.1 * max(1, places / 16) ** 2, answers=500)
    assert 10 <= overloaded <= 32
    assert served(gate, lambda places: 0.1) == 64


def test_kinds_of_requests_are_compared_with_their_own_kind():
    gate = Gate(32)
    for _ in range(500):
        gate.answered("one token", 0.05)
    for _ in range(500):
        gate.answered("two hundred tokens", 5.0)
    assert gate.places == 32


def test_a_few_time_outs_hardly_matter_and_many_do():
    rare, often = Gate(64), Gate(64)
    for number in range(2000):
        for gate, every in ((rare, 30), (often, 2)):
            if number % every == 0:
                gate.overloaded()
            else:
                gate.answered("chat", 0.1)
    assert rare.places >= 60
    assert 2 <= often.places <= 16


def test_nothing_but_time_outs_leaves_few_places():
    gate = Gate(64)
    for _ in range(2000):
        gate.overloaded()
    assert gate.places <= 4
