"""The definitions of programs in languages for which there is a tree-sitter grammar."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rankmill.corpora.formats.code import Definition
from rankmill.corpora.formats.parsed import package

_LAMBDAS = {"arrow_function", "function_expression", "function", "generator_function"}
_WRAPPERS = {"template_declaration", "export_statement"}
_BEFORE = {"comment", "line_comment", "block_comment", "attribute_item", "decorator"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What a grammar calls a definition.

    Attributes:
        module: The package that holds the grammar.
        leaves: Nodes that are one definition, whatever they hold.
        containers: Nodes that are a definition and may hold others.
        imports: Nodes that are left out.
        grammar: The function of `module` that returns the grammar.
    """

    module: str
    leaves: frozenset[str]
    containers: frozenset[str] = field(default_factory=frozenset)
    imports: frozenset[str] = field(default_factory=frozenset)
    grammar: str = "language"

    def outline(self, text: str) -> Iterator[Definition]:
        """Definitions with the comments directly above them; a broken program has some, too.

        Raises:
            CorpusError: tree-sitter or the grammar is not installed.
        """
        sitter = package("tree_sitter", "source code")
        grammar = package(self.module, "source code")
        parser = sitter.Parser(sitter.Language(getattr(grammar, self.grammar)()))
        waiting = [parser.parse(text.encode("utf-8", "replace")).root_node]
        while waiting:
            node = waiting.pop()
            if node.type in self.imports:
                yield _definition("", node)
                continue
            name = self._name(node)
            if name:
                yield _definition(name, self._outermost(node))
            if not name or node.type in self.containers:
                waiting += node.named_children

    def _name(self, node: Any) -> str:  # noqa: ANN401 - tree-sitter comes with an extra
        """What a node defines; empty if it is no definition."""
        if node.type not in self.leaves | self.containers:
            return ""
        value = node.child_by_field_name("value")
        if node.type == "variable_declarator" and (value is None or value.type not in _LAMBDAS):
            return ""
        if node.type.endswith("_specifier") and node.child_by_field_name("body") is None:
            return ""
        named = node.child_by_field_name("name") or _declared(node)
        if named is None and node.type == "impl_item":
            named = node.child_by_field_name("type")
        return "" if named is None else " ".join(named.text.decode().split())

    def _outermost(self, node: Any) -> Any:  # noqa: ANN401 - as above
        """The statement that is nothing but this definition."""
        around = node.parent
        while around is not None and around.parent is not None:
            begins_here = around.start_point[0] == node.start_point[0]
            if around.type not in _WRAPPERS and (not begins_here or around.type in self.containers):
                break
            node, around = around, around.parent
        return node


def _declared(node: Any) -> Any:  # noqa: ANN401 - as above
    """The name inside C's declarators; of a declaration only where it declares a function."""
    found, function = node.child_by_field_name("declarator"), False
    while found is not None and (inner := found.child_by_field_name("declarator")) is not None:
        function |= found.type == "function_declarator"
        found = inner
    return None if node.type == "declaration" and not function else found


def _definition(name: str, node: Any) -> Definition:  # noqa: ANN401 - as above
    first, end = node.start_point[0], _end(node)
    before = node.prev_named_sibling
    while before is not None and before.type in _BEFORE and _end(before) >= first:
        if before.prev_named_sibling is not None and _shares_a_line(before):
            break
        first = before.start_point[0]
        before = before.prev_named_sibling
    return Definition(name=name, first=first, end=end)


def _shares_a_line(comment: Any) -> bool:  # noqa: ANN401 - as above
    """Whether a comment stands at the end of another statement's line."""
    return bool(comment.start_point[0] == comment.prev_named_sibling.end_point[0]) and bool(
        comment.prev_named_sibling.end_point[1]
    )


def _end(node: Any) -> int:  # noqa: ANN401 - as above
    """One past the last line of a node; some grammars count the line's end as part of it."""
    row, column = node.end_point
    return int(row + (column > 0))


def _language(
    module: str, leaves: str, containers: str = "", imports: str = "", grammar: str = "language"
) -> Language:
    return Language(
        module=f"tree_sitter_{module}",
        leaves=frozenset(leaves.split()),
        containers=frozenset(containers.split()),
        imports=frozenset(imports.split()),
        grammar=grammar,
    )


_C = "function_definition declaration type_definition enum_specifier union_specifier"
_JAVASCRIPT = (
    "function_declaration generator_function_declaration method_definition variable_declarator"
)
_TYPESCRIPT = (
    f"{_JAVASCRIPT} function_signature interface_declaration type_alias_declaration "
    "enum_declaration",
    "class_declaration abstract_class_declaration internal_module module",
    "import_statement",
)
LANGUAGES = {
    "c": _language("c", f"{_C} struct_specifier", imports="preproc_include"),
    "cpp": _language(
        "cpp",
        f"{_C} alias_declaration",
        "class_specifier struct_specifier namespace_definition",
        "preproc_include using_declaration",
    ),
    "csharp": _language(
        "c_sharp",
        "method_declaration constructor_declaration enum_declaration delegate_declaration",
        "class_declaration struct_declaration interface_declaration record_declaration "
        "namespace_declaration",
        "using_directive",
    ),
    "go": _language(
        "go",
        "function_declaration method_declaration type_spec",
        imports="import_declaration package_clause",
    ),
    "java": _language(
        "java",
        "method_declaration constructor_declaration",
        "class_declaration interface_declaration enum_declaration record_declaration",
        "import_declaration package_declaration",
    ),
    "javascript": _language("javascript", _JAVASCRIPT, "class_declaration", "import_statement"),
    "php": _language(
        "php",
        "function_definition method_declaration",
        "class_declaration interface_declaration trait_declaration enum_declaration",
        "namespace_use_declaration php_tag",
        "language_php",
    ),
    "ruby": _language("ruby", "method singleton_method", "class module"),
    "rust": _language(
        "rust",
        "function_item function_signature_item struct_item enum_item union_item macro_definition",
        "impl_item trait_item mod_item",
        "use_declaration extern_crate_declaration",
    ),
    "tsx": _language("typescript", *_TYPESCRIPT, "language_tsx"),
    "typescript": _language("typescript", *_TYPESCRIPT, "language_typescript"),
}
"""The languages that can be cut, by the name that a recipe uses."""
