"""Reads the documentation that Python modules carry, in a process of its own.

`rankmill.corpora.pydoc` runs this file as a script, because modules print, warn and change global
state when they are imported. It needs the standard library only. Its one argument holds the
arguments of `scan` as JSON, and it writes one JSON object a line.
"""

import enum
import functools
import inspect
import itertools
import json
import os
import pkgutil
import pydoc
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pydoc_data import topics

# Tests, demos and jokes; windows that need a display; modules kept for old programs only; and what
# `os` and `os.path` are made of.
_SKIPPED_MODULES = {
    *("__main__", "antigravity", "conftest", "distutils", "idlelib", "imp", "lib2to3", "nt"),
    *("ntpath", "nturl2path", "posix", "posixpath", "setup", "test", "tests", "this", "tkinter"),
    *("turtle", "turtledemo"),
}
# Hundreds of generated tables, which document nothing.
_SKIPPED_SUBMODULES = {"encodings", "pydoc_data"}
_SAYS_NOTHING = re.compile(r"(Alias for field number|\W*deprecated\b|this \w+ is deprecated)", re.I)
_HEADING = re.compile(r"\s*(.+)\n[*=~^\"-]{3,}\n+")
_LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One documented thing: a module, class, function, method, attribute or language topic.

    Attributes:
        package: The top-level module it belongs to; "python" for a topic.
    """

    docid: str
    title: str
    text: str
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unimportable:
    """A module that this Python cannot import, and why."""

    docid: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A thing and one of the names it goes by.

    Attributes:
        home: The public module or class that the name is looked up in.
        takes_self: Whether the first parameter is filled in by the thing it is called on.
    """

    home: str
    name: str
    value: object
    takes_self: bool = False

    @property
    def docid(self) -> str:
        """The dotted name, without `builtins`."""
        return self.name if self.home == "builtins" else f"{self.home}.{self.name}"

    @property
    def rank(self) -> tuple[bool, int, bool, int, str]:
        """Sorts the name that people use first: no alias, shallow, at home, short."""
        alias = _text_of(self.value, "__name__", self.name) != self.name
        away = _text_of(self.value, "__module__", self.home) != self.home
        depth, length, docid = _familiarity(self.docid)
        return alias, depth, away, length, docid


def scan(packages: Iterable[str], *, standard: bool) -> Iterator[Entry | Unimportable]:
    """Yield the modules that failed, then everything public and documented, each thing once.

    Shallow and short names come first: of two things with the same words, people know that one.
    """
    roots = {"os.path", *sys.stdlib_module_names} - _SKIPPED_MODULES if standard else set()
    modules: dict[str, types.ModuleType] = {}
    for root in sorted(roots | set(packages)):
        for name, module in _modules(root):
            if isinstance(module, types.ModuleType):
                modules[name] = module
            else:
                yield Unimportable(docid=name, reason=module)
    found = [_entry(f"module:{n}", module, title=f"{n} module") for n, module in modules.items()]
    found += [_entry(t.docid, t.value, signature=_signature(t)) for t in _things(modules)]
    if standard:
        found += [_topic(name, text) for name, text in topics.topics.items()]
    yield from sorted(filter(None, found), key=lambda entry: _familiarity(entry.docid))


def _attribute(value: object, name: str, default: object = None) -> object:
    """Like `getattr`, but never asks an object's own `__getattr__`: some answer anything."""
    there = inspect.getattr_static(value, name, None) is not None
    return getattr(value, name, default) if there else default


def _text_of(value: object, name: str, default: str) -> str:
    found = _attribute(value, name, default)
    return found if isinstance(found, str) else default


def _export(module: types.ModuleType, name: str) -> object:
    """What a module gives under a name; many packages import it only now, and may fail."""
    try:
        return getattr(module, name, None)
    except (ImportError, RuntimeError):
        return None


def _familiarity(docid: str) -> tuple[int, int, str]:
    return docid.count("."), len(docid), docid


def _modules(name: str) -> Iterator[tuple[str, types.ModuleType | str]]:
    """A module and all public ones below it, or why one cannot be imported."""
    if name.rpartition(".")[2].startswith("_"):
        return
    try:
        pydoc.safeimport(name)
    except pydoc.ErrorDuringImport as error:
        yield name, f"{error.exc.__name__}: {error.value}"  # type: ignore[union-attr]
        return
    module = sys.modules.get(name)
    if module is None:
        yield name, "there is no such module on this machine"
        return
    yield name, module
    if name not in _SKIPPED_SUBMODULES:
        for below in pkgutil.iter_modules(getattr(module, "__path__", ())):
            if below.name not in _SKIPPED_MODULES:
                yield from _modules(f"{name}.{below.name}")


def _things(modules: Mapping[str, types.ModuleType]) -> Iterator[Named]:
    """What modules hold, each under its best name, and then what their classes hold."""
    best: dict[int, Named] = {}
    for name, module in modules.items():
        for named in _contents(name, module):
            identity = id(_attribute(named.value, "__func__", named.value))
            if identity not in best or named.rank < best[identity].rank:
                best[identity] = named
    seen = set(best)
    waiting = sorted(best.values(), key=lambda named: named.rank, reverse=True)
    while waiting:
        named = waiting.pop()
        yield named
        if isinstance(named.value, type):
            members = {id(raw): member for raw, member in _members(named.docid, named.value)}
            waiting += [member for key, member in members.items() if key not in seen]
            seen |= set(members)


