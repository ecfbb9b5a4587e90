"""Every strategy with a prompt of the package that fits it, and words to fill it with."""

from rankmill.label.first_token import FirstToken
from rankmill.label.graded import Graded
from rankmill.label.groupwise import Groupwise
from rankmill.label.likelihood import Likelihood
from rankmill.label.listwise import Listwise
from rankmill.label.pairwise import Pairwise
from rankmill.label.plans import Words
from rankmill.label.pointwise import Pointwise
from rankmill.label.selection import Selection
from rankmill.label.setwise import Setwise
from rankmill.label.tour_rank import TourRank
from rankmill.label.tournament import Tournament
from rankmill.label.windows import FullRanking, SlidingWindow

WORDS = Words(query="what is it", documents=["one", "two", "three"], answer="it is that")
ALONE = Words(query="what is it", documents=["a thing"], answer="it is that")

PROMPTS = [
    (Pointwise(), "relevance", ALONE),
    (Graded(), "graded", ALONE),
    (Graded(how="text", highest=10, reasoning_tokens=100), "graded_reasoned", ALONE),
    (Likelihood(), "likelihood", ALONE),
    (Likelihood(of="answer"), "answer_likelihood", ALONE),
    (Pairwise(), "pairwise", WORDS),
    (Setwise(), "pairwise", WORDS),
    (Listwise(), "listwise", WORDS),
    (Listwise(reasoning_tokens=500), "listwise_reasoned", WORDS),
    (Listwise(reasoning_tokens=500), "listwise_steps", WORDS),
    (Listwise(reasoning_tokens=100), "utility_ranking", WORDS),
    (FirstToken(), "best_letter", WORDS),
    (SlidingWindow(), "listwise", WORDS),
    (FullRanking(window=FirstToken()), "best_letter", WORDS),
    (Selection(answer_tokens=60), "utility", WORDS),
    (Selection(shows_answer=True), "answer_aware", WORDS),
    (Selection(shows_answer=True), "hard_negatives", WORDS),
    (Groupwise(), "groupwise", WORDS),
    (Tournament(), "pairwise", WORDS),
    (TourRank(), "tour_rank", WORDS),
]
