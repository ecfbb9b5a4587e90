"""The bar, as a test. Lower a number only with a reason in the pull request."""

import ast
from pathlib import Path

import pytest

from rankmill.recipe import Recipe
from rankmill.spec import Spec

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "rankmill"
LINKS = {PACKAGE / name for name in ("flows", "prompts", "recipes")}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not LINKS & set(path.parents)) + sorted(
    (ROOT / "flows").glob("*.py")
)
MODULE, CLASS, FUNCTION, PARAMETERS = 300, 150, 40, 6
HEAVY = {
    *("bm25s", "datasets", "faiss", "llama_cpp", "openai", "prefect", "sentence_transformers"),
    *("scipy", "torch", "transformers", "vllm", "huggingface_hub", "pyarrow"),
}
MAY_IMPORT_WHEN_LOADED = {
    *("_attention.py", "_llama_cpp.py", "generate.py", "publish.py"),
}
ORDER = ["errors", "records", "spec", "tables", "recipe", "build", "stages", "line", "cli"]


def lines(node):
    return node.end_lineno - node.lineno + 1


def imports(path, *, everywhere):
    """Modules that a file imports: at its top, or anywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def broad(handler):
    """Whether a handler hides faults that nobody thought of; one that raises them on hides none."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {ast.unparse(kind) for kind in caught if kind}
    hides = not isinstance(handler.body[-1], ast.Raise)
    return not names or "Exception" in names or ("BaseException" in names and hides)


def is_command(function):
    """Whether a function's parameters are the options of a command."""
    return any(".command" in ast.unparse(decorator) for decorator in function.decorator_list)


def parts(path):
    """What a module's place in the repository is called, folder by folder."""
    return set(path.relative_to(ROOT).with_suffix("").parts)


def named(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_is_small_and_says_what_it_does(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert ast.get_docstring(tree), "no module docstring"
    assert source.count("\n") <= MODULE
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            assert lines(node) <= CLASS, node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert lines(node) <= FUNCTION, f"{node.name}: {lines(node)} lines"
            named_arguments = [*node.args.args, *node.args.kwonlyargs]
            own = [a for a in named_arguments if a.arg not in {"self", "cls"}]
            assert len(own) <= PARAMETERS or is_command(node), node.name
        if isinstance(node, ast.ExceptHandler):
            assert not broad(node), f"line {node.lineno}: a broad except"


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_heavy_libraries_are_imported_where_they_are_used(path):
    found = {name.split(".")[0] for name in imports(path, everywhere=False)} & HEAVY
    assert not found or path.name in MAY_IMPORT_WHEN_LOADED, found


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_prefect_is_known_to_the_flows_alone(path):
    found = {name.split(".")[0] for name in imports(path, everywhere=True)}
    assert "prefect" not in found or path.parent.name == "flows"


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_models_are_spoken_to_by_teachers_and_embedders_alone(path):
    found = {name.split(".")[0] for name in imports(path, everywhere=True)}
    assert not found & {"openai", "llama_cpp", "vllm"} or path.parent.name in {"teachers", "space"}


@pytest.mark.parametrize("place", range(len(ORDER)), ids=ORDER)
def test_imports_never_go_backwards(place):
    mine = [path for path in MODULES if ORDER[place] in parts(path)]
    assert mine
    found = {name for path in mine for name in imports(path, everywhere=True)}
    later = set(ORDER[place + 1 :])
    assert not {name for name in found if later & set(name.split(".")[1:2])}


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_methods_know_nothing_of_the_line_they_stand_in(path):
    above = {"stages", "line", "cli", "flows"}
    found = {word for name in imports(path, everywhere=True) for word in name.split(".")[1:2]}
    assert not found & above or (above | {"__main__"}) & parts(path)


def test_no_spec_looks_like_a_mapping():
    """Prefect makes a dict of what has `keys`, and would take a spec apart."""
    assert issubclass(Recipe, Spec)  # and with it every spec that a recipe may hold is there
    specs, mappings = [Spec], list[type]()
    while specs:
        spec = specs.pop()
        specs += spec.__subclasses__()
        mappings += [spec] if hasattr(spec, "keys") else []
    assert mappings == []
