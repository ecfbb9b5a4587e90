"""Rules `emails`, `phones`, `addresses`, `cards` and `ibans`: what leads to a person, counted."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import polars as pl

from rankmill.audit.findings import Distinct, Finding
from rankmill.audit.shards import Batch
from rankmill.publish.spec import Gate

_EXAMPLES = re.compile(r"(?:^|[.@])(?:example\.(?:com|net|org)|example|invalid|localhost|test)$")
_CARDS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|6(?:011|[45]\d\d)\d{12}"
)
_SPACES = re.compile(r"[\s.()/-]")

# What Rust looks for, in ASCII, and what then tells whether it is one; None if not.
_EMAIL = r"(?i-u:\b[a-z0-9._%+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,8}[a-z]{2,24}\b)"
_ABROAD = r"\+[1-9][0-9 ().-]{6,20}[0-9]"
_PHONE = r"(?-u:(?:\+|\b|\()[0-9][0-9 ().-]{5,20}[0-9]\b)"
_IPV4 = r"(?-u:\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b)"
_IPV6 = r"(?i-u:\b[0-9a-f]{1,4}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{1,4}\b)"
_CARD = r"(?:^|[^0-9A-Za-z.,_])(?-u:[0-9](?:[ -]?[0-9]){12,18}\b)"  # not the end of a fraction
_IBAN = r"(?-u:\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b)"


class Personal:
    """Looks for personal data in every text. No value is kept, and none is shown."""

    def __init__(self, gate: Gate) -> None:
        phone = _PHONE if gate.phone_regions else _ABROAD
        self.kinds: list[tuple[str, str, Callable[[str], str | None]]] = [
            ("emails", _EMAIL, _email),
            ("phones", phone, lambda text: _phone(text, gate.phone_regions)),
            ("addresses", _IPV4, _address),
            ("addresses", _IPV6, _address),
            ("cards", _CARD, _card),
            ("ibans", _IBAN, _iban),
        ]
        self.gate = gate
        self.found = {kind: Distinct() for kind, _, _ in self.kinds}

    def see(self, batch: Batch) -> None:
        """Look at some rows."""
        patterns = [pattern for _, pattern, _ in self.kinds]
        for number, place, text in batch.matches(patterns):
            kind, pattern, real = self.kinds[number]
            for value in filter(None, map(real, _extract(pattern, text))):
                self.found[kind].add(value, batch, place, f"holds one of {kind}")

    def findings(self) -> Iterator[Finding]:
        """At most so many of each kind."""
        for kind, found in self.found.items():
            yield found.finding(kind, getattr(self.gate, kind))


def _extract(pattern: str, text: str) -> list[str]:
    """Every match of a pattern in Rust's dialect."""
    return list(pl.Series([text]).str.extract_all(pattern)[0])


def _email(text: str) -> str | None:
    address = text.lower()
    return None if _EXAMPLES.search(address) else address


def _phone(text: str, regions: tuple[str, ...]) -> str | None:
    import phonenumbers

    for region in regions or (None,):
        with suppress(phonenumbers.NumberParseException):
            number = phonenumbers.parse(text, region)
            if phonenumbers.is_valid_number(number):
                return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None


def _address(text: str) -> str | None:
    with suppress(ValueError):
        address = ipaddress.ip_address(text)
        return str(address) if address.is_global and not address.is_multicast else None
    return None


def _card(text: str) -> str | None:
    """ISO/IEC 7812: from the right, every second digit counts twice, and the sum ends in 0."""
    number = re.sub(r"\D", "", text)
    if not _CARDS.fullmatch(number):
        return None
    digits = [int(digit) for digit in reversed(number)]
    total = sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return None if total % 10 else number


def _iban(text: str) -> str | None:
    """ISO 13616: country and check digits to the end, letters as numbers, 1 modulo 97."""
    account = _SPACES.sub("", text)
    number = "".join(str(int(letter, 36)) for letter in account[4:] + account[:4])
    return account if 15 <= len(account) <= 34 and int(number) % 97 == 1 else None
