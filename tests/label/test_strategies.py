"""What holds for every strategy with a teacher whose true order is known."""

import random
from typing import get_args

import pytest

from rankmill.label import Strategy, View
from rankmill.label.first_token import FirstToken
from rankmill.label.groupwise import Groupwise
from rankmill.label.listwise import Listwise
from rankmill.label.pairwise import Pairwise
from rankmill.label.plans import Question
from rankmill.label.pointwise import Pointwise
from rankmill.label.selection import Selection
from rankmill.label.setwise import Setwise
from rankmill.label.tour_rank import TourRank
from rankmill.label.tournament import Tournament
from rankmill.label.windows import FullRanking, SlidingWindow
from rankmill.readings import Choice, Scores
from rankmill.records import Ranking
from simulated_teacher import SimulatedTeacher, documents, follow

WHOLE_ORDER = [
    *(s() for s in get_args(Strategy) if s not in {Selection, Tournament, TourRank, SlidingWindow}),
    Pairwise(by="heapsort", k=20),
    Pairwise(by="sliding", k=20),
    Pairwise(read_from="probabilities", soft=True),
    Setwise(k=20),
    Setwise(by="bubblesort", k=20, read_from="probabilities"),
    Setwise(k=20, votes=3, children=19),
    FullRanking(size=4, stride=2),
    FullRanking(size=6, stride=2, rerank="all"),
    FullRanking(size=6, stride=3, window=FirstToken()),
    SlidingWindow(size=4, stride=2, passes=10),
]
TOP = [
    *((strategy, strategy.k) for strategy in (Setwise(), Pairwise(by="heapsort"))),
    (Setwise(by="bubblesort", k=4), 4),
    (Pairwise(by="sliding", k=3), 3),
    (SlidingWindow(size=10, stride=5), 5),
    (Tournament(), 1),
    (Tournament(rating="elo"), 1),
    (TourRank(), 2),
    (TourRank(group=5, rounds=3), 2),
]


def shuffled(count, seed=3):
    return random.Random(seed).sample(documents(count), count)


def name(value):
    return f"{value.kind}-{getattr(value, 'by', '')}" if hasattr(value, "kind") else str(value)


@pytest.mark.parametrize("strategy", WHOLE_ORDER, ids=name)
@pytest.mark.parametrize("count", [2, 3, 7, 20])
def test_a_teacher_without_noise_gives_the_true_order_within_the_stated_calls(strategy, count):
    teacher = SimulatedTeacher()
    ranking = teacher.follow(strategy, shuffled(count))
    sure = strategy.k if isinstance(strategy, Setwise) else count
    assert list(ranking.docids[:sure]) == documents(count)[:sure]
    assert sorted(ranking.docids) == documents(count)
    assert 0 < teacher.calls <= strategy.calls(count)


@pytest.mark.parametrize(("strategy", "sure"), TOP, ids=name)
def test_strategies_for_the_top_find_the_true_top_within_the_stated_calls(strategy, sure):
    for seed in range(5):
        teacher = SimulatedTeacher()
        ranking = teacher.follow(strategy, shuffled(20, seed))
        assert list(ranking.docids[:sure]) == documents(20)[:sure]
        assert sorted(ranking.docids) == documents(20)
        assert teacher.calls <= strategy.calls(20)


@pytest.mark.parametrize("strategy", [*WHOLE_ORDER, *(one for one, _ in TOP)], ids=name)
def test_one_document_needs_no_comparison(strategy):
    assert SimulatedTeacher().follow(strategy, ["d00"]).docids == ("d00",)


def test_a_selection_ties_what_it_holds_of_use_above_the_rest():
    ranking = SimulatedTeacher(relevant=3).follow(Selection(), shuffled(8))
    assert set(ranking.docids[:3]) == set(documents(3))
    assert ranking.scores == (1, 1, 1, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("strategy", "depth", "calls"),
    [
        (Listwise(), 20, 1),
        (Listwise(), 100, 1),
        (SlidingWindow(), 20, 1),
        (SlidingWindow(), 100, 9),
        (FullRanking(), 20, 1),
        (FullRanking(), 100, 45),
        (FullRanking(rerank="all"), 100, 81),
        (Pointwise(), 20, 20),
        (Pairwise(), 20, 380),
        (Pairwise(), 100, 9900),
        (Pairwise(by="sliding"), 100, 1890),  # 2 K (N - 1) less the pairs that are fixed already
        (TourRank(), 100, 13),
        (Tournament(rounds=1), 20, 19),
        (Groupwise(), 50, 3),
        (Groupwise(), 20, 1),
    ],
    ids=name,
)
def test_calls_are_those_of_the_papers(strategy, depth, calls):
    assert strategy.calls(depth) == calls
    if depth <= 20 or strategy.kind not in {"first_token"}:
        teacher = SimulatedTeacher()
        teacher.follow(strategy, shuffled(depth))
        assert teacher.calls == calls


def test_setwise_costs_what_the_paper_measured():
    """Heapsort of 100 documents, c = 3, k = 10: 125.4 calls with Flan-T5, data dependent."""
    calls = []
    for seed in range(20):
        teacher = SimulatedTeacher()
        teacher.follow(Setwise(), shuffled(100, seed))
        calls.append(teacher.calls)
    assert 60 < sum(calls) / len(calls) < 130
    assert max(calls) <= Setwise().calls(100)


