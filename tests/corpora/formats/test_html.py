import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankmill.corpora.formats import Unreadable
from rankmill.corpora.formats.html import parse, read_html

PAGE = """<!doctype html><html lang="de-AT"><head><title> The
 guide </title><style>p { color: red }</style><script>alert("buy now")</script>
<link rel="license" href="https://example.org/cc-by"></head>
<body><header><a href="/">Home</a></header><nav><ul><li>Menu</ul></nav>
<main><p>Before.</p><h1 id="start">The guide<a class="headerlink" href="#start">¶</a></h1>
<p>One <b>bold</b>
 word.<br>Next line.</p><section id="deep"><h2>Deep <a href="#deep">#</a></h2>
<p hidden>secret</p><div style="display:none">track</div><p>Two.</p></section><h2>Last!</h2>Three.
<noscript>enable scripts</noscript></main><footer>Imprint</footer></body></html>"""


def texts(html):
    return [section.text for section in parse(html).sections]


def test_a_page_becomes_its_sections_without_scripts_styles_and_navigation():
    page = parse(PAGE)
    assert (page.title, page.lang, page.licence) == (
        "The guide",
        "de-AT",
        "https://example.org/cc-by",
    )
    assert [(s.anchor, s.headings, s.text) for s in page.sections] == [
        ("", (), "Before."),
        ("start", ("The guide",), "One bold word.\nNext line."),
        ("deep", ("The guide", "Deep"), "Deep\n\nTwo."),
        ("last", ("The guide", "Last!"), "Last!\n\nThree."),
    ]


def test_a_page_without_a_title_has_that_of_its_first_heading():
    assert parse("<h1>One</h1><p>x<h1>Two</h1>").title == "One"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>", "- a\n- b\n  - c\n- d"),
        ("<ol><li>a</li><li><p>b</p></li></ol>", "1. a\n\n2. b"),
        (
            "<table><tr><th>a</th><th>b</th></tr><tr><td></td><td>1 <b>2</b></td></tr></table>",
            "a | b\n | 1 2",
        ),
        ("x<pre>\nfor i in j:\n    <b>run</b>(i)\n</pre>y", "x\n\nfor i in j:\n    run(i)\n\n\ny"),
        ("a&nbsp;&amp;&lt;b&gt; <i>c</i>d", "a &<b> cd"),
        ("<p>one<p>two<div>three</div>four", "one\n\ntwo\n\nthree\nfour"),
        ("<p>中文的句子\n  换行了</p>", "中文的句子换行了"),
        ("<p dir=rtl>שלום\n עולם</p>", "שלום עולם"),
        ("<dl><dt>term</dt><dd>what it is</dd></dl>", "term\nwhat it is"),
        ("<td>not in a table", "not in a table"),
        ("<p>unclosed <b>bold <p>next", "unclosed bold\n\nnext"),
        ('<dl><dt>f(x) <a href="#f">¶</a></dt><dd>does it</dd></dl>', "f(x)\ndoes it"),
        ("<p>a<svg><text>chart</text></svg><button>Buy</button>b", "ab"),
    ],
)
def test_layout_that_means_something_is_kept(html, text):
    assert texts(html) == [text]


def test_a_table_that_lays_out_a_page_is_read_cell_by_cell():
    assert texts("<table><tr><td><ul><li>a</ul><td><p>b<p>c</table>") == ["- a\n\nb\n\nc"]


def test_a_list_of_links_is_navigation_only_where_a_page_does_not_mark_its_main_part():
    menu = "<ul>" + "<li><a href=x>some page</a>" * 6 + "</ul>"
    assert texts(f"{menu}<p>words") == ["words"]
    assert texts(f"<main>{menu}<p>words</main>")[0].startswith("- some page")
    assert texts("<p><a rel=next>Next</a> <a rel=up>Up</a></p><p>words") == ["words"]


def test_a_heading_above_nothing_but_sections_is_no_section_of_its_own():
    page = parse("<h1>A</h1><h2>B</h2><p>words</p><h2>C</h2><h1>D</h1>")
    assert [s.headings for s in page.sections] == [("A", "B"), ("A", "C"), ("D",)]


@pytest.mark.parametrize(
    "raw",
    [
        b"<meta charset=windows-1251><p>\xef\xf0\xe8\xe2\xe5\xf2",
        b'<meta http-equiv="Content-Type" content="text/html; charset=cp1251"><p>'
        b"\xef\xf0\xe8\xe2\xe5\xf2",
    ],
)
def test_a_page_is_read_in_the_encoding_it_declares(raw):
    assert read_html(raw).sections[0].text == "привет"


def test_what_the_server_declared_goes_before_the_page():
    raw = "<meta charset=utf-8><p>привет".encode("koi8-r")
    assert read_html(raw, "koi8-r").sections[0].text == "привет"


@pytest.mark.parametrize("html", ["<script>x</script>", "<nav>Menu</nav>", "<p> </p><!-- x -->"])
def test_a_page_without_words_is_empty(html):
    with pytest.raises(Unreadable) as fault:
        parse(html)
    assert fault.value.rule == "empty"


@pytest.mark.timeout(20)
def test_a_page_however_deep_is_read():
    assert texts("<div>" * 20_000 + "<p>found") == ["found"]


TAGS = ["p", "h1", "h2", "td", "tr", "table", "li", "ul", "ol", "pre", "br", "div"]
SOUP = [f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]


@given(st.lists(st.sampled_from(SOUP) | st.from_regex("word[0-9]{1,4}", fullmatch=True)))
def test_no_soup_of_tags_loses_a_word(soup):
    wanted = {piece for piece in soup if piece.startswith("word")}
    if wanted:
        sections = parse(" ".join(soup)).sections
        said = " ".join(word for s in sections for word in (s.text, *s.headings))
        assert wanted <= set(said.split())
