"""One object that says everything a dataset depends on, but for secrets and machines."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from rankmill.assemble import Assembly
from rankmill.corpora import Corpus, Passages
from rankmill.errors import ConfigError
from rankmill.export import Scale
from rankmill.generate import FewShot, QueryRules
from rankmill.label import View
from rankmill.publish import Gate
from rankmill.retrieve import Retrieval
from rankmill.sampling import DUQGen
from rankmill.settle import Settle
from rankmill.space import Embedder, SphericalKMeans, Splits
from rankmill.spec import Machine, Spec
from rankmill.teachers import Budget, Teacher
from rankmill.teachers.engine import Need


class Limits(Spec):
    """Largest share of rows that a stage may reject before the build stops, per stage."""

    ingest: float = Field(default=0.95, ge=0, le=1)
    generate: float = Field(default=0.8, ge=0, le=1)
    retrieve: float = Field(default=0.5, ge=0, le=1)
    label: float = Field(default=0.5, ge=0, le=1)
    settle: float = Field(default=0.8, ge=0, le=1)


class Recipe(Spec):
    """Everything a dataset depends on; the stages read it in the order of its fields."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    corpus: Corpus
    passages: Passages = Passages()
    embed: Embedder
    cluster: SphericalKMeans = SphericalKMeans()
    splits: Splits = Splits()
    sample: DUQGen
    teachers: dict[str, Teacher] = Field(min_length=1)
    generate: FewShot
    queries: QueryRules = QueryRules()
    retrieve: Retrieval = Retrieval()
    views: tuple[View, ...] = Field(min_length=1)
    settle: Settle = Settle()
    assemble: Assembly = Assembly()
    limits: Limits = Limits()
    budget: Budget = Machine(Budget())
    gate: Gate = Machine(Gate())

    @model_validator(mode="after")
    def names_are_known(self) -> Self:
        """Refuse a teacher or a view that the recipe does not define."""
        views = [view.name for view in self.views]
        if repeated := {name for name in views if views.count(name) > 1}:
            raise ValueError(f"views repeat the name {sorted(repeated)}")
        users = {"generate": self.generate.teacher}
        users |= {f"views.{view.name}": view.teacher for view in self.views}
        for where, teacher in users.items():
            if teacher not in self.teachers:
                known = ", ".join(self.teachers)
                raise ValueError(f"{where}: no teacher {teacher}; the recipe defines {known}")
        if unknown := (self.settle.reads | set(self.settle.weights)) - set(views):
            raise ValueError(f"settle names views {sorted(unknown)}; the recipe defines {views}")
        scoring = {view.name for view in self.views if view.strategy.score_kind}
        if silent := self.settle.scores - scoring:
            raise ValueError(f"settle reads scores of {sorted(silent)}, which only rank")
        if not any(map(self.settle.weight, views)):
            raise ValueError("settle.weights leaves no view in the consensus")
        return self

    @model_validator(mode="after")
    def cascades_are_two_deep(self) -> Self:
        """Refuse a view that waits for one that waits itself, or is not there."""
        first = [view.name for view in self.views if not view.where]
        for view in self.views:
            if view.where and (unknown := set(view.where.views) - set(first)):
                raise ValueError(
                    f"views.{view.name}.where names {sorted(unknown)}; expected views that wait "
                    f"for no other: {', '.join(first) or 'there is none'}"
                )
            readings = sum(v.most_trials for v in self.views if v.name in _waits_for(view))
            if readings == 1:
                raise ValueError(
                    f"views.{view.name}.where: one reading agrees with itself; name several views, "
                    "or one with several trials"
                )
            if view.where and view.name in self.settle.reads:
                raise ValueError(
                    f"settle reads {view.name}, which is not asked about every list; filters and "
                    "grades need views without where"
                )
        return self

    @model_validator(mode="after")
    def lists_fit(self) -> Self:
        """Refuse lists that are longer than a strategy can label."""
        docids = [str(place) for place in range(self.retrieve.depth)]
        for view in self.views:
            try:
                next(view.strategy.plan(docids), ())
            except ValueError as error:
                raise ValueError(f"views.{view.name}: retrieve.depth of {error}") from error
        return self

    @model_validator(mode="after")
    def exports_fit(self) -> Self:
        """Refuse an export that could do nothing with such labels, or only harm."""
        voting = [view for view in self.views if self.settle.weight(view.name)]
        least = max(1, sum(not view.where for view in voting))  # the others see some lists only
        kinds = {self.settle.score_kind(many) for many in (least, len(voting))}
        best = self.settle.grades.best
        scale = Scale(score_kind=" or ".join(sorted(kinds)), best_grade=best)
        names = [view.name for view in self.views]
        for export in self.assemble.exports:
            if unknown := sorted(set(export.reads) - set(names)):
                raise ValueError(
                    f"assemble.exports.{export.folder} names views {unknown}; the recipe defines "
                    f"{names}"
                )
            if reason := export.refusal(scale):
                raise ValueError(f"assemble.exports.{export.folder}: {reason}")
        return self

    @property
    def needs(self) -> dict[str, dict[str, Need]]:
        """What every use of a teacher needs of it, by teacher and by what the use is called."""
        needs: dict[str, dict[str, Need]] = {self.generate.teacher: {"generate": "text"}}
        for view in self.views:
            needs.setdefault(view.teacher, {})[view.name] = view.strategy.needs
        return needs

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
            _set(values, override)
        try:
            return cls.model_validate(values, context={"base": path.resolve().parent})
        except ValidationError as error:
            lines = "; ".join(_explain(cls, detail, values) for detail in _faults(error))
            raise ConfigError(f"{path}: {lines}") from error


