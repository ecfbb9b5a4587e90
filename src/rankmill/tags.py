"""Names of languages: BCP 47 tags, however a source spells them."""

import re

_FORM = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_ISO_639_1 = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da "
    "de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy "
    "hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg "
    "li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or "
    "os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_TWO_LETTERS = frozenset(_ISO_639_1.split())


def normal(tag: str) -> str:
    """A tag as BCP 47 writes it: `en_US` and `en_US.UTF-8`, as systems say, become `en-US`."""
    return tag.strip().partition(".")[0].replace("_", "-")


def primary(tag: str) -> str:
    """The language of a tag, without its script and region, in lower case."""
    return normal(tag).partition("-")[0].lower()


def fault(tag: str) -> str:
    """Why a tag names no language; "" where it may.

    Two letters have to be of ISO 639-1; there are too many of three to know them all.
    """
    known = len(primary(tag)) == 3 or primary(tag) in _TWO_LETTERS
    if _FORM.fullmatch(normal(tag)) and known:
        return ""
    return f"{tag!r} names no language; expected a BCP 47 tag such as en, pt-BR or yue"
