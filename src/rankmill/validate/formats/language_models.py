"""What TRL, verl and LLaMA-Factory take for granted."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from rankmill.validate.formats.orders import Turn, answer, places, ranking
from rankmill.validate.row import Row, Text, fault, same_length


class Message(Row):
    """A turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: Text


Messages = Annotated[list[Message], Field(min_length=1)]
Said = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[Messages, Tag("<messages>")],
    Discriminator(lambda said: "<text>" if isinstance(said, str) else "<messages>"),
]
"""A text or a conversation."""


class TrlMessages(Row):
    """Of SFT: a conversation that ends with the answer."""

    messages: Annotated[list[Message], Field(min_length=2)]

    @model_validator(mode="after")
    def ends_with_the_answer(self) -> Self:
        """Refuse a conversation without an answer."""
        if self.messages[-1].role != "assistant":
            raise fault("messages", f"{self.messages[-1].role} last", "the assistant's turn last")
        answer(f"messages.{len(self.messages) - 1}.content", self.messages[-1].content)
        return self


class TrlPreference(Row):
    """Of DPO and reward models: all texts or all conversations, and two that differ."""

    model_config = ConfigDict(extra="allow")
    prompt: Said | None = None
    chosen: Said
    rejected: Said

    @model_validator(mode="after")
    def one_shape(self) -> Self:
        """Refuse texts beside conversations, and a preference for the same."""
        given = [one for one in (self.prompt, self.chosen, self.rejected) if one is not None]
        if len({isinstance(one, str) for one in given}) > 1:
            raise fault("chosen", "texts and conversations", "all texts or all conversations")
        if self.chosen == self.rejected:
            raise fault("rejected", "the same as chosen", "another answer")
        return self


class TrlPrompt(Row):
    """Of GRPO: a prompt, and whatever a reward function is given; of ours an order and grades."""

    model_config = ConfigDict(extra="allow")
    prompt: Said
    docids: list[Text] | None = None
    gold: list[int] | None = None
    grades: list[int] | None = None

    @model_validator(mode="after")
    def gold_is_an_order(self) -> Self:
        """Refuse a gold that is no order of the documents, and grades that are not one each."""
        if self.gold is not None:
            places("gold", self.gold, len(self.gold if self.docids is None else self.docids))
            same_length("gold", self.gold, "grades", self.grades)
        return self


class TrlCompletion(Row):
    """Of SFT: a prompt and its answer, which is an order."""

    prompt: Said
    completion: Said

    @model_validator(mode="after")
    def the_completion_answers(self) -> Self:
        """Refuse a text beside a conversation, another's turn, and what is no order."""
        if isinstance(self.prompt, str) != isinstance(self.completion, str):
            raise fault("completion", "a text beside a conversation", "both of one shape")
        if isinstance(self.completion, str):
            answer("completion", self.completion)
            return self
        roles = [message.role for message in self.completion]
        if roles != ["assistant"]:
            raise fault("completion", ", ".join(roles), "one turn, the assistant's")
        answer("completion.0.content", self.completion[0].content)
        return self


class VerlReward(Row):
    """What verl's reward manager hands to `compute_score`."""

    style: Literal["rule", "model"]
    ground_truth: Text


class VerlGold(Row):
    """A ground truth in JSON: places best first, from 1, and grades in the order shown."""

    ranking: list[int]
    grades: list[int]


class VerlExtra(Row):
    """What else it is told; every row has the same fields."""

    model_config = ConfigDict(extra="allow")
    split: str
    index: int


class VerlRow(Row):
    """A row of verl's Parquet."""

    data_source: Text
    prompt: Messages
    ability: Text
    reward_model: VerlReward
    extra_info: VerlExtra

    @model_validator(mode="after")
    def the_truth_is_an_order(self) -> Self:
        """Refuse a ground truth that is neither an order nor JSON of an order and grades."""
        truth, field = self.reward_model.ground_truth, "reward_model.ground_truth"
        if not truth.startswith("{"):
            ranking(field, truth)
            return self
        try:
            gold = VerlGold.model_validate_json(truth)
        except ValidationError as error:
            said = error.errors(include_url=False)[0]["msg"]
            raise fault(field, f"{truth[:60]!r}: {said}", "JSON of ranking and grades") from error
        places(f"{field}.ranking", gold.ranking, len(gold.grades))
        return self


class AlpacaRow(Row):
    """A row of LLaMA-Factory in Alpaca's form."""

    model_config = ConfigDict(extra="allow")
    instruction: str
    input: str = ""
    output: Text


class ShareGptRow(Row):
    """A row of LLaMA-Factory in ShareGPT's form: human and gpt in turns."""

    model_config = ConfigDict(extra="allow")
    conversations: Annotated[list[Turn], Field(min_length=2)]
    system: str = ""

    @model_validator(mode="after")
    def they_take_turns(self) -> Self:
        """Refuse two turns of one side in a row, and one that ends with the human's."""
        said = [turn.sender for turn in self.conversations if turn.sender != "system"]
        expected = ["human", "gpt"] * ((len(said) + 1) // 2)
        if said != expected:
            raise fault("conversations", ", ".join(said), "human and gpt in turns, gpt last")
        return self
