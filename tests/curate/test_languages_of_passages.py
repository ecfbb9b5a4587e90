import json

import pytest
from pydantic import ValidationError

from rankmill.curate import Languages
from rankmill.curate.language import IDENTIFIED, _identifier, language_of
from rankmill.records import Document, Rejection

TEXTS = {
    "en": "The rudder is the part of a ship that turns it to the left or to the right.",
    "de": "Das Ruder ist der Teil eines Schiffes, der es nach links oder rechts dreht.",
    "fr": "Le gouvernail est la partie d'un navire qui le fait tourner à gauche ou à droite.",
    "zh": "舵是船上用来改变方向的部分并且通常装在船尾的水下。",
    "ar": "الدفة هي الجزء من السفينة الذي يديرها إلى اليمين أو إلى اليسار.",
    "he": "ההגה הוא החלק בספינה שמפנה אותה ימינה או שמאלה.",
}


def picked(document, **how):
    (found,) = Languages(**how).pick([document])
    return found


@pytest.mark.parametrize("lang", TEXTS)
def test_a_passage_gets_its_language_where_the_source_says_nothing(lang):
    assert picked(Document(docid="d", text=TEXTS[lang])).lang == lang


def test_what_the_source_says_stands():
    assert picked(Document(docid="d", text=TEXTS["de"], lang="nds")).lang == "nds"


def test_other_languages_are_rejected_with_the_language_and_how_sure_that_is():
    found = picked(Document(docid="d", text=TEXTS["fr"]), keep=("en", "de"))
    assert (found.id, found.rule) == ("d", "language")
    assert found.detail == "fr (confidence 1.00), expected en or de"


def test_what_the_source_says_is_rejected_in_its_name():
    found = picked(Document(docid="d", text="x", lang="fr-CA"), keep=("en",))
    assert found.detail == "fr-CA (says its source), expected en"


@pytest.mark.parametrize(("lang", "keep"), [("en-GB", "en"), ("en", "en-US"), ("PT_br", "pt")])
def test_regions_and_case_do_not_matter(lang, keep):
    assert isinstance(picked(Document(docid="d", text="x", lang=lang), keep=(keep,)), Document)


@pytest.mark.parametrize("text", ["12345 67 89", "", "{}[]();", "E. I."])
def test_a_text_whose_language_cannot_be_told_is_kept_without_one(text):
    assert picked(Document(docid="d", text=text), keep=("fr",)).lang is None


def test_how_sure_is_sure_enough_is_a_setting():
    sure = language_of(TEXTS["de"])[1]
    above = min(1.0, sure + 1e-9)
    assert picked(Document(docid="d", text="Tesla starb am 7. Januar"), confidence=above).lang in {
        None,
        "de",
    }


def test_rejections_go_by():
    gone = Rejection(id="d", rule="too_short", detail="")
    assert list(Languages().pick([gone])) == [gone]


@pytest.mark.parametrize("tag", ["english", "e", ""])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(
        ValidationError, match="names no language; expected a BCP 47 tag such as en"
    ):
        Languages(keep=(tag,))


@pytest.mark.parametrize(("name", "lang"), [("xquad_r_en", "en"), ("xquad_r_de", "de")])
def test_sentences_of_a_real_collection_are_named_right(collections, name, lang):
    lines = (collections / name / "corpus.jsonl").read_text().splitlines()[:120]
    found = [picked(Document(docid="d", text=json.loads(line)["text"])).lang for line in lines]
    assert found.count(lang) >= 115
    assert len(set(found) - {lang, None}) <= 1


def test_the_languages_that_can_be_told_are_those_of_the_model():
    labels = {str(label) for label in _identifier().nb_classes}
    assert labels - {"zxx"} == IDENTIFIED