def _contents(name: str, module: types.ModuleType) -> Iterator[Named]:
    """The public things of a module: those it lists, else those made in it or its package."""
    listed = getattr(module, "__all__", None)
    for thing in list(listed or vars(module)):
        value = _export(module, thing)
        home = _text_of(value, "__module__", "")
        ours = home.startswith("_") or home.split(".")[0] == name.split(".")[0]
        if (listed or ours) and not thing.startswith("_") and not inspect.ismodule(value):
            yield Named(home=name, name=thing, value=value)


def _members(home: str, owner: type) -> Iterator[tuple[object, Named]]:
    """What a class defines or takes from private bases; with the object that defines it."""
    found: dict[str, tuple[type, object]] = {}
    for kind in [owner, *itertools.takewhile(_hidden, owner.__mro__[1:])]:
        for name, value in vars(kind).items():
            found.setdefault(name, (kind, value))
    for name, (kind, value) in found.items():
        if not name.startswith("_"):
            yield from _member(Named(home=home, name=name, value=value), kind)


def _member(raw: Named, owner: type) -> Iterator[tuple[object, Named]]:
    """A thing as it stands in a class, as a reader meets it; nothing if it is only data."""
    value = raw.value
    match value:
        case classmethod() | types.ClassMethodDescriptorType() | staticmethod():
            bound = replace(raw, value=getattr(owner, raw.name))
            yield _attribute(value, "__func__", value), bound
        case type() if value.__qualname__ != f"{owner.__qualname__}.{raw.name}":
            return
        case type() | property() | functools.cached_property():
            yield value, raw
        case _ if inspect.isroutine(value) or inspect.isdatadescriptor(value):
            yield value, replace(raw, takes_self=True)


def _hidden(base: type) -> bool:
    return base.__name__.startswith("_") or base.__module__.startswith("_")


def _entry(docid: str, value: object, *, title: str = "", signature: str = "") -> Entry | None:
    """Document a thing, if it has words of its own."""
    name = docid.rpartition(".")[2]
    text = _words(value)
    if not text or re.fullmatch(rf"{name}\(.*\)", text):  # made up for a named tuple or dataclass
        return None
    call = re.match(rf"(?:\w+\.)*{name}(\(.*\).*)\n\n\s*", text)
    if call:
        text, signature = text[call.end() :], signature or call[1]
    if len(signature) > _LONGEST:
        end = max(signature.rfind(", ", 0, _LONGEST), 1)
        signature = f"{signature[:end]}, ...)"
    package = docid.removeprefix("module:").partition(".")[0]
    return Entry(docid=docid, title=title or docid + signature, text=text, package=package)


def _words(value: object) -> str:
    """A thing's own documentation, and of a class also its constructor's; may be empty."""
    docs = [_doc(value)]
    if isinstance(value, type) and inspect.isfunction(init := vars(value).get("__init__")):
        docs.append(_doc(init))
    return "\n\n".join(doc for doc in docs if doc)


def _doc(value: object) -> str:
    doc = _text_of(value, "__doc__", "")
    if not doc or _SAYS_NOTHING.match(doc):
        return ""
    if doc == type(value).__doc__ or typing.get_origin(value):
        return ""  # a constant or an alias: the words are its type's
    return inspect.cleandoc(doc)


def _topic(name: str, text: str) -> Entry:
    heading = _HEADING.match(text)
    title, body = (heading[1], text[heading.end() :]) if heading else (name, text)
    return Entry(docid=f"topic:{name}", title=title, text=body, package="python")


class _Shown(str):
    """A default value as a reader wants it."""

    def __repr__(self) -> str:
        return str(self)


def _signature(named: Named) -> str:
    """How to call a thing, without annotations; empty when it cannot be known or says nothing."""
    if not callable(named.value):
        return ""
    try:
        signature = inspect.signature(named.value)
        parameters = [
            p.replace(annotation=p.empty, default=_shown(p.default))
            for p in list(signature.parameters.values())[named.takes_self :]
        ]
        signature = signature.replace(parameters=parameters, return_annotation=signature.empty)
    except (ValueError, TypeError, AttributeError, NameError, RuntimeError):
        return ""
    if all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return "" if parameters or isinstance(named.value, type) else "()"
    return str(signature)


def _shown(default: object) -> object:
    """A default's own name, where its `repr` would be a description or hold an address."""
    if default is inspect.Parameter.empty:
        return default
    if isinstance(default, enum.Enum):
        return _Shown(f"{type(default).__name__}.{default.name}")
    if isinstance(default, type):
        return _Shown(default.__name__)
    text = repr(default)
    return _Shown("..." if "<" in text and ">" in text else text)


def main() -> None:
    """Write what `scan` finds to the standard output; what modules print goes elsewhere."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        for found in scan(**json.loads(sys.argv[1])):
            out.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    main()
