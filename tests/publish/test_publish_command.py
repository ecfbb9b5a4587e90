"""`rankmill publish` against the hub: what it shows, what it sends, and what it does twice."""

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from hub_emulator import READER, STRANGER, WRITER
from rankmill.assemble.files import write_manifest
from rankmill.cli import app
from rankmill.errors import PublishError
from rankmill.publish.faults import said as fault_said
from rankmill.recipe import Recipe

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture
def publish(dataset):
    """The command, on the clean dataset."""

    def run(*words, repo="org/tea"):
        return CliRunner().invoke(app, ["publish", str(dataset.path), "--repo", repo, *words])

    return run


def held(hub, repo, revision="main"):
    """SHA-256 by path of what a revision holds, less the hub's own file."""
    return {
        path: entry.sha256 or hashlib.sha256(entry.body).hexdigest()
        for path, entry in repo.files(revision).items()
        if path != ".gitattributes"
    }


def here(dataset):
    return {
        path.relative_to(dataset.path).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in dataset.path.rglob("*")
        if path.is_file()
    }


def test_a_dry_run_shows_what_would_go_where_and_sends_nothing_but_gets(hub, publish):
    done = publish()
    assert done.exit_code == 0, done.output
    assert {method for method, _ in hub.requests} == {"GET"}
    assert hub.repos == {}
    for words in (
        f"repository  {hub.url}/datasets/org/tea (new, private)",
        "revision    main",
        "tag         v1",
        "13 added",
        "corpus/train.parquet",
        "README.md",
        "MANIFEST.json",
        "dry run: nothing was sent; --yes sends it",
    ):
        assert words in done.stdout


def test_what_is_published_is_what_is_here_digest_by_digest(hub, publish, dataset):
    done = publish("--yes")
    assert done.exit_code == 0, done.output
    repo = hub.repo()
    assert held(hub, repo) == here(dataset)
    assert repo.private
    assert repo.history() == ["Publish v1", "initial commit"]
    assert repo.tags == {"v1": repo.resolve("main")}


def test_a_second_publication_of_the_same_bytes_does_nothing(hub, publish):
    publish("--yes")
    before = len(hub.requests)
    again = publish("--yes")
    assert again.exit_code == 0, again.output
    assert "there already" in again.stdout
    assert {method for method, _ in hub.requests[before:]} == {"GET"}
    assert (len(hub.repo().commits), list(hub.repo().tags)) == (2, ["v1"])


def test_what_changed_is_sent_and_what_is_gone_is_deleted(hub, publish, dataset):
    publish("--yes")
    sent = len(hub.wholes)
    (dataset.path / "listwise" / "test.parquet").unlink()
    dataset.change("queries", "test", text=pl.lit("how hot"))
    shown = publish()
    assert "0 added (0 bytes), 3 changed" in shown.stdout
    assert "1 deleted" in shown.stdout
    done = publish("--yes")
    assert done.exit_code == 0, done.output
    repo = hub.repo()
    assert held(hub, repo) == here(dataset)
    assert len(hub.wholes) == sent + 1
    assert repo.history() == ["Publish v2", "Publish v1", "initial commit"]
    assert list(repo.tags) == ["v1", "v2"]
    assert repo.tags["v1"] != repo.tags["v2"] == repo.resolve("main")


def test_a_tag_that_is_there_is_never_moved(hub, publish, dataset):
    publish("--yes", "--tag", "2026.1")
    at = hub.repo().tags["2026.1"]
    dataset.change("queries", "test", text=pl.lit("how hot"))
    before = len(hub.requests)
    done = publish("--yes", "--tag", "2026.1")
    assert done.exit_code == 10
    assert f"tag 2026.1 is at {at[:7]} already, and a tag is never moved" in done.stderr
    assert {method for method, _ in hub.requests[before:]} == {"GET"}
    assert hub.repo().tags == {"2026.1": at}


