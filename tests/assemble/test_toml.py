import tomllib

from hypothesis import given
from hypothesis import strategies as st

from rankmill.assemble.toml import dumps

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_what_is_written_reads_back_the_same(values):
    assert tomllib.loads(dumps(values)) == values


def test_a_recipe_reads_as_a_person_would_write_it():
    recipe = {
        "corpus": {"kind": "pydoc", "licence": None},
        "name": "tiny",
        "teachers": {"local": {"kind": "llama_cpp", "n": 1e-05}},
        "views": [{"name": "a", "strategy": {"kind": "listwise"}}, {"name": "b", "on": True}],
        "filters": [],
    }
    assert dumps(recipe) == (
        'name = "tiny"\n'
        "filters = []\n"
        "\n[corpus]\n"
        'kind = "pydoc"\n'
        "\n[teachers.local]\n"
        'kind = "llama_cpp"\n'
        "n = 1e-05\n"
        "\n[[views]]\n"
        'name = "a"\n'
        "\n[views.strategy]\n"
        'kind = "listwise"\n'
        "\n[[views]]\n"
        'name = "b"\n'
        "on = true\n"
    )


def test_nulls_are_left_out_wherever_they_stand():
    values = {"a": None, "b": [1, None], "c": [[{"d": None}]], "e": {"f": None}}
    assert tomllib.loads(dumps(values)) == {"b": [1], "c": [[{}]], "e": {}}
