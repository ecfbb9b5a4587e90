"""What TRL, verl and LLaMA-Factory take for granted."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from rankmill.validate.row import Row, Text, fault


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
    """Of GRPO: a prompt, and whatever a reward function is given."""

    model_config = ConfigDict(extra="allow")
    prompt: Said


class TrlCompletion(Row):
    """Of SFT: a prompt and its answer."""

    prompt: Said
    completion: Said


class VerlReward(Row):
    """What verl's reward manager hands to `compute_score`."""

    style: Literal["rule", "model"]
    ground_truth: Text


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


class AlpacaRow(Row):
    """A row of LLaMA-Factory in Alpaca's form."""

    model_config = ConfigDict(extra="allow")
    instruction: str
    input: str = ""
    output: Text


class ShareGptTurn(Row):
    """A turn of LLaMA-Factory."""

    sender: Literal["system", "human", "gpt"] = Field(alias="from")
    value: Text


class ShareGptRow(Row):
    """A row of LLaMA-Factory in ShareGPT's form: human and gpt in turns."""

    model_config = ConfigDict(extra="allow")
    conversations: Annotated[list[ShareGptTurn], Field(min_length=2)]
    system: str = ""

    @model_validator(mode="after")
    def they_take_turns(self) -> Self:
        """Refuse two turns of one side in a row, and one that ends with the human's."""
        said = [turn.sender for turn in self.conversations if turn.sender != "system"]
        expected = ["human", "gpt"] * ((len(said) + 1) // 2)
        if said != expected:
            raise fault("conversations", ", ".join(said), "human and gpt in turns, gpt last")
        return self