def test_the_same_bytes_can_have_a_second_name_that_is_asked_for(hub, publish):
    publish("--yes")
    assert publish("--yes", "--tag", "paper").exit_code == 0
    repo = hub.repo()
    assert repo.tags == {"v1": repo.resolve("main"), "paper": repo.resolve("main")}
    assert len(repo.commits) == 2


def test_the_next_version_follows_the_highest(hub, publish):
    repo = hub.add("org/tea")
    repo.tags |= dict.fromkeys(("v2", "v10", "vault"), "0" * 40)
    assert "tag         v11" in publish().stdout


def test_public_is_said_or_it_is_private(hub, publish):
    assert "(new, public)" in publish("--public").stdout
    assert publish("--yes", "--public").exit_code == 0
    assert not hub.repo().private
    silent = publish("--yes")
    assert silent.exit_code == 10
    assert "org/tea is public; say --public if that is meant" in silent.stderr
    assert publish("--yes", "--public").exit_code == 0


def test_a_private_repository_stays_private(hub, publish):
    publish("--yes")
    done = publish("--yes", "--public")
    assert "It stays private" in done.stdout
    assert hub.repo().private


def test_another_branch_is_made_from_main_and_gets_the_commit(hub, publish, dataset):
    publish("--yes")
    dataset.change("queries", "test", text=pl.lit("how hot"))
    assert "revision    next (new)" in publish("--revision", "next").stdout
    done = publish("--yes", "--revision", "next")
    assert done.exit_code == 0, done.output
    repo = hub.repo()
    assert held(hub, repo, "next") == here(dataset)
    assert repo.history("next") == ["Publish v2", "Publish v1", "initial commit"]
    assert repo.history() == ["Publish v1", "initial commit"]
    assert repo.tags["v2"] == repo.resolve("next")


def test_a_branch_for_bytes_that_are_tagged_already_is_only_a_branch(hub, publish):
    publish("--yes")
    done = publish("--yes", "--revision", "next")
    assert done.exit_code == 0, done.output
    repo = hub.repo()
    assert repo.resolve("next") == repo.resolve("main")
    assert (len(repo.commits), list(repo.tags)) == (2, ["v1"])


def test_a_tag_is_no_branch(hub, publish):
    publish("--yes")
    done = publish("--yes", "--revision", "v1")
    assert (done.exit_code, "v1 is no branch that can be written to" in done.stderr) == (10, True)


def test_a_pull_request_proposes_once_and_tags_nothing(hub, publish, dataset):
    publish("--yes")
    dataset.change("queries", "test", text=pl.lit("how hot"))
    done = publish("--yes", "--pull-request")
    assert done.exit_code == 0, done.output
    assert "pull request refs/pr/1" in done.stdout
    repo = hub.repo()
    assert held(hub, repo, "refs/pr/1") == here(dataset)
    assert repo.history() == ["Publish v1", "initial commit"]
    again = publish("--yes", "--pull-request")
    assert "pull request refs/pr/1" in again.stdout
    assert "there already" in again.stdout
    assert (len(repo.pulls), list(repo.tags)) == (1, ["v1"])
    dataset.change("queries", "test", text=pl.lit("how sweet"))
    onto = publish("--yes", "--revision", "refs/pr/1")
    assert onto.exit_code == 0, onto.output
    assert held(hub, repo, "refs/pr/1") == here(dataset)
    repo.branches["main"] = repo.branches["refs/pr/1"]  # somebody accepts it
    merged = publish("--yes")
    assert merged.exit_code == 0, merged.output
    assert repo.tags["v2"] == repo.resolve("main")
    assert len(repo.commits) == 4


def test_a_pull_request_needs_a_repository(hub, publish):
    done = publish("--yes", "--pull-request")
    assert (done.exit_code, "no such repository to propose" in done.stderr) == (10, True)
    assert hub.repos == {}