def test_a_sliding_window_climbs_from_the_end():
    plan = SlidingWindow(size=4, stride=2).plan(list("abcdef"))
    assert next(plan) == [Question(docids=("c", "d", "e", "f"))]
    assert plan.send([Scores(shown=tuple("cdef"), values=(0, 1, 3, 2))]) == [
        Question(docids=("a", "b", "e", "f"))
    ]


def test_full_ranking_freezes_what_met_all_others_and_shrinks():
    asked = []
    teacher = SimulatedTeacher()
    strategy = FullRanking(size=4, stride=2)

    def read(question):
        asked.append(len(question.docids))
        return teacher.read(strategy, question)

    ranking = follow(strategy.plan(shuffled(8)), read)
    assert list(ranking.docids) == documents(8)
    assert asked == [4] * 3 + [4] * 2 + [4]  # over 8, over 6, and the last 4


def test_pairs_that_depend_on_their_order_are_ties():
    def first_shown(question):
        return Choice(shown=question.docids, chosen=question.docids[:1])

    ranking = follow(Pairwise().plan(["a", "b", "c"]), first_shown)
    assert ranking == Ranking(docids=("a", "b", "c"), scores=(1.0, 1.0, 1.0))
    assert follow(Pairwise(by="heapsort", k=3).plan(list("cab")), first_shown).docids[0] == "c"


def test_soft_pairs_take_the_mean_of_both_orders():
    def a_little_better(question):
        """Prefers A of the prompt by far, and document x by a little."""
        lead = 1.0 if question.docids == ("x", "y") else 0.8
        from math import log

        share = 0.5 + lead / 2 - 0.01
        return Scores(shown=question.docids, values=(log(share), log(1 - share)))

    plan = Pairwise(read_from="probabilities", soft=True).plan(["y", "x"])
    assert follow(plan, a_little_better).docids == ("x", "y")


def test_a_tournament_pools_the_matches_of_all_rounds():
    log = [("a", "b"), ("a", "c"), ("b", "c")]
    ratings = Tournament().ratings(["a", "b", "c", "d"], log)
    assert sorted(ratings, key=lambda d: -ratings[d])[0] == "a"
    assert ratings["a"] > ratings["b"] > ratings["c"]
    assert ratings["d"] == pytest.approx(0, abs=1e-6)
    elo = Tournament(rating="elo").ratings(["a", "b"], [("a", "b")])
    assert elo == {"a": 1016.0, "b": 984.0}  # equals meet: half of K = 32 changes hands


def test_tour_rank_gives_a_point_for_every_stage():
    ranking = SimulatedTeacher().follow(TourRank(), shuffled(20))
    assert ranking.scores == (3, 3, 2, 2, 2, 1, 1, 1, 1, 1, *(0,) * 10)  # 20 to 10 to 5 to 2


def test_groups_are_random_even_and_whole():
    docids = documents(50)
    groups = Groupwise().groups(docids)
    assert sorted(map(len, groups)) == [16, 17, 17]
    assert sorted(docid for group in groups for docid in group) == docids
    assert groups == Groupwise().groups(docids)
    assert list(groups[0]) != sorted(groups[0])
    assert groups != Groupwise().groups(docids[::-1])


def test_more_documents_than_letters_are_refused():
    with pytest.raises(ValueError, match="27 documents, but 26 letters"):
        next(FirstToken().plan(documents(27)))
    with pytest.raises(ValueError, match="27 documents, but 26 letters"):
        SlidingWindow(size=27, stride=10, window=FirstToken())
    with pytest.raises(ValueError, match="stride 10 must be smaller than size 10"):
        SlidingWindow(size=10)


@pytest.mark.parametrize("strategy", [s() for s in get_args(Strategy)], ids=name)
def test_every_strategy_says_what_it_is(strategy):
    assert type(strategy).__doc__
    assert "Paper" in type(strategy).__doc__
    assert strategy.asks in {"score", "rank", "choose", "grade"}
    assert {"query"} <= strategy.variables


def test_trials_that_cannot_differ_are_refused():
    with pytest.raises(ValueError, match="2 trials of v would ask the same question"):
        View(
            name="v",
            strategy=Listwise(),
            teacher="t",
            prompt="p",
            trials=2,
            presentation="reversed",
        )
    with pytest.raises(ValueError, match="cannot be called source"):
        View(name="source", strategy=Pointwise(), teacher="t", prompt="p")


def test_votes_are_over_different_orders():
    asked = []
    teacher, strategy = SimulatedTeacher(), Setwise(children=1, votes=3, k=5)

    def read(question):
        asked.append(question.docids)
        return teacher.read(strategy, question)

    follow(strategy.plan(shuffled(5)), read)
    for one, other in zip(asked[::2], asked[1::2], strict=True):  # two documents, two orders
        assert one == other[::-1]


def test_a_group_smaller_than_its_window_is_refused():
    with pytest.raises(ValueError, match=r"window\.size 5 must be at least size 20"):
        SlidingWindow(window=Groupwise(size=5))
