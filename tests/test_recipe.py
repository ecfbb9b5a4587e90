from pathlib import Path

import pytest

from rankmill.errors import ConfigError
from rankmill.label.pointwise import Pointwise
from rankmill.recipe import Recipe
from rankmill.spec import MACHINE, Spec

QUICKSTART = Path(__file__).parents[1] / "recipes" / "quickstart.toml"
SMALL = """
corpus = { kind = "jsonl", path = "corpus.jsonl" }
embed = { kind = "sentence_transformers" }
sample = { documents = 10 }
generate = { teacher = "t", prompt = "queries/search" }

[teachers.t]
kind = "openai"
model = "m"
endpoints = ["http://127.0.0.1:1/v1"]

[[views]]
name = "yes"
strategy = { kind = "pointwise" }
teacher = "t"
prompt = "labels/relevance"

[[settle.filters]]
kind = "self_consistency"
view = "yes"
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def test_a_recipe_arrives_as_ready_objects_and_takes_its_files_name(small):
    recipe = Recipe.load(small)
    assert recipe.name == "small"
    assert recipe.views[0].strategy == Pointwise()
    assert recipe.needs == {"t": {"generate": "text", "yes": "top_logprobs"}}


def test_every_recipe_of_the_package_is_valid():
    for path in QUICKSTART.parent.glob("*.toml"):
        assert Recipe.load(path).name == path.stem


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("sample.documents=25", lambda r: r.sample.documents == 25),
        ("name=other", lambda r: r.name == "other"),
        ('name="quoted"', lambda r: r.name == "quoted"),
        ("views.yes.teacher=t", lambda r: r.views[0].teacher == "t"),
        ("views.0.excerpt=99", lambda r: r.views[0].excerpt == 99),
        ("settle.filters=[]", lambda r: r.settle.filters == ()),
        ("settle.weights.yes=2", lambda r: r.settle.weights == {"yes": 2.0}),
        ("cluster={clusters = 5}", lambda r: r.cluster.clusters == 5),
        ("retrieve.bm25.b = 0.7", lambda r: r.retrieve.bm25.b == 0.7),
        ("assemble.exports=pairs", lambda r: [e.kind for e in r.assemble.exports] == ["pairs"]),
        ('assemble.exports=["pairs", {for="infonce"}]', lambda r: len(r.assemble.exports) == 2),
    ],
)
def test_a_value_can_be_set_from_outside(small, override, expected):
    assert expected(Recipe.load(small, [override]))


def test_later_overrides_win(small):
    assert Recipe.load(small, ["sample.documents=1", "sample.documents=2"]).sample.documents == 2


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("sample.documnets=3", r"unknown key sample\.documnets; did you mean documents\?"),
        ("sampel={documents=3}", r"unknown key sampel; did you mean sample\?"),
        ("corpus.pth=x", r"unknown key corpus\.pth; did you mean path\?"),
        ("views.yes.trails=3", r"unknown key views\.0\.trails; did you mean trials\?"),
        ("views.yes.strategy.min_mas=0", r"min_mas; did you mean min_mass\?"),
        ("settle.filters.0.ta=1", r"unknown key settle\.filters\.0\.ta"),
        (
            "corpus.kind=jsonlines",
            r"unknown kind 'jsonlines'; did you mean jsonl\? expected one of .*beir",
        ),
        ("views.yes.trials=0", r"views\.0\.trials: .*greater than or equal to 1, found 0"),
        ("sample.documents=many", r"sample\.documents: .*integer.*found 'many'"),
        ("generate.teacher=u", r"generate: no teacher u; the recipe defines t"),
        ("views.yes.teacher=u", r"views\.yes: no teacher u"),
        ("settle.filters.0.view=no", r"settle names views \['no'\]; the recipe defines \['yes'\]"),
        ("assemble.exports=[{kind='lipo',views=['no']}]", r"lipo names views \['no'\]"),
        ("settle.weights.yes=0", r"leaves no view in the consensus"),
        ("splits.train=0.5", r"should be 1, found 0.7"),
        ("views.maybe.trials=3", r"no item maybe; expected one of \['yes'\]"),
        ("name.x=3", r"--set name\.x=3: name is a value, not a table"),
        ("documents", r"--set documents: expected KEY=VALUE"),
        ("=3", r"--set =3: expected KEY=VALUE"),
        ("views.yes.trials=3", r"3 trials of yes would ask the same question"),
        ("settle.filters.0={kind='cross_view',order='source',relevant='yes',top=1}", "order is"),
        ("settle.grades={kind='cuts',view='no',cuts=[1.0]}", r"settle names views \['no'\]"),
        ('curate.language={keep=["xx"]}', r"keep.*'xx' names no language; expected a BCP 47"),
        ('queries.screens=[{kind="language", among=["xx"]}]', r"'xx' is no language .* ace, af,"),
        (
            'queries.screens=[{kind="standalone", language="tlh"}]',
            r"no phrases of 'tlh'; .* en, de",
        ),
        ('generate={kind="grid", teacher="t", langs={xx=1}}', r"langs: 'xx' names no language"),
        (
            'generate={kind="grid", teacher="t", words={kinds={nonsense="no"}}}',
            r"words\.kinds: nonsense is not asked for; found kinds: question, keyword",
        ),
        ('curate.decontaminate={documents="remove"}', r"remove needs assemble\.evaluation"),
        ("views=[]", r"views: .*at least 1 item"),
        (
            'assemble.exports=["listwize"]',
            r"exports\.0: unknown kind 'listwize'; did you mean listwise\?",
        ),
        ('assemble.exports=[{for="lamdaloss"}]', r"exports: nothing is for .* mean lambdaloss\?"),
        ('assemble.exports=[{for="mnrl", negatives=3000000}]', r"less than or equal to 1000"),
        ("views.yes.where={views=['yes']}", r"views\.yes\.where names \['yes'\]; expected views"),
        ("views.yes.trials={start=9,cap=3}", r"cap 3 must be at least start 9"),
        ("views.yes.strategy={kind='setwize'}", r"did you mean setwise\?"),
        ("views.yes.strategy={kind='pairwise',bye='heapsort'}", r"bye; did you mean by\?"),
        ("views.yes.strategy={kind='sliding_window',size=5}", "stride 10 must be smaller"),
    ],
)
def test_a_mistake_is_refused_in_one_line_that_names_it(small, override, fault):
    with pytest.raises(ConfigError, match=fault) as caught:
        Recipe.load(small, [override])
    assert "\n" not in str(caught.value)


def test_a_mistake_of_the_command_line_is_not_put_on_the_file_alone(small):
    with pytest.raises(ConfigError, match=r"\.toml, changed by --set sample\.documents: sample"):
        Recipe.load(small, ["sample.documents=many"])


def test_a_missing_key_is_named_with_the_file(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text(SMALL.replace("sample = { documents = 10 }", ""))
    with pytest.raises(ConfigError, match=r"r\.toml: missing key sample"):
        Recipe.load(path)


def test_an_address_with_a_password_is_refused_and_not_repeated(small):
    secret = 'teachers.t.endpoints=["http://me:hunter2@host/v1"]'
    with pytest.raises(ConfigError, match="credentials") as caught:
        Recipe.load(small, [secret])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"a = \n", "expected a TOML file"), (b'a = "\xff"', "expected a TOML file")],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path, content, fault):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=fault):
        Recipe.load(path)


def test_a_missing_recipe_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no such recipe"):
        Recipe.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="expected a TOML file"):
        Recipe.load(tmp_path)


def test_machine_fields_are_no_part_of_the_identity(small):
    before = Recipe.load(small).fingerprint
    machine = [
        "teachers.t.concurrency=99",
        'teachers.t.endpoints=["http://elsewhere/v1"]',
        "teachers.t.price_in=3",
        "corpus.path=moved.jsonl",
        "embed.batch=7",
    ]
    for override in machine:
        assert Recipe.load(small, [override]).fingerprint == before, override


def changed(value):
    """Some other value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}x"
    return None


