"""The gate stops each of its cases, one by one, and lets a clean dataset pass."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankmill.assemble.files import write_manifest
from rankmill.errors import GateClosed, TableError
from rankmill.publish import Gate
from rankmill.publish.card import with_reasons
from rankmill.publish.gate import inspect
from rankmill.publish.licences import limits_of
from rankmill.publish.publish import refuse
from rankmill.publish.spec import RULES


def failed(findings):
    return [finding.rule for finding in findings if not finding.passed]


def of(findings, rule):
    return next(finding for finding in findings if finding.rule == rule)


def test_a_clean_dataset_passes_every_rule(dataset):
    findings = inspect(dataset.path, Gate())
    assert failed(findings) == []
    assert {finding.rule for finding in findings} == {"digests", *RULES}
    assert of(findings, "lists").found == "10"
    assert of(findings, "tau").found == "0.650 on average over 8 lists"
    assert of(findings, "malformed").found == "0 of 10 readings (0.00%)"
    assert of(findings, "references").found == "0 of 144 ids lead nowhere"


@pytest.mark.parametrize(
    ("licence", "kind", "way"),
    [
        ("CC-BY-NC-4.0", "noncommercial", {"noncommercial": True}),
        ("CC BY-ND 4.0", "noderivatives", {"noderivatives": True}),
        (
            "CC-BY-NC-ND-4.0",
            "noderivatives and noncommercial",
            {"noncommercial": True, "noderivatives": True},
        ),
        ("()", "unlicensed", {"unlicensed": True}),
        ("( and é", "unlicensed", {"unlicensed": True}),
        (None, "unlicensed", {"unlicensed": True}),
        ("ask the editor", "unlicensed", {"licences": ("ask the editor",)}),
        ("LicenseRef-scancode-proprietary-license", "forbidding", None),
    ],
)
def test_a_licence_that_forbids_it_stops_it(dataset, licence, kind, way):
    dataset.change("corpus", "test", licence=pl.lit(licence, dtype=pl.String))
    findings = inspect(dataset.path, Gate())
    assert failed(findings) == ["licences"]
    found = of(findings, "licences")
    assert f"{licence or 'not stated'}: 7 documents, {kind}" in found.found
    assert "cc-by-4.0: 7 documents, open" in found.found
    assert found.rows[0] == f"corpus/test row 0 (test-d0) is {kind}"
    assert found.more == 4
    allowed = Gate(**way) if way else Gate(noncommercial=True, noderivatives=True, unlicensed=True)
    assert failed(inspect(dataset.path, allowed)) == ([] if way else ["licences"])


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "apache-2.0",
        "CC0-1.0",
        "CC0",
        "mit-or-cc-by-nc-4.0",
        "CC-BY-SA-3.0",
        "GFDL-1.3-or-later",
        "MIT OR CC-BY-NC-4.0",
    ],
)
def test_a_licence_that_lets_anyone_pass_it_on_is_open(dataset, licence):
    dataset.change("corpus", "test", licence=pl.lit(licence))
    assert failed(inspect(dataset.path, Gate())) == []


def test_the_licence_of_the_card_counts_too(dataset):
    card = dataset.path / "README.md"
    text = card.read_text().replace("license: cc-by-4.0", "license: other\nlicense_name: hands off")
    card.write_text(text)
    write_manifest(dataset.path)
    findings = inspect(dataset.path, Gate())
    assert failed(findings) == ["licences"]
    assert of(findings, "licences").rows == ("README.md license: hands off",)


@pytest.mark.parametrize("way", ["noncommercial", "noderivatives", "unlicensed"])
def test_every_limit_of_a_licence_is_to_be_waved(dataset, way):
    dataset.change("corpus", "test", licence=pl.lit("CC-BY-NC-ND-4.0"))
    assert failed(inspect(dataset.path, Gate(**{way: True}))) == ["licences"]


@pytest.mark.parametrize(
    ("licence", "limits"),
    [
        ("MIT AND CC-BY-NC-4.0 AND CC-BY-ND-4.0", {"noncommercial", "noderivatives"}),
        ("CC-BY-NC-ND-4.0 OR CC-BY-NC-4.0", {"noncommercial"}),
        ("CC-BY-NC-4.0 OR nobody-knows", {"unlicensed"}),
        ("(MIT OR Apache-2.0) AND CC-BY-NC-4.0", {"noncommercial"}),
        ("mit-or-apache-2.0-and-cc-by-nc-4.0", {"unlicensed"}),  # who knows where the brackets were
        ("gpl-3.0-or-later-and-mit", set()),
    ],
)
def test_licences_that_are_joined_have_the_limits_of_all_or_of_the_one_with_the_least(
    licence, limits
):
    assert limits_of(licence) == limits


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("()+-:/mit andorwith0.é"), max_size=20))
def test_whatever_a_licence_is_called_it_has_limits_or_none(licence):
    assert limits_of(licence) <= {"noncommercial", "noderivatives", "unlicensed", "forbidding"}


def test_a_licence_that_the_card_names_is_allowed_as_the_corpus_words_it(dataset):
    card = dataset.path / "README.md"
    other = "license: other\nlicense_name: ask-the-editor"
    card.write_text(card.read_text().replace("license: cc-by-4.0", other))
    write_manifest(dataset.path)
    assert failed(inspect(dataset.path, Gate())) == ["licences"]
    assert failed(inspect(dataset.path, Gate(licences=("Ask the editor!",)))) == []
    assert failed(inspect(dataset.path, Gate(licences=("!",)))) == ["licences"]


def test_contamination_that_nobody_looked_for_is_not_said_to_be_none(dataset):
    found = of(inspect(dataset.path, Gate()), "contamination")
    assert found.passed
    assert found.found == "not looked for: assemble.evaluation names no collection"
    write_manifest(dataset.path, {"evaluation": [{"name": "nfcorpus"}]})
    assert of(inspect(dataset.path, Gate()), "contamination").found == "0 rows"


@pytest.mark.parametrize("said", [[1], [{}], 3])
def test_a_manifest_that_says_something_else_of_evaluation_is_refused(dataset, said):
    write_manifest(dataset.path, {"evaluation": said})
    with pytest.raises(TableError, match=r"MANIFEST\.json: expected names in evaluation"):
        inspect(dataset.path, Gate())


def test_contamination_stops_it_and_names_the_collection(dataset):
    row = {"collection": "nfcorpus", "what": "query", "id": "train-q1"}
    touched = pl.DataFrame([{**row, "rule": "same_text", "detail": ""}] * 2)
    dataset.write("contamination", "found", touched)
    findings = inspect(dataset.path, Gate())
    assert failed(findings) == ["contamination"]
    assert of(findings, "contamination").rows[0] == (
        "contamination/found row 0 (train-q1) a query of nfcorpus (same_text)"
    )
    assert failed(inspect(dataset.path, Gate(contamination=2))) == []


def test_too_few_lists_stop_it(dataset):
    assert failed(inspect(dataset.path, Gate(lists=10))) == []
    assert failed(inspect(dataset.path, Gate(lists=11))) == ["lists"]


def test_low_agreement_stops_it_and_names_the_lists_that_agree_least(dataset):
    findings = inspect(dataset.path, Gate(tau=0.66, view_tau=0.59))
    assert failed(findings) == ["tau"]
    assert of(findings, "tau").rows == (
        "lists/test row 0 (test-q0) 0.500",
        "lists/train row 0 (train-q0) 0.500",
        "lists/test row 1 (test-q1) 0.600",
    )
    assert failed(inspect(dataset.path, Gate(view_tau=0.61))) == ["view_tau"]


def test_agreement_that_nobody_measured_is_not_low(dataset):
    for split in ("train", "test"):
        dataset.change("lists", split, difficulty=pl.lit(None, dtype=pl.Float64))
    found = of(inspect(dataset.path, Gate(tau=1)), "tau")
    assert (found.passed, found.found) == (True, "not measured")


def test_a_share_of_malformed_readings_stops_it(dataset):
    odd = pl.when(pl.col("qid") == "test-q3").then(pl.lit("malformed")).otherwise("status")
    dataset.change("judgments", "test", status=odd)
    assert failed(inspect(dataset.path, Gate(malformed=0.1))) == []
    findings = inspect(dataset.path, Gate(malformed=0.09))
    assert failed(findings) == ["malformed"]
    assert of(findings, "malformed").found == "1 of 10 readings (10.00%)"
    assert of(findings, "malformed").rows == ("judgments/test row 3 (test-q3) is malformed",)


@pytest.mark.parametrize(
    ("config", "column", "value", "words"),
    [
        ("lists", "docids", ["train-d0", "nowhere"], "docids nowhere is not in corpus"),
        ("lists", "qid", "nobody", "qid nobody is not in queries"),
        ("queries", "source_docid", "nowhere", "source_docid nowhere is not in corpus"),
        ("judgments", "shown", ["nowhere"], "shown nowhere is not in corpus"),
        ("lists", "document_ids", ["train-d1", "nowhere"], "document_ids nowhere is not in corpus"),
        ("lists", "document_id", "nowhere", "document_id nowhere is not in corpus"),
        ("lists", "corpus-ids", ["nowhere"], "corpus-ids nowhere is not in corpus"),
        ("lists", "initial_list", ["nowhere"], "initial_list nowhere is not in corpus"),
        ("lists", "final_list", ["nowhere"], "final_list nowhere is not in corpus"),
        ("lists", "relevant_docids", ["nowhere"], "relevant_docids nowhere is not in corpus"),
        ("lists", "query_id", "nobody", "query_id nobody is not in queries"),
        ("lists", "extra", {"of": {"docids": ["nowhere"]}}, "docids nowhere is not in corpus"),
    ],
)
def test_an_id_that_leads_nowhere_stops_it(dataset, config, column, value, words):
    dataset.change(config, "train", **{column: pl.Series([value] * 5)})
    findings = inspect(dataset.path, Gate())
    assert failed(findings) == ["references"]
    assert of(findings, "references").rows[0].endswith(words)
    assert of(findings, "references").more == 2


def test_without_a_corpus_no_id_leads_anywhere(dataset):
    for split in ("train", "test"):
        (dataset.path / "corpus" / f"{split}.parquet").unlink()
    assert failed(inspect(dataset.sealed().path, Gate())) == ["references"]


def damaged(path, how):
    match how:
        case "changed":
            path.write_bytes(path.read_bytes()[:-1] + b"!")
        case "shorter":
            path.write_bytes(path.read_bytes()[:-1])
        case "gone":
            path.unlink()


@pytest.mark.parametrize(
    ("how", "words"),
    [("changed", "has another SHA-256"), ("shorter", "bytes, expected"), ("gone", "is missing")],
)
def test_a_damaged_folder_is_refused_by_the_name_of_the_file_whatever_the_reason(
    dataset, how, words
):
    damaged(dataset.path / "queries" / "train.parquet", how)
    (finding,) = inspect(dataset.path, Gate())
    assert (finding.rule, finding.passed) == ("digests", False)
    assert finding.rows[0].startswith("queries/train.parquet ")
    assert words in finding.rows[0]
    with pytest.raises(GateClosed, match=r"queries/train\.parquet"):
        refuse([finding], {"digests": "never mind"})


def test_a_file_that_nobody_listed_is_damage(dataset):
    (dataset.path / "notes.txt").write_text("mine")
    (finding,) = inspect(dataset.path, Gate())
    assert finding.rows == ("notes.txt is not in MANIFEST.json",)


@pytest.mark.parametrize("text", [None, "{", "[]", '{"files": {"a": 1}}'])
def test_a_folder_without_a_manifest_is_no_dataset(dataset, text):
    manifest = dataset.path / "MANIFEST.json"
    manifest.unlink() if text is None else manifest.write_text(text)
    with pytest.raises(TableError, match=r"MANIFEST\.json"):
        inspect(dataset.path, Gate())


def test_a_reason_goes_into_the_card_and_the_manifest_follows_it(dataset):
    dataset.change("corpus", "test", licence=pl.lit(None, dtype=pl.String))
    findings = inspect(dataset.path, Gate())
    reasons = {"licences": "our own | <b>texts</b>", "secrets": "there are none"}
    replaced = with_reasons(dataset.path, findings, reasons)
    card = replaced["README.md"].decode()
    assert card.startswith((dataset.path / "README.md").read_text().rstrip())
    assert r"our own \| \<b\>texts\</b\>" in card
    assert "`secrets`" not in card  # it passed, so there is nothing to be said
    assert card.count("## Published all the same") == 1
    listed = json.loads(replaced["MANIFEST.json"])["files"]["README.md"]
    assert listed["bytes"] == len(replaced["README.md"])
    refuse(findings, reasons)


def test_the_same_reason_twice_changes_nothing(dataset):
    dataset.change("corpus", "test", licence=pl.lit(None, dtype=pl.String))
    reasons = {"licences": "our own texts"}
    once = with_reasons(dataset.path, inspect(dataset.path, Gate()), reasons)
    for path, body in once.items():
        (dataset.path / path).write_bytes(body)
    assert with_reasons(dataset.path, inspect(dataset.path, Gate()), reasons) == once


def test_without_a_failure_no_reason_changes_the_card(dataset):
    assert with_reasons(dataset.path, inspect(dataset.path, Gate()), {"tau": "why not"}) == {}
