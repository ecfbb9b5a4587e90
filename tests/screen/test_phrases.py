import pytest

from rankmill.screen import Pair, Standalone
from rankmill.screen.phrases import mention, unbound

STANDING = {
    "en": [
        "how does it feel to lose a lot of blood",
        "is it safe to eat raw eggs",
        "how long does it take to boil an egg",
        "how to open a file and read it",
        "who is the author of dracula",
        "why do cats hide when they are sick",
        "python read a file line by line",
        "best laptops this year",
        "which study of sleep lasted longest",
        "how to present results of a study",
        "what are the present tests for type 2 diabetes",
        "what is the present theory of dark matter formation",
        "what Doctor Who was written without Doctor Who in it?",
        "how was it determined how many from each camp would be appointed",
    ],
    "de": [
        "wie viel Zucker ist gesund",
        "gibt es Leben auf dem Mars",
        "wie Katzen ihre Krallen schärfen",
        "warum haben Katzen ihre Krallen",
        "Wie können Kraftfahrzeughaftpflichtversicherungen gekündigt werden",
        "warum fliegen Zugvögel in den Süden und wann kommen sie zurück",
    ],
    "fr": [
        "pourquoi les chats cachent leurs griffes",
        "pourquoi le ciel est-il bleu",
        "est-il possible de congeler du pain",
        "y a-t-il de l'eau sur mars",
    ],
    "es": ["cuál es la capital de Perú", "cómo se hace el pan"],
    "it": ["come si fa il pane", "qual è la capitale del Perù"],
    "pt": ["como fazer pão em casa", "qual é a capital do Peru"],
    "nl": ["hoe bak je brood", "regent het vaak in Bergen"],
    "ru": ["почему небо голубое", "кто написал войну и мир"],
    "ar": ["ما هي عاصمة مصر", "كيف يصنع الخبز"],
    "zh": ["如何种植水稻", "这些年中国经济增长多少", "鲁迅是哪部小说的作者"],
    "ja": ["東京の人口は何人ですか", "それぞれの州の首都"],
}
LEANING = {
    "en": [
        "what does it return",
        "what did he say about taxes",
        "why did they leave",
        "what is this function for",
        "what does the author conclude",
        "what were the findings in the study",
        "explain the example described above",
        "how do these methods differ",
        "what is the default value in this case",
        "what happens in the second example",
        "who wrote it",
        "what is the purpose of the present note",
    ],
    "de": [
        "warum ist er gescheitert",
        "was meint der Autor",
        "wie wirken diese Stoffe",
        "die oben genannte Methode erklären",
    ],
    "fr": [
        "pourquoi est-ce que l'auteur refuse",
        "comment elle fonctionne",
        "où habite-t-il",
        "que contient cet extrait",
    ],
    "es": ["por qué ella se fue", "qué dice el autor", "cómo funcionan estos métodos"],
    "it": ["perché lui è partito", "cosa pensa l'autore"],
    "pt": ["por que ele saiu", "o que conclui o autor"],
    "nl": ["waarom ging hij weg", "wat concludeert de auteur"],
    "ru": ["почему он ушёл", "как они работают"],
    "ar": ["ماذا يقول هذا النص", "من هم هؤلاء"],
    "zh": ["它是什么时候建成的", "为什么他们离开", "作者认为原因是什么", "该研究的结果"],
    "ja": ["これは何のためですか", "著者の主張は何ですか"],
}


def cases(table):
    return [(lang, text) for lang, texts in table.items() for text in texts]


@pytest.mark.parametrize(("lang", "text"), cases(STANDING))
def test_a_query_that_stands_alone_is_kept(lang, text):
    assert unbound(text, lang) == ""


@pytest.mark.parametrize(("lang", "text"), cases(LEANING))
def test_a_query_that_leans_on_its_document_is_found(lang, text):
    assert unbound(text, lang) != ""


def test_a_mention_of_the_document_is_found_in_a_language_nobody_named():
    assert mention("what does the passage say") == "the passage"
    assert unbound("qué dice este texto", "") == "este texto"
    assert unbound("what does it return", "") == ""


def test_the_region_of_a_tag_does_not_matter():
    assert unbound("what does it return", "en-GB") == "what does it"


def test_the_screen_says_which_words_lean():
    pairs = [
        Pair(qid="a", text="what does it return", lang="en"),
        Pair(qid="b", text="what does len return", lang="en"),
        Pair(qid="c", text="why did they leave"),
    ]
    assert list(Standalone(language="en")(pairs, None)) == [
        ("not_standalone", "says 'what does it'"),
        None,
        ("not_standalone", "says 'why did they'"),
    ]
    assert list(Standalone()(pairs[2:], None)) == [None]


@pytest.mark.parametrize("lang", ["en", "en-GB", "en_US", "EN"])
def test_phrases_are_those_of_the_language_however_its_tag_is_spelled(lang):
    assert unbound("what does it return", lang)