def specs_of(spec):
    yield spec
    for name in type(spec).model_fields:
        value = getattr(spec, name)
        for part in value if isinstance(value, tuple) else [value]:
            if isinstance(part, Spec):
                yield from specs_of(part)


def test_every_other_field_is(small):
    looked_at = 0
    for spec in specs_of(Recipe.load(small)):
        for name, field in type(spec).model_fields.items():
            other = changed(getattr(spec, name))
            if other is None:
                continue
            copy = spec.model_copy(update={name: other})
            is_machine = field.json_schema_extra == MACHINE
            assert (copy.fingerprint == spec.fingerprint) == is_machine, (spec, name)
            looked_at += 1
    assert looked_at > 40


def test_a_cascade_that_one_reading_decides_is_refused(small):
    dear = '{name="dear",strategy={kind="listwise"},teacher="t",prompt="p",where={views=["yes"]}}'
    yes = '{name="yes",strategy={kind="pointwise"},teacher="t",prompt="p"}'
    with pytest.raises(ConfigError, match=r"views\.dear\.where: one reading agrees with itself"):
        Recipe.load(small, [f"views=[{yes},{dear}]"])


def test_a_list_longer_than_a_strategy_can_label_is_refused(small):
    letters = "views.yes.strategy={kind='first_token'}"
    with pytest.raises(ConfigError, match=r"views\.yes: retrieve\.depth of 30 documents, but 26"):
        Recipe.load(small, [letters, "retrieve.depth=30"])


def test_lists_whose_scores_are_of_two_kinds_serve_no_loss_that_measures(small):
    more = '{name="more",strategy={kind="graded"},teacher="t",prompt="p"'
    yes = '{name="yes",strategy={kind="pointwise"},teacher="t",prompt="p"}'
    two = '{name="two",strategy={kind="pointwise"},teacher="t",prompt="r"}'
    rules = [
        'settle={rule={kind="mrr"},fusion={kind="mean_score"},weights={two=0}}',
        'assemble.exports=[{for="marginmse"}]',
    ]
    alone = [f"views=[{yes},{two},{more}}}]", *rules]
    assert Recipe.load(small, alone).assemble.exports
    cascade = [f'views=[{yes},{two},{more},where={{views=["yes","two"]}}}}]', *rules]
    with pytest.raises(ConfigError, match="scores of mean_score or mrr order documents"):
        Recipe.load(small, cascade)
