"""One object that says everything a dataset depends on, but for secrets and machines."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import ValidationError, model_validator

from rankmill.errors import ConfigError
from rankmill.overrides import set_value
from rankmill.recipe_faults import explain, faults
from rankmill.recipe_rules import check_sections
from rankmill.recipe_sections import Sections


class Recipe(Sections):
    """Everything a dataset depends on, read from one TOML file."""

    @model_validator(mode="after")
    def sections_go_together(self) -> Self:
        """Refuse what no build could do."""
        check_sections(self)
        return self

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """Read a TOML file; its stem is the name of the dataset unless it says another.

        Args:
            path: The file.
            overrides: Texts such as `sample.documents=50`, applied before anything is checked. What
                stands right of the equals sign is TOML, or else a plain string.

        Raises:
            ConfigError: The file is missing or is not TOML, or has an unknown key or a value out
                of range; names the file, the key, what was found and what was expected.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ConfigError(f"{path}: no such recipe") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise ConfigError(f"{path}: expected a TOML file: {error}") from error
        values.setdefault("name", path.stem)
        for override in overrides:
            set_value(values, override)
        try:
            return cls.model_validate(values, context={"base": path.resolve().parent})
        except ValidationError as error:
            lines = "; ".join(explain(cls, detail, values) for detail in faults(error))
            changed = ", ".join(override.partition("=")[0] for override in overrides)
            where = f"{path}, changed by --set {changed}" if changed else path
            raise ConfigError(f"{where}: {lines}") from error
