import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml

from rankmill.assemble import Assembly, assemble
from rankmill.report import StageReport

GOLDEN = Path(__file__).parent / "golden_card.md"
HOSTILE = "x`|</table>\n\n# Owned\n```\n</details><script>alert(1)</script>[a](http://b)**c**"


@pytest.fixture
def card(tables, tmp_path):
    def card(spec, facts, tables=tables):
        assemble(spec, tables, tmp_path / "dataset", facts)
        return (tmp_path / "dataset/README.md").read_text(encoding="utf-8")

    return card


def front_of(card):
    _, front, page = card.split("---\n", 2)
    return yaml.safe_load(front), page


def test_the_card_reads_as_reviewed(card, spec, facts):
    assert card(spec, facts) == GOLDEN.read_text(encoding="utf-8")


def test_the_front_matter_lists_the_files_of_every_config(card, spec, facts):
    front, _ = front_of(card(spec, facts))
    exported, by_ids = (
        ["listwise", "triplets", "mteb-corpus", "mteb-queries", "mteb-qrels"],
        ["lists", "corpus", "queries", "qrels", "judgments"],
    )
    assert [config["config_name"] for config in front["configs"]] == [
        *exported,
        *by_ids,
        "rejections",
    ]
    assert front["configs"][0] == {
        "config_name": "listwise",
        "default": True,
        "data_files": [
            {"split": "train", "path": "listwise/train.parquet"},
            {"split": "validation", "path": "listwise/validation.parquet"},
        ],
    }
    assert (front["language"], front["license"]) == (["en"], "cc-by-4.0")
    assert front["size_categories"] == "n<1K"


@pytest.mark.parametrize(
    ("licence", "id_", "name"),
    [
        ("MIT", "mit", None),
        ("odbl", "odbl", None),
        ("PSF-2.0", "other", "psf-2.0"),
        ("GPL-3.0-or-later", "other", "gpl-3.0-or-later"),
        ("Proprietary", "other", "proprietary"),
        ("Crown copyright, see site", "other", "crown-copyright-see-site"),
        ("©", "other", None),
    ],
)
def test_a_licence_the_hub_has_no_id_for_is_named_as_other(card, facts, licence, id_, name):
    front, _ = front_of(card(Assembly(licence=licence), facts))
    assert (front["license"], front.get("license_name")) == (id_, name)


def test_documents_under_several_licences_leave_the_front_matter_without_one(
    card, spec, facts, documents, replaced
):
    mixed = documents.with_columns(
        licence=pl.when(pl.col("docid") == "d6").then(None).otherwise("licence")
    )
    front, page = front_of(card(spec, facts, replaced(documents=mixed)))
    assert "license" not in front
    assert "| `CC-BY-4.0` | 5 |\n| not stated | 1 |\n" in page


def test_words_of_users_and_corpora_stay_words(card, facts, documents, replaced):
    recipe = {**facts.recipe, "teachers": {HOSTILE: {"kind": HOSTILE}}, "note": HOSTILE}
    hostile = replace(
        facts,
        recipe=recipe,
        prompts={HOSTILE: "77aa"},
        reports=(StageReport(stage=HOSTILE, read=1, written=0, rejected={HOSTILE: 1}),),
    )
    tables = replaced(documents=documents.with_columns(licence=pl.lit(HOSTILE)))
    front, page = front_of(card(Assembly(title=HOSTILE), hostile, tables))
    assert front["pretty_name"] == " ".join(HOSTILE.split())
    assert front["license_name"] == "x-table-owned-details-script-alert-1-script-a-http-b-c"
    rendered = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    html = rendered.render(page)
    assert "<script>" not in html
    assert "<h1>Owned" not in html
    assert 'http://b"' not in html
    assert html.count("<h1>") == 1
    assert html.count("<details>") == html.count("</details>") == 1
    rows = re.findall(r"<tr>.*?</tr>", html, flags=re.DOTALL)
    teacher = next(row for row in rows if "kind = x" in row)
    assert teacher.count("<td") == 2


def test_no_line_of_the_card_depends_on_where_it_was_made(card, spec, facts, tmp_path):
    assert str(tmp_path) not in card(spec, facts)


def test_the_python_blocks_of_the_card_compile(card, spec, facts):
    blocks = re.findall(r"```python\n(.*?)```", card(spec, facts), flags=re.DOTALL)
    assert len(blocks) == 6
    assert [compile(block, "card", "exec").co_name for block in blocks] == ["<module>"] * 6


def test_every_picture_of_the_card_is_there_and_is_a_picture(card, spec, facts, tmp_path):
    from xml.etree import ElementTree

    paths = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", card(spec, facts))
    assert [path.split("/")[-1] for path in paths] == [
        "agreement.svg",
        "position_bias.svg",
        "grades.svg",
        "evidence.svg",
    ]
    for path in paths:
        assert ElementTree.parse(tmp_path / "dataset" / path).getroot().tag.endswith("svg")


def test_without_comparisons_there_is_no_picture_of_position_bias(
    card, spec, facts, tables, replaced
):
    alone = replaced(judgments=tables.judgments.filter(view="pointwise"))
    assert "position_bias.svg" not in card(spec, facts, alone)


def test_the_card_says_where_the_positives_stand_among_the_candidates(card, spec, facts):
    assert "| 1 | 2 | 2 |\n| 2 | 2 | 0 |\n| 3 | 1 | 1 |\n| 4 | 1 | 0 |\n" in card(spec, facts)


def test_words_of_a_title_cannot_end_what_is_to_be_cited(card, facts):
    cited = card(Assembly(title=r"A} ``` \input{x} & b"), facts)
    assert "  title = {A inputx \\& b},\n" in cited
