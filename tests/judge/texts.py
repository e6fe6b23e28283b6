"""How two values are judged to be the same, from the platforms' contracts alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser

import phonenumbers

NOTHING = frozenset({"", "null", "undefined", "none", "n/a", "-"})
"""Words that mean "no value" in structured fields (leadtrekker.md 5, row 2)."""
JOHANNESBURG = timezone(timedelta(hours=2))
_TAG = re.compile(r"</?[a-zA-Z][^>]*>")
_MAIL = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;.]+(\.[^@\s<>\"',;.]+)+")
_OFFICES = ("info", "office", "admin", "sales", "accounts", "support", "enquiries", "hello", "contact", "reception")
_LEGAL = frozenset({"pty", "ltd", "limited", "cc", "inc"})
_TRADING = re.compile(r"\s+(?:t\s*/\s*a|trading\s+as)\s+", re.IGNORECASE)
_CLOSE_CORPORATION = re.compile(r"\bc\.\s*c\.", re.IGNORECASE)
JUNK_COMPANIES = NOTHING | {"private", "n a", "home", "self employed", "na"}


def present(value: object) -> str:
    """Give a structured value without blanks, "" when it only says that there is none."""
    text = unicodedata.normalize("NFC", str(value if value is not None else "")).strip()
    return "" if text.lower() in NOTHING else text


def squeeze(text: str) -> str:
    """Fold case and runs of blanks, and take the trap out of mentions, which must not reach the destination as such."""
    return " ".join(unicodedata.normalize("NFC", text).replace("@[", "@ [").casefold().split())


def words(text: str) -> list[str]:
    """Give the words of a text in order, without case."""
    return re.findall(r"\w+", unicodedata.normalize("NFC", text).casefold())


def has_markup(text: str) -> bool:
    """Say whether a text holds HTML."""
    return _TAG.search(text) is not None


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._inside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside += tag in ("script", "style")
        if tag in ("br", "p", "div", "li"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.parts.append(data)


def without_markup(text: str) -> str:
    """Give what a reader sees of a free text, which may hold HTML."""
    if not has_markup(text):
        return text
    parser = _Text()
    parser.feed(text)
    parser.close()
    return "".join(parser.parts)


def lines_of(text: str) -> str:
    """Even out line ends and blanks at the ends of lines; everything else stays."""
    even = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("@[", "@ [")
    return "\n".join(line.rstrip() for line in even.split("\n")).strip()


def is_free(label: str) -> bool:
    """Say whether a custom field of this label holds free text, which alone may be HTML (leadtrekker.md 5, row 13)."""
    return "message" in words(label)


def shows(text: str, wanted: str) -> bool:
    """Say whether *text* shows a value of one line to the letter, blanks and case apart; no sign of such a value is HTML."""
    return squeeze(wanted) in squeeze(text)


def holds(text: str, wanted: str) -> bool:
    """Say whether *text* shows everything of the free text *wanted*: to the letter for plain text, word by word in order for HTML."""
    if not has_markup(wanted):
        return lines_of(wanted) in lines_of(text) or squeeze(wanted) in squeeze(text)
    return in_order(words(text), words(without_markup(wanted)))


def in_order(have: Iterable[str], wanted: Sequence[str]) -> bool:
    """Say whether all of *wanted* appears in *have* in that order."""
    rest = iter(have)
    return all(word in rest for word in wanted)


def mails(text: object) -> list[str]:
    """Give the valid addresses in a cell, in lower case, in order."""
    found = (part.strip().lower() for part in re.split(r"[;,/\s]+", str(text or "")))
    return [part for part in dict.fromkeys(found) if _MAIL.fullmatch(part)]


def is_shared_box(mail: str) -> bool:
    """Say whether an address belongs to an office and not to a person."""
    return mail.partition("@")[0] in _OFFICES


def digits(text: object) -> str:
    """Keep the digits."""
    return re.sub(r"\D", "", str(text or ""))


def phone(text: object, region: str = "ZA") -> str | None:
    """Give a number of *region*, or an international one, as digits with country code, None when it cannot be read as one."""
    try:
        parsed = phonenumbers.parse(str(text or ""), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return digits(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def name_parts(name: object, surname: object = "") -> list[str]:
    """Give the bare words of a person's name, first name first, from a lead's `name` and its `Surname`."""
    whole, last = present(name), present(surname)
    if "," in whole:
        after = whole.partition(",")
        whole = f"{after[2]} {after[0]}"
    if last and squeeze(last) not in squeeze(whole):
        whole = f"{whole} {last}"
    return [bare for part in whole.casefold().split() if (bare := re.sub(r"[^\w]", "", part))]


def could_be_one(one: Sequence[str], other: Sequence[str]) -> bool:
    """Say whether two names may be one person's: same surname, and the same first name or its initial; a missing part fits anything."""
    if not one or not other:
        return True
    first, second = one[0], other[0]
    fits = first == second or (len(first) == 1 and second.startswith(first)) or (len(second) == 1 and first.startswith(second))
    if len(one) == 1 or len(other) == 1:
        return fits or one[0] == other[-1] or other[0] == one[-1]
    return fits and one[-1] == other[-1]


def firms(text: object) -> set[str]:
    """Give the normal forms a company text may stand for: without legal form, and either side of "trading as"."""
    whole = str(text or "")
    return {form for part in (whole, *_TRADING.split(whole)) if (form := firm(part))}


def firm(text: object) -> str:
    """Give the normal form of one company name."""
    plain = _CLOSE_CORPORATION.sub("cc", unicodedata.normalize("NFKD", str(text or "")).casefold().replace("&", " and "))
    return " ".join(word for word in re.findall(r"\w+", plain) if word not in _LEGAL)


def instant(local: object) -> int:
    """Give Unix seconds of a local time of the source, "YYYY-MM-DD HH:MM:SS" in Johannesburg."""
    return int(datetime.fromisoformat(str(local)).replace(tzinfo=JOHANNESBURG).astimezone(UTC).timestamp())


def seconds(duration: object) -> int | None:
    """Give the length of "HH:MM:SS", None when there is none."""
    found = re.fullmatch(r"(\d+):(\d\d):(\d\d)", str(duration or "").strip())
    return None if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])


def same(one: object, other: object) -> bool:
    """Say whether two written values mean the same: as text, as a day, or as an amount."""
    if isinstance(other, list):
        return any(same(one, each) for each in other)
    first, second = squeeze(str(one)), squeeze(str(other))
    if first == second:
        return True
    day = _day(first)
    if day is not None:
        return day == _day(second)
    amount = _amount(first)
    return amount is not None and amount == _amount(second)


def _day(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def _amount(text: str) -> Decimal | None:
    bare = re.sub(r"^(?:r|zar)\s*|\s", "", text)
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", bare):
        bare = bare.replace(",", "")
    try:
        value = Decimal(bare.replace(",", "."))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
