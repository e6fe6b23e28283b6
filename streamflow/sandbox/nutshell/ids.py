"""Ids of the form `<integer>-<type>` (nutshell.md 1.4)."""

from __future__ import annotations

import random
import re

_ID = re.compile(r"^(\d{1,12})(?:-([A-Za-z]+))?$")

RPC_TYPES = {
    "Contacts": "contacts", "Accounts": "accounts", "Leads": "leads", "Users": "users", "Teams": "teams",
    "Activities": "activities", "Activity_Types": "activityTypes", "Notes": "notes", "Tasks": "tasks",
    "Lead_Outcomes": "outcomes", "Milestones": "stages", "Stagesets": "stagesets", "Sources": "sources",
    "Products": "products", "Markets": "markets", "Tags": "tags", "Industries": "industries",
    "AccountTypes": "accountTypes", "Territories": "territories", "Origins": "origins", "Audiences": "emAudiences",
    "Competitors": "competitors",
}  # fmt: skip
RPC_NAMES = {kind: name for name, kind in RPC_TYPES.items()}


def full_id(text: object, kind: str) -> str | None:
    """Return `text` as a full id of `kind`, or None when it is another type or no id; plain integers are accepted."""
    match = _ID.match(str(text))
    if not match or match[2] not in (None, kind):
        return None
    return f"{int(match[1])}-{kind}"


def number_of(full: str) -> int:
    """Return the integer of a full id."""
    return int(full.partition("-")[0])


def kind_of(full: str) -> str:
    """Return the type part of a full id, "" when there is none."""
    return str(full).partition("-")[2]


class IdMint:
    """Hands out rising integers with gaps, one series a kind (seeded)."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._last: dict[str, int] = {}

    def take(self, kind: str) -> str:
        """Return a fresh id of `kind`."""
        last = self._last.get(kind, self._dice.randint(2, 9)) + self._dice.choice((2, 4, 4, 4, 6))
        self._last[kind] = last
        return f"{last}-{kind}"

    def skip_to(self, full: str) -> None:
        """Make sure later ids of this kind are above `full`."""
        kind = kind_of(full)
        self._last[kind] = max(self._last.get(kind, 0), number_of(full))
