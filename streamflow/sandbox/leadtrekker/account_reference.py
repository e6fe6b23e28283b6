"""The small lists of an account: users, groups, sources and statuses; the same for every seed."""

from __future__ import annotations

from typing import Any, Final

from streamflow.sandbox.dice import Deck

_Row = dict[str, Any]

_USERS: Final = (
    ("21", "Pieter Nel", "pieter@example.co.za", "0825550100", "Admin", "1"),
    ("22", "Lerato Windpan", "lerato@example.co.za", "0825550101", "Sales", "1"),
    ("23", "Hanlie D'Arcypan", "Hanlie@Example.co.za ", "", "Sales", "1"),  # case and a trailing space
    ("24", "Sipho Klipveld", "sipho@example.co.za", "0825550103", "Sales", "1"),
    ("25", "Naledi Sterkloof", "naledi@example.co.za", "0825550104", "Manager", "1"),
    ("26", "Zoë Müllerpan", "zoe@example.co.za", "", "Sales", "1"),
    ("27", "Sipho Klipveld", "sipho.k@example.co.za", "", "Support", "1"),  # a namesake
    ("28", "Front Desk", "", "0215550100", "Support", "1"),  # has no e-mail to be matched by
    ("29", "Gideon Nagdrif", "gideon@left.example", "", "Sales", "0"),
    ("30", "Carmen Valkrug", "carmen@left.example", "", "Sales", "0"),
)
ACTIVE_USERIDS: Final = ("21", "22", "23", "24", "25", "26", "27")
LEFT_USERIDS: Final = ("29", "30")
DESK_USERID: Final = "28"
UNKNOWN_USERID: Final = "99"
"""A user whom leads and activities name, and the list of users does not."""
UNKNOWN_USER: Final = ("Former Colleague", "former@left.example")

_GROUPS: Final = (
    ("4", "Western Cape", "edit", ("21", "22", "26")),
    ("5", "Gauteng", "edit", ("23", "24", "29")),
    ("6", "Managers", "view all", ("21", "25")),
    ("7", "Support", "view", ("27", "28")),
    ("8", "Old team", "view", ()),
)
GROUPIDS: Final = ("4", "5", "6", "7", "")

_SOURCES: Final = (
    ("10451", "Facebook", "social", "Summer 24"),
    ("10452", "Website - Quote form", "website form", ""),
    ("10453", "Referral", "manual", ""),
    ("10454", "Google Ads", "ppc", "Brand"),
    ("10455", "Walk-in", "manual", ""),
    ("10456", "Home Expo", "event", "Expo 2025"),
    ("10457", "Radio advert <Jacaranda>", "manual", ""),
    ("10458", "", "import", ""),  # listed without a label
)
SOURCE_LABELS: Final = {sourceid: name for sourceid, name, _, _ in _SOURCES}

_STATUSES: Final = (
    ("1", "New", "1", "0"),
    ("3", "Contacted", "2", "0"),
    ("4", "Quoted", "3", "0"),
    ("5", "Appointment set", "4", "0"),
    ("6", "Closed - Won", "5", "1"),
    ("7", "Closed - Lost", "6", "1"),
    ("8", "Junk", "7", "1"),
)
STATUS_NAMES: Final = {statusid: name for statusid, name, _, _ in _STATUSES}
UNKNOWN_STATUS: Final = ("77", "Hot prospect!!")
"""A status that leads carry and the list of statuses does not."""

OWNERS: Final = Deck("owners", {"active": 17, "left": 3, "nobody": 2, "desk": 1, "unknown": 1, "untidy": 1})
SOURCES: Final = Deck("sources", {
    "labelled": 18, "no_label": 2, "absent": 2, "unlisted": 1, "untidy": 1, "label_only": 1,
})  # fmt: skip
STATUSES: Final = Deck("statuses", {
    "1": 6, "3": 6, "4": 4, "5": 2, "6": 2, "7": 2, "8": 1, "unknown": 1, "literal": 1,
})  # fmt: skip


def users() -> list[_Row]:
    """Give all users; `active` is "0" for those who left."""
    names = ("userid", "name", "email", "number", "role", "active")
    return [dict(zip(names, row, strict=True)) for row in _USERS]


def user_of(userid: str) -> tuple[str, str]:
    """Give (name, e-mail) of a user as leads show them, the unlisted colleague included; blanks for nobody."""
    if userid == UNKNOWN_USERID:
        return UNKNOWN_USER
    return next(((row[1], row[2]) for row in _USERS if row[0] == userid), ("", ""))


def groups() -> list[_Row]:
    """Give all groups with their permission and the ids of their members; one is empty."""
    return [
        {"groupid": groupid, "name": name, "permission": permission, "members": list(members)}
        for groupid, name, permission, members in _GROUPS
    ]


def sources() -> list[_Row]:
    """Give all listed sources; one has no label."""
    names = ("sourceid", "name", "type", "campaign")
    return [dict(zip(names, row, strict=True)) for row in _SOURCES]


def statuses() -> list[_Row]:
    """Give all listed statuses; `closed` is "1" for those that end a lead."""
    names = ("statusid", "name", "order", "closed")
    return [dict(zip(names, row, strict=True)) for row in _STATUSES]
