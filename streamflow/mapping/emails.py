"""E-mail addresses in a cell: found, judged, and kept even when they are none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

_SEPARATORS: Final = re.compile(r"\s+(?:or|and|en)\s+|[\s;,/|]+")
_VALID: Final = re.compile(
    r"(?=.{3,254}$)(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+)*"
    r"@(?:[A-Za-z0-9\u0080-\uffff](?:[A-Za-z0-9\u0080-\uffff-]{0,61}[A-Za-z0-9\u0080-\uffff])?\.)+[A-Za-z\u0080-\uffff][A-Za-z0-9\u0080-\uffff-]{0,61}[A-Za-z0-9\u0080-\uffff]"
)
_ANGLED: Final = re.compile(r"<([^<>\s]+@[^<>\s]+)>")

ROLES: Final = frozenset(
    "info sales admin office enquiries enquiry inquiries contact contactus hello reception accounts account billing support "
    "help service orders marketing mail team noreply no-reply donotreply webmaster postmaster hr finance bookings reservations "
    "quotes frontdesk kantoor navrae verkope".split()
)
"""Mailboxes that belong to an office, not to one person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """What an e-mail cell held."""

    valid: tuple[str, ...] = ()  # as written, outer signs taken off, in order, without repeats
    invalid: tuple[str, ...] = ()  # what looked like nothing that could be reached


def read_addresses(cell: str) -> Addresses:
    """Find every address of a cell ("a@x.org; B <b@x.org>"); what is left over and not empty is invalid, never dropped."""
    cell = cell.strip()
    if not cell:
        return Addresses()
    if _VALID.fullmatch(cell):
        return Addresses(valid=(cell,))
    if angled := _ANGLED.findall(cell):
        return _sorted_out([text for text in angled if text], fallback=cell)
    return _sorted_out([text for text in _SEPARATORS.split(cell) if text], fallback=cell)


def normal(address: str) -> str:
    """Give the form in which addresses are compared: lower case, no outer blanks."""
    return address.strip().casefold()


def is_role(address: str) -> bool:
    """Say whether the mailbox is an office's ("info@", "sales2@"), so that it names no single person."""
    return normal(address).split("@", 1)[0].rstrip("0123456789").replace(".", "") in ROLES


def as_fields(addresses: tuple[str, ...], *, label: str = "work") -> list[dict[str, Any]]:
    """Give the flat form of addresses; the first is the primary one."""
    return [{"name": label, "value": text, "isPrimary": place == 0} for place, text in enumerate(addresses)]


def _sorted_out(parts: list[str], *, fallback: str) -> Addresses:
    valid: dict[str, str] = {}
    invalid: list[str] = []
    for part in parts:
        bare = part.removeprefix("mailto:").strip("<>()[]\"'.,:")
        if _VALID.fullmatch(bare):
            valid.setdefault(normal(bare), bare)
        else:
            invalid.append(part)
    if not valid:
        return Addresses(invalid=(fallback,))
    return Addresses(valid=tuple(valid.values()), invalid=tuple(invalid))
