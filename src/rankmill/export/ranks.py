"""What all exports share that give a list in one order and its labels as another."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from rankmill.export.base import Exported
from rankmill.export.draws import Chance
from rankmill.export.parts import Part
from rankmill.export.policy import Policy
from rankmill.export.prompting import as_data, conversations
from rankmill.label.label import QUERY_LIMIT
from rankmill.label.probabilities import LETTERS
from rankmill.prompts import Prompt, find


class Windows(Exported):
    """Documents in the order of the retriever, as a reranker will get them, or shuffled.

    A list of more than `most` documents becomes several rows, of nearly equal size: its windows,
    in the order shown. So every document is in one row. A window whose documents all tie is left
    out.

    Attributes:
        most: Documents of a row.
        order: In which documents are shown.
        seed: Shuffles them.
    """

    most: int = Field(default=20, ge=3)
    order: Literal["retrieved", "shuffled"] = "retrieved"
    seed: int = 17

    def missing(self, pairs: pl.DataFrame, policy: Policy) -> pl.DataFrame:
        """Lists in which nothing is better than anything else."""
        del policy
        return all_tied(pairs)

    @property
    def look(self) -> tuple[object, ...]:
        """All that its windows depend on."""
        return (self.most, self.order, self.seed)

    def windows(self, part: Part) -> pl.DataFrame:
        """A row for every window, as `shown` has it."""
        return part.once(("windows", self.look), lambda: self._windows(part))

    def _windows(self, part: Part) -> pl.DataFrame:
        documents, size = self.documents(part), pl.len().over("qid")
        count = (size + self.most - 1) // self.most
        placed = documents.with_columns(place=self.places(documents))
        return shown(part, placed.with_columns(window=pl.col("place") * count // size))

    def documents(self, part: Part) -> pl.DataFrame:
        """The documents of a part, with the `words` that are shown."""
        return part.documents

    def places(self, documents: pl.DataFrame) -> pl.Series:
        """The place of every document in its list as shown, from 0."""
        if self.order == "retrieved":
            rank = pl.col("candidate_rank").rank("ordinal").over("qid")
            return documents.select(rank.cast(pl.Int64) - 1).to_series()
        lists = documents.group_by("qid", maintain_order=True).len("depth")
        depths = lists["depth"].to_numpy()[:, None]
        bits = Chance(self.seed, lists["qid"]).bits(depths.max(initial=0))
        drawn = documents.select("qid", bits=pl.Series(bits[np.arange(bits.shape[1]) < depths]))
        rank = pl.col("bits").rank("ordinal").over("qid")
        return drawn.select(rank.cast(pl.Int64) - 1).to_series()


class Ranks(Windows):
    """A prompt that shows a query and its documents, and the order that a student is to give.

    Attributes:
        prompt: The prompt file. A student is asked as its teacher was, if it is the teacher's.
            Empty: the one that fits the answer.
        excerpt: Characters of a document's beginning that are shown; by default as many as a view
            shows a teacher.
    """

    prompt: str = ""
    excerpt: int = Field(default=400, ge=20)

    @property
    def fitting(self) -> str:
        """The prompt that fits the answer."""
        return "labels/listwise"

    @property
    def variables(self) -> frozenset[str]:
        """What its prompt must fill in."""
        return frozenset({"query", "documents"})

    @property
    def prompts(self) -> Mapping[str, frozenset[str]]:
        """Its prompt, and what that must fill in."""
        return {self.prompt or self.fitting: self.variables}

    def found(self, part: Part) -> Prompt:
        """Its prompt."""
        return find(self.prompt or self.fitting, part.prompt_folders)

    @property
    def look(self) -> tuple[object, ...]:
        """All that its windows depend on."""
        return (*super().look, self.excerpt)

    def documents(self, part: Part) -> pl.DataFrame:
        """The documents of a part, with the beginning of their `words`, as data."""
        return part.documents.with_columns(words=beginnings(part, self.excerpt))

    def asked_windows(self, part: Part) -> pl.DataFrame:
        """The rows of `windows`, and `prompt`."""
        what = ("asked", self.prompt or self.fitting, self.variables, self.look)
        return part.once(what, lambda: self.asked(part, self.windows(part)))

    def asked(self, part: Part, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of `shown`, and `prompt`: the turns that ask for the order."""
        data = rows.with_columns(query=as_data(rows["query"], limit=QUERY_LIMIT))
        return data.with_columns(prompt=conversations(self.found(part), self.variables, data))


def beginnings(part: Part, limit: int) -> pl.Series:
    """So many characters of the `words` of all of a part's documents, as data."""
    words = part.documents["words"]
    return part.once(("beginnings", limit), lambda: as_data(words, limit=limit))


def shown(part: Part, documents: pl.DataFrame) -> pl.DataFrame:
    """One row for every window of `part`'s lists in which some document is better than another.

    Args:
        part: Has the lists.
        documents: Rows of `part.documents`, lists in order, and the columns place and window.

    Returns:
        The columns of `part.lists`; window; id, which is the qid, and the window's number if it
        is not the list's only one; docids, documents (texts), grades and scores, in the order of
        their places; and gold: places in that order, from 1, best first.
    """
    window, by = pl.col("window"), ["qid", "window"]
    gathered = (
        documents.filter(pl.col("score").n_unique().over(by) > 1)
        .sort(pl.col("qid").rle_id(), "window", "place")
        .group_by(by, maintain_order=True)
        .agg(
            docids="docid",
            documents="words",
            grades="grade",
            scores="score",
            gold=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).sort_by("rank"),
        )
    )
    several = documents.filter(window > 0)["qid"].unique().implode()
    rows = part.lists.join(gathered, on="qid", maintain_order="left_right")
    named = pl.when(pl.col("qid").is_in(several)).then(pl.format("{}/{}", "qid", "window"))
    return rows.with_columns(id=named.otherwise("qid"))


def all_tied(pairs: pl.DataFrame) -> pl.DataFrame:
    """The lists without an order: columns id, rule and detail."""
    score = pl.col("score")
    lists = pairs.group_by("qid", maintain_order=True).agg(levels=score.n_unique(), many=pl.len())
    return lists.filter(pl.col("levels") < 2).select(
        id="qid",
        rule=pl.lit("no_order"),
        detail=pl.format("one score for all of its {} documents", "many"),
    )


def numbered(places: str) -> pl.Expr:
    """Places as text: [2] > [1] > [3]."""
    return pl.format("[{}]", pl.col(places).cast(pl.List(pl.String)).list.join("] > ["))


def lettered(places: str) -> pl.Expr:
    """Places as text: [B] > [A] > [C]."""
    names = dict(enumerate(LETTERS, start=1))
    letter = pl.element().replace_strict(names, return_dtype=pl.String)
    return pl.format("[{}]", pl.col(places).list.eval(letter).list.join("] > ["))


def turn(role: str, content: str | pl.Expr) -> pl.Expr:
    """A conversation of one message."""
    return pl.concat_list(pl.struct(role=pl.lit(role), content=content))
