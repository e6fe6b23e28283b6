"""Leads of a source with all that hangs on them, drawn by a dice: texts of many lines and scripts, numbers, lists, long notes."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Final

from streamflow.model import Record
from tests.mapping import builders
from tests.stages.rig import call, email, note, reminder

OWNER: Final = "87"
_FIRST: Final = ("Zoë", "Thandi", "Jürgen", "Sipho", "Anaïs", "Bjørn", "Naledi", "Łukasz", "Mia", "O'Neil")
_LAST: Final = ("Mokoena", "Müller & Söhne", "van der Merwe", "Ngũgĩ", "D'Arcy", "Smith", "Østergård")
_WORDS: Final = (
    "quote", "for", "5kW", "façade", "roof", "€", "call", "before", "noon", "<urgent>", "R&D", "naïve", "größer", "山田", "solar", "gate",
)  # fmt: skip
_CITIES: Final = ("Cape Town", "Paarl", "Worcester")
_STATUSES: Final = ("New", "Contacted", "Quoted", "Won at last")
_SOURCES: Final = ("Website - Quote form", "Referral", "Straßenmesse")


def drawn(dice: Random, leads: int) -> list[Record]:
    """Give so many leads, each with one or two notes, a call, a reminder and an e-mail."""
    return [record for number in range(1, leads + 1) for record in _with_all(dice, str(number))]


def _with_all(dice: Random, key: str) -> list[Record]:
    notes = [note(f"{key}{place}", key, text=_text(dice, 90 if dice.random() < 0.1 else 12), created=_moment(dice))
             for place in range(dice.choice((1, 1, 2)))]
    return [
        _lead(dice, key), *notes, call(key, key, created=_moment(dice), number=_phone(dice), notes=_text(dice, 6)),
        reminder(key, key, due=_moment(dice), note=" ".join(_words(dice, 4)), repeat=""),
        email(key, key, body=_text(dice, 10), sent=_moment(dice)),
    ]  # fmt: skip


def _lead(dice: Random, key: str) -> Record:
    message = dice.choice((_text(dice, 9), f"{dice.randrange(100, 99_999)}.{dice.choice(('05', '25', '75'))}"))
    return builders.lead(
        key, name=f"{dice.choice(_FIRST)} {key}", email=", ".join(f"{each}{key}@x.test" for each in "pq"[: dice.choice((1, 2))]),
        number=_phone(dice), address=f"{dice.randrange(1, 99)} Loop St, {dice.choice(_CITIES)}, {dice.randrange(7000, 8000)}", company="",
        userid=OWNER, status=dice.choice(_STATUSES), source=dice.choice(_SOURCES), created=_moment(dice),
        custom={"Surname": dice.choice(_LAST), "Message": message},
    )  # fmt: skip


def _words(dice: Random, number: int) -> list[str]:
    return [dice.choice(_WORDS) for _ in range(number)]


def _text(dice: Random, words: int) -> str:
    return "\n".join(" ".join(_words(dice, 3)) for _ in range(max(1, words // 3)))


def _phone(dice: Random) -> str:
    return f"082{dice.randrange(1_000_000, 9_999_999)}"


def _moment(dice: Random) -> str:
    return (datetime(2025, 1, 1) + timedelta(minutes=dice.randrange(600_000))).strftime("%Y-%m-%d %H:%M:%S")
