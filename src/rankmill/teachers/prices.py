"""What a teacher's tokens cost: by its own fields, the user's table, or the package's."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Annotated, Protocol, Self

from pydantic import BeforeValidator, Field, ValidationError

from rankmill.errors import ConfigError
from rankmill.spec import Spec
from rankmill.teachers.openai import OpenAI

_MILLION = 1_000_000


class Counts(Protocol):
    """Tokens that were counted."""

    @property
    def tokens_in(self) -> int:
        """Tokens of prompts."""
        ...

    @property
    def tokens_cached(self) -> int:
        """Those of them that the teacher took from its prefix cache."""
        ...

    @property
    def tokens_out(self) -> int:
        """Generated tokens."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money for a million tokens: of prompt, of prompt that was cached, and generated."""

    price_in: float
    price_cached: float
    price_out: float

    def of(self, counts: Counts) -> float:
        """What so many tokens cost."""
        fresh = counts.tokens_in - counts.tokens_cached
        spent_in = fresh * self.price_in + counts.tokens_cached * self.price_cached
        return (spent_in + counts.tokens_out * self.price_out) / _MILLION


FREE = Price(price_in=0.0, price_cached=0.0, price_out=0.0)
"""Nobody sends a bill for the tokens of a model that runs on this machine."""


def _several(given: object) -> object:
    return (given,) if isinstance(given, str) else given


class Entry(Spec):
    """What some models cost, per million tokens.

    Attributes:
        model: Names, in which * and ? stand for any characters and any one.
        price_in: Tokens of prompt.
        price_cached: Those that the server had in its cache; as any other, unless given.
        price_out: Generated tokens.
        batch: The share of these prices that a batch costs.
        read: When the vendor's price list said so.
    """

    model: Annotated[tuple[str, ...], BeforeValidator(_several)] = Field(min_length=1)
    price_in: float = Field(ge=0, allow_inf_nan=False)
    price_cached: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price_out: float = Field(ge=0, allow_inf_nan=False)
    batch: float = Field(default=1.0, gt=0, le=1)
    read: date | None = None

    def fits(self, model: str) -> bool:
        """Whether a model is one of these."""
        return any(fnmatchcase(model, pattern) for pattern in self.model)


class PriceList(Spec):
    """Entries, the first that fits a model counts."""

    prices: tuple[Entry, ...] = ()

    @classmethod
    def load(cls, mine: Path | None = None) -> Self:
        """The user's entries, if there is a file of them, and then the package's.

        Raises:
            ConfigError: The file is missing, is not TOML, or has an unknown key or a wrong value.
        """
        shipped = resources.files("rankmill.teachers").joinpath("prices.toml")
        ours = cls._read(shipped.read_text(encoding="utf-8"), "prices.toml")
        if mine is None:
            return ours
        try:
            text = mine.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"RANKMILL_PRICES: {mine}: cannot be read: {error}") from error
        theirs = cls._read(text, f"RANKMILL_PRICES: {mine}")
        return cls(prices=theirs.prices + ours.prices)

    @classmethod
    def _read(cls, text: str, name: str) -> Self:
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{name}: expected a TOML file: {error}") from error
        except ValidationError as error:
            faults = (
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
            )
            raise ConfigError(f"{name}: {'; '.join(faults)}") from error

    def price_of(self, teacher: object) -> Price | None:
        """What a teacher's tokens cost; None when that is not known.

        Args:
            teacher: A teacher's spec. Its own prices come first, and one that runs on this machine
                is `FREE`.
        """
        if not isinstance(teacher, OpenAI):
            return FREE
        entry = next((one for one in self.prices if one.fits(teacher.model)), None)
        known = [one for one in (teacher, entry) if one]
        price_in = _first(one.price_in for one in known)
        price_out = _first(one.price_out for one in known)
        if price_in is None or price_out is None:
            return None
        cached = _first(price for one in known for price in (one.price_cached, one.price_in))
        share = entry.batch if entry and teacher.batch and teacher.price_in is None else 1.0
        return Price(
            price_in=share * price_in,
            price_cached=share * (price_in if cached is None else cached),
            price_out=share * price_out,
        )


def _first(prices: Iterable[float | None]) -> float | None:
    return next((price for price in prices if price is not None), None)