def _waits_for(view: View) -> tuple[str, ...]:
    return view.where.views if view.where else ()


def _set(values: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    *parents, last = keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set {override}: expected KEY=VALUE, such as sample.documents=100")
    place: Any = values
    for key in parents:
        place = _child(place, key, override)
    value = _toml(text.strip())
    if isinstance(place, list):
        place[_index(place, last, override)] = value
    else:
        place[last] = value


def _child(place: Any, key: str, override: str) -> Any:  # noqa: ANN401 - a TOML value
    if isinstance(place, list):
        return place[_index(place, key, override)]
    child = place.setdefault(key, {})
    if not isinstance(child, dict | list):
        raise ConfigError(f"--set {override}: {key} is a value, not a table: {child!r}")
    return child


def _index(items: list[Any], key: str, override: str) -> int:
    """A place in a list of tables: a number, or the `name` of one of them."""
    names = [item.get("name") for item in items if isinstance(item, dict)]
    if key in names:
        return names.index(key)
    if key.isdecimal() and int(key) < len(items):
        return int(key)
    known = [name for name in names if name] or f"0 to {len(items) - 1}"
    raise ConfigError(f"--set {override}: no item {key}; expected one of {known}")


def _toml(text: str) -> Any:  # noqa: ANN401 - a TOML value
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _faults(error: ValidationError) -> list[ErrorDetails]:
    """What is wrong, without what a number would lack to be a table, or a table to be a number."""
    faults = error.errors()
    places = [fault["loc"][:-1] for fault in faults]
    return [
        fault
        for fault in faults
        if fault["type"] not in {"model_type", "int_type"} or places.count(fault["loc"][:-1]) == 1
    ]


def _explain(root: type[Spec], error: ErrorDetails, values: Any) -> str:  # noqa: ANN401 - TOML
    """One clause for one fault: where, what was found, what was expected."""
    where = list(_written(error["loc"], values))
    if error["type"] == "extra_forbidden":
        known = sorted(_fields(root, error["loc"][:-1]))
        near = difflib.get_close_matches(where[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
        return f"unknown key {'.'.join(where)}; {hint}"
    if error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        return f"{'.'.join(where)}: {_kinds(error)}"
    if error["type"] == "missing":
        return f"missing key {'.'.join(where)}"
    message = error["msg"].removeprefix("Value error, ")
    found = error["input"]
    # An address may hold a password, and where a key's name belongs somebody may put the key.
    secret = any("endpoint" in part or part == "api_key_env" for part in where)
    plain = isinstance(found, str | int | float | bool) and not secret
    shown = f", found {found!r}" if plain else ""
    return f"{'.'.join(where)}: {message}{shown}" if where else message


def _written(location: Sequence[int | str], values: Any) -> Iterator[str]:  # noqa: ANN401 - TOML
    """A place as the recipe has it, without the kinds that pydantic puts in between."""
    for part in location:
        is_kind = isinstance(values, dict) and part not in values and part == values.get("kind")
        if is_kind or str(part).startswith("constrained-"):
            continue
        inside = isinstance(values, dict) and part in values
        listed = isinstance(values, list) and isinstance(part, int) and part < len(values)
        values = values[part] if inside or listed else None
        yield str(part)


def _kinds(error: ErrorDetails) -> str:
    context: Mapping[str, Any] = error.get("ctx", {})
    if "tag" not in context:
        return "missing key kind"
    known = context["expected_tags"].replace("'", "").split(", ")
    near = difflib.get_close_matches(str(context["tag"]), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"unknown kind {context['tag']!r}; expected one of {', '.join(known)}{hint}"


def _fields(root: type[Spec], location: Sequence[int | str]) -> set[str]:
    """Keys allowed where an error was found, following field names and kinds down the specs."""
    specs = {root}
    for part in location:
        inner = {
            found
            for spec in specs
            for name, field in spec.model_fields.items()
            if name == part
            for found in _specs(field.annotation)
        }
        tagged = {s for s in specs if (k := s.model_fields.get("kind")) and k.default == part}
        specs = inner or tagged or specs
    return {name for spec in specs for name in spec.model_fields}


def _specs(annotation: Any) -> Iterator[type[Spec]]:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        yield annotation
    for argument in get_args(annotation):
        yield from _specs(argument)
