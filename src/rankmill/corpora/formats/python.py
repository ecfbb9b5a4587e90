"""The definitions of a Python program."""

import ast
import warnings
from collections.abc import Iterator
from platform import python_version

from rankmill.corpora.formats.code import Definition
from rankmill.corpora.formats.parsed import Unreadable

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_outline(text: str) -> Iterator[Definition]:
    """Functions and classes, but those inside functions; imports of the module.

    Raises:
        Unreadable: This Python cannot parse the text.
    """
    lines = text.split("\n")
    waiting: list[ast.AST] = [_tree(text)]
    while waiting:
        node = waiting.pop()
        for below in ast.iter_child_nodes(node):
            if isinstance(below, ast.ClassDef | _Function):
                first = min((mark.lineno for mark in below.decorator_list), default=below.lineno)
                first = _with_comments(lines, first - 1)
                yield Definition(name=below.name, first=first, end=below.end_lineno or first + 1)
            elif isinstance(below, ast.Import | ast.ImportFrom) and isinstance(node, ast.Module):
                end = below.end_lineno or below.lineno
                yield Definition(name="", first=below.lineno - 1, end=end)
            if not isinstance(below, _Function | ast.expr):
                waiting.append(below)


def _tree(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes and comparisons in somebody's code
            return ast.parse(text)
    except SyntaxError as error:
        where = f" in line {error.lineno}" if error.lineno else ""
        reason = f"no Python {python_version()}: {error.msg}{where}"
        raise Unreadable("broken", reason) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable("broken", f"cannot be parsed: {error}") from error


def _with_comments(lines: list[str], first: int) -> int:
    """The first of the comment lines that stand directly above a line, or that line."""
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return first