def test_nothing_goes_when_the_gate_fails_and_a_reason_lets_it(hub, publish, dataset):
    dataset.change("corpus", "test", licence=pl.lit(None, dtype=pl.String))
    for words in ((), ("--yes",)):
        done = publish(*words)
        assert done.exit_code == 11
        assert "nothing was sent: licences" in done.stderr
        assert "corpus/test row 0 (test-d0) is unlicensed" in done.stderr
    assert {method for method, _ in hub.requests} == {"GET"}
    allowed = publish("--yes", "--allow", 'licences="our own texts"')
    assert allowed.exit_code == 0, allowed.output
    card = hub.repo().files()["README.md"].body.decode()
    assert "| `licences` |" in card
    assert "| our own texts |" in card
    manifest = json.loads(hub.repo().files()["MANIFEST.json"].body)
    assert manifest["files"]["README.md"]["sha256"] == hashlib.sha256(card.encode()).hexdigest()
    again = publish("--yes", "--allow", 'licences="our own texts"')
    assert "there already" in again.stdout
    assert len(hub.repo().commits) == 2


def test_a_damaged_folder_never_reaches_the_hub(hub, publish, dataset):
    (dataset.path / "queries" / "test.parquet").write_bytes(b"PAR1")
    done = publish("--yes", "--allow", "digests=who cares")
    assert done.exit_code == 2  # no reason lets this pass
    done = publish("--yes")
    assert done.exit_code == 11
    assert "queries/test.parquet" in done.stderr
    assert hub.requests == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--allow", "licenses=mine"), "--allow licenses: expected a rule of secrets, emails"),
        (("--allow", "licences"), 'expected licences="a reason"'),
        (("--tag", "a b"), "--tag a b: expected a tag's name"),
        (("--tag", "v9", "--pull-request"), "--tag v9: expected a tag's name, and no pull request"),
        (("--pull-request", "--revision", "next"), "found --revision next"),
        (("--revision", "a b"), "--revision 'a b': expected the name of a branch"),
        (("--revision", "a..b"), "expected the name of a branch"),
        (("--revision", "next/"), "expected the name of a branch"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(hub, publish, words, said):
    done = publish("--yes", *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert hub.requests == []


@pytest.mark.parametrize("name", ["tea", "models/org/tea", "org/tea--x", "or g/tea", "org/tea.git"])
def test_a_name_that_is_none_is_refused(hub, publish, name):
    done = publish(repo=name)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"error: --repo {name}: ")


def test_a_model_of_that_name_is_not_taken_for_a_dataset(hub, publish):
    hub.add("org/tea", "model")
    done = publish("--yes")
    assert done.exit_code == 10
    assert "org/tea is a model, expected a dataset" in done.stderr
    assert publish("--yes", repo="datasets/org/tea").exit_code == 0


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "no token; set HF_TOKEN, or run `hf auth login`"),
        ("hf_nobodys", "the hub does not know this token"),
        (READER, "the token may not do that"),
        (STRANGER, "the token may not do that"),
    ],
)
def test_who_may_not_is_told_so_in_one_line_without_the_token(
    hub, publish, monkeypatch, token, said
):
    monkeypatch.delenv("HF_TOKEN")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    done = publish("--yes")
    assert done.exit_code == 10
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not token or token not in done.output
    assert hub.repos == {}


def test_a_reader_may_look_but_not_write(hub, publish, monkeypatch, dataset):
    publish("--yes")
    dataset.change("queries", "test", text=pl.lit("how hot"))
    monkeypatch.setenv("HF_TOKEN", READER)
    assert publish().exit_code == 0
    done = publish("--yes")
    assert (done.exit_code, "the token may not do that" in done.stderr) == (10, True)
    assert len(hub.repo().commits) == 2


def test_a_token_is_never_said_even_if_the_hub_says_it(hub, publish):
    hub.fail("GET", "whoami", status=418)
    hub.words = f"I do not like {WRITER}"
    done = publish("--yes")
    assert done.exit_code == 10
    assert WRITER not in done.output
    assert "I do not like ***" in done.stderr


