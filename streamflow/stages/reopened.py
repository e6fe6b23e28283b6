"""
What runs again after the switch by what a person decided, or since what it waits for is there: not written late, as it is then.

Rule: that holds until something is asked about a late version of it; from then on what was said of those versions counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from streamflow.ledger_names import SWITCHED
from streamflow.model import Key, Kind, Staged
from streamflow.store.base import Ledger
from streamflow.store.change import Change, PutSetting, Reopen, Wake

ALONG: Final = "watch:along:"
"""Prefix of the setting that says in which version a record runs again, by its kind and key: [version, last question about a late one]."""
BY_PEOPLE: Final = "people"
"""What stands third in that where people brought it back, or what it belongs to: what the source said of it meanwhile is asked about."""
ASKED: Final = "watch:asked:"
"""Prefix of the setting that names the last question about a version of a record, by its kind and key: what was said of others is over."""


class Along(Enum):
    """Why a record runs again in the version that was read last, for as long as nothing was asked about a late one since."""

    NOT = "not"
    BY_DECISION = "decision"     # of a person, or by what follows from one
    BY_PEOPLE = "people"         # since people of the destination did something: nobody decided that it may


def version_of(staged: Staged) -> str:
    """Name the version of a record that was read last."""
    return staged.record.digest[:8]


def asked_name(kind: Kind, key: Key) -> str:
    """Name the setting that names the last question about a late version of a record."""
    return f"{ASKED}{kind}:{key}"


def along_name(kind: Kind, key: Key) -> str:
    """Name the setting that says in which version a record runs again."""
    return f"{ALONG}{kind}:{key}"


async def run_along(ledger: Ledger, changes: Sequence[Change], *, by_people: bool = False) -> list[Change]:
    """
    Note, after the switch, which versions run again by what is reopened and woken among these changes.

    They follow from a decision, or else from what people of the destination did (*by_people*). To be committed with the changes, so that
    who comes after this process knows it.
    """
    keys: defaultdict[Kind, set[Key]] = defaultdict(set)
    things: list[str] = []
    for change in changes:
        if isinstance(change, Reopen):
            keys[change.kind].update(change.keys)
        elif isinstance(change, Wake):
            things += change.on
    if not (keys or things) or await ledger.setting(SWITCHED) is None:
        return []
    found = [each for kind, those in sorted(keys.items()) for each in (await ledger.staged(kind, sorted(those))).values()]
    found += await ledger.parked_on(things)
    asked = await ledger.settings_named([asked_name(each.record.kind, each.record.key) for each in found]) if found else {}
    return [
        PutSetting(name=along_name(each.record.kind, each.record.key), value=[
            version_of(each), asked.get(asked_name(each.record.kind, each.record.key)), *([BY_PEOPLE] if by_people else []),
        ]) for each in found
    ]


def along_of(staged: Staged, noted: Sequence[Any] | None, last: str | None) -> Along:
    """Say whether a record runs again in its version, by what is *noted* of it and the *last* question about a late one."""
    match noted:
        case [version, asked, *others] if (version, asked) == (version_of(staged), last) and others in ([], [BY_PEOPLE]):
            return Along.BY_PEOPLE if others else Along.BY_DECISION
        case _:
            return Along.NOT
