from hypothesis import given
from hypothesis import strategies as st

from rankmill.teachers.elevator import Elevator

FLOORS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), max_size=40)


def served(elevator, times):
    return [elevator.pop() for _ in range(times)]


def test_the_ride_goes_up_and_then_begins_at_the_bottom():
    elevator = Elevator()
    for floor in "dbea":
        elevator.push((floor,), floor)
    assert served(elevator, 2) == ["a", "b"]
    for floor in "acf":  # a has been passed, c and f are ahead
        elevator.push((floor,), floor.upper())
    assert served(elevator, 5) == ["C", "d", "e", "F", "A"]
    assert len(elevator) == 0


def test_who_waits_on_one_floor_is_served_in_the_order_of_coming():
    elevator = Elevator()
    for rider in range(5):
        elevator.push(("same", "floor"), rider)
    assert served(elevator, 5) == [0, 1, 2, 3, 4]


def test_whoever_comes_to_the_floor_where_it_stands_is_still_served_in_this_round():
    elevator = Elevator()
    for floor in "bc":
        elevator.push((floor,), floor)
    assert elevator.pop() == "b"
    elevator.push(("b",), "again")
    assert served(elevator, 2) == ["again", "c"]


@given(FLOORS)
def test_who_waits_together_is_served_in_sorted_order(floors):
    elevator = Elevator()
    for floor in floors:
        elevator.push(floor, floor)
    assert served(elevator, len(floors)) == sorted(floors)


@given(st.lists(st.one_of(st.none(), st.tuples(st.sampled_from("abcdef"))), max_size=60))
def test_everybody_is_served_once_and_nobody_is_passed_by_for_more_than_a_round(moves):
    elevator, waiting, rounds, last = Elevator(), {}, 0, ()
    served = []
    for rider, floor in enumerate(moves):
        if floor is not None:
            elevator.push(floor, (floor, rider))
            waiting[floor, rider] = rounds
        elif waiting:
            floor, rider = elevator.pop()
            rounds += floor < last
            last = floor
            assert rounds - waiting.pop((floor, rider)) <= 1
            served.append(rider)
    while elevator:
        served.append(elevator.pop()[1])
    assert sorted(served) == [rider for rider, floor in enumerate(moves) if floor is not None]
