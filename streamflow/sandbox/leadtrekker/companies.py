"""Invented companies and the many ways in which people write one and the same name on a lead."""

from __future__ import annotations

from typing import Final

from streamflow.sandbox.dice import Deck, Dice

_HEADS: Final = (
    "Karoo", "Baobab", "Springbok", "Fynbos", "Tafelkop", "Umzimvubu", "Lowveld", "Kalahari", "Agulhas", "Drakenskyf",
    "Marula", "Rooibos", "Vaalsig", "Knysnaveer", "Zebra", "Suikerbos", "Outeniqua", "Magaliesrug", "Namakwa",
    "Waterberg", "Kiewiet", "Hoepoe", "Bushveld", "Strandloper", "Tsitsi", "Amatola", "Cederkrans", "Gariep",
    "Limpopovlei", "Witteberg", "Aloe", "Kingfisher", "Blesbok", "Gemsbok", "Sandveld", "Overdrif", "Kouga",
    "Langkloof", "Hexvallei", "Piketkop",
)  # fmt: skip
_TRADES: Final = (
    "Solar", "Roofing", "Kitchens", "Plumbing", "Tiling", "Pools", "Windows", "Flooring", "Security", "Landscaping",
    "Electrical", "Paving", "Joinery", "Blinds", "Borehole Drilling", "Paint Works", "Steel", "Carports",
    "Irrigation", "Waterproofing", "Air Conditioning", "Thatching", "Fencing", "Gates", "Insulation", "Cabinets",
    "Cranes", "Logistics", "Guest House", "Bakery", "Motors", "Attorneys", "Dental", "Pharmacy", "Farms", "Interiors",
    "Printers", "Catering", "Couriers", "Optics",
)  # fmt: skip

SPELLINGS: Final = Deck("spellings", {
    "blank": 9, "proper": 4, "bare": 3, "upper": 2, "lower": 1, "trailing": 1, "trading_as": 1, "close_corporation": 1,
    "lookalike": 1, "junk": 1, "own_name": 1,
})  # fmt: skip

LOOKALIKES: Final = (
    ("Acme", "Acme Properties"),
    ("Protea Holdings", "Protea Holdings Durban"),
    ("Blue Crane", "Blue Crane Trust"),
    ("Delta Twenty", "Delta Twenty One"),
    ("Smitswinkel Sons", "Smitswinkel Daughters"),
)
"""Pairs of different firms that must stay apart."""

_JUNK: Final = ("none", "private", "Private", "N/A", "-", "null", "undefined", "n.a.", "home", "self employed")


def company_name(number: int) -> str:
    """Give the plain name of company *number*; no two numbers below 64,000 have the same."""
    number, head = divmod(number, len(_HEADS))
    number, trade = divmod(number + head, len(_TRADES))
    partner = f"{_HEADS[(head + number) % len(_HEADS)]} & " if number else ""
    return f"{partner}{_HEADS[head]} {_TRADES[trade]}"


def company_number(seed: int, person_number: int, lead_count: int) -> int:
    """Give the company somebody works for; about one company for eight leads, some with many people."""
    total = max(4, lead_count // 8)
    dice = Dice(seed, "company", person_number)
    return min(dice.below(total), dice.below(total))


def written_company(seed: int, index: int, *, person_number: int, own_name: str, lead_count: int) -> str:
    """Write the company cell of a lead: one of the spellings of a firm, junk, the person's own name, or nothing."""
    dice = Dice(seed, "company-form", index)
    plain = company_name(company_number(seed, person_number, lead_count))
    match SPELLINGS.deal(seed, index):
        case "blank":
            return ""
        case "proper":
            return plain + dice.pick((" (Pty) Ltd", " (Pty) Ltd", " (PTY) Ltd.", " Pty Ltd", " Ltd"))
        case "upper":
            return plain.upper() + dice.pick((" PTY LTD", " (PTY) LTD", ""))
        case "lower":
            return plain.lower()
        case "trailing":
            return plain.replace(" ", "  ", 1) + "   "
        case "trading_as":
            return f"{plain} (Pty) Ltd {dice.pick(('t/a', 'T/A', 'trading as'))} {plain.split()[0]} Online"
        case "close_corporation":
            return plain + dice.pick((" CC", " cc", " C.C."))
        case "lookalike":
            return dice.pick(LOOKALIKES)[(index // SPELLINGS.size) % 2]
        case "junk":
            return dice.pick(_JUNK)
        case "own_name":
            return own_name
    return plain