@pytest.mark.parametrize("raised", [RuntimeError, OSError, ValueError, ConnectionError])
@pytest.mark.parametrize("place", [0, 290, 296])
def test_a_token_is_never_said_whole_or_cut_whatever_is_raised(monkeypatch, raised, place):
    monkeypatch.setenv("HF_TOKEN", "Zq7" * 12)
    with pytest.raises(PublishError) as caught, fault_said("org/tea"):
        raise raised("." * place + "Zq7" * 12) from ValueError("Zq7" * 12)
    assert "Zq7" not in str(caught.value)
    assert "*" in str(caught.value)


@pytest.mark.parametrize(
    ("front", "code"),
    [
        ("license: psf-2.0", 10),
        ("license: other\nlicense_name: PSF 2.0", 10),
        ("license: other\nlicense_name: psf-2.0", 0),
    ],
)
def test_the_hub_takes_no_card_with_a_licence_that_it_has_no_id_for(
    hub, publish, dataset, front, code
):
    card = dataset.path / "README.md"
    card.write_text(card.read_text().replace("license: cc-by-4.0", front))
    write_manifest(dataset.path)
    done = publish("--yes")
    assert done.exit_code == code, done.output
    assert ("Invalid metadata in README.md" in done.stderr) == bool(code)
    assert len(hub.repo().commits) == (1 if code else 2)


def test_a_hub_without_xet_is_told_from_one_that_does_not_answer(hub, publish, monkeypatch):
    pytest.importorskip("hf_xet")
    monkeypatch.delenv("HF_HUB_DISABLE_XET")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    done = publish("--yes")
    assert done.exit_code == 10
    assert "takes no files by Xet; set HF_HUB_DISABLE_XET=1" in done.stderr
    assert len(hub.repo().commits) == 1  # the one that made it


def test_without_a_network_one_line_says_where_nobody_answered(hub, publish, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    done = publish()
    assert done.exit_code == 10
    assert "http://127.0.0.1:9 cannot be reached" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["tea", "{data}/builds/tea", "{data}/builds/tea/dataset"])
def test_a_build_brings_the_gate_of_its_recipe(hub, dataset, tmp_path, name):
    build = tmp_path / "data" / "builds" / "tea"
    build.mkdir(parents=True)
    dataset.path.rename(build / "dataset")
    recipe = Recipe.load(RECIPES / "quickstart.toml", ["gate.lists=11"])
    values = {"name": "tea", "recipe": recipe.model_dump(mode="json"), "stages": {}}
    (build / "manifest.json").write_text(json.dumps(values))
    data = str(tmp_path / "data")
    words = ["publish", name.format(data=data), "--repo", "org/tea", "--data", data]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 11
    assert "lists: 10, expected at least 11" in done.stderr
    assert "default gate" not in done.stdout


def test_a_folder_in_no_build_is_told_that_the_default_gate_is_used(hub, publish, dataset):
    said = f"{dataset.path} is in no build: the default gate is used, for no recipe sets one"
    assert said in publish().stdout


def test_a_build_without_a_dataset_and_no_build_are_two_errors(hub, tmp_path):
    build = tmp_path / "builds" / "tea"
    build.mkdir(parents=True)
    (build / "manifest.json").write_text('{"name": "tea", "stages": {}}')
    words = ["--repo", "org/tea", "--data", str(tmp_path)]
    done = CliRunner().invoke(app, ["publish", "tea", *words])
    assert (done.exit_code, "no dataset yet; run rankmill build first" in done.stderr) == (2, True)
    done = CliRunner().invoke(app, ["publish", "coffee", *words])
    assert (done.exit_code, "no build coffee" in done.stderr) == (2, True)


def test_the_gate_changes_nothing_that_a_dataset_depends_on():
    plain = Recipe.load(RECIPES / "quickstart.toml")
    strict = Recipe.load(RECIPES / "quickstart.toml", ["gate.emails=0"])
    assert strict.gate.emails == 0
    assert strict.fingerprint == plain.fingerprint
