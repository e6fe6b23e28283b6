"""
What counts of a record that was written late, for those who share its person or company, or whose values follow from it: its last version
that was let go on.

Rule 1: whoever takes the late version of one of them takes no other's; that one waits for its own answer, or was let pass.
Rule 2: one that the source shows no more since the switch counts as it was: that is asked about by itself, and no answer to it moves
anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from streamflow.ledger_names import LATE, RETURNED, SWITCHED
from streamflow.model import Disposition, Key, Kind, Record, RecordState, Ref, Staged
from streamflow.store.base import Ledger
from streamflow.store.change import Change, PutSetting

ACCEPTED: Final = "watch:accepted:"
"""Prefix of the setting that keeps the version which a record had before those that nobody took yet, by its kind and key."""


def is_held_late(staged: Staged) -> bool:
    """Say whether a record is held in a version that was written after the switch, and that nobody took."""
    return staged.state is RecordState.HELD and staged.ground == LATE


def is_asked_about(staged: Staged) -> bool:
    """Say the same of one that is held since people brought it back, too: it waits for its own answer, whatever else runs again."""
    return staged.state is RecordState.HELD and staged.ground in (LATE, RETURNED)


async def kept_by_staging(ledger: Ledger, records: Sequence[Record]) -> list[Change]:
    """Give what goes with staging these records: after the switch, the versions that it replaces are kept. To be asked right before."""
    if not records or await ledger.setting(SWITCHED) is None:
        return []
    changes: list[Change] = []
    for kind in sorted({record.kind for record in records}):
        fresh = {record.key: record for record in records if record.kind == kind}
        known = await ledger.staged(kind, sorted(fresh))
        changes += await kept(ledger, [each for key, each in known.items() if each.record.digest != fresh[key].digest])
    return changes


async def kept(ledger: Ledger, staged: Iterable[Staged]) -> list[Change]:
    """Keep these records as they are, but for what nobody took yet, as what counts of them from now on."""
    changes: list[Change] = []
    for each in staged:
        last = each.record
        if not is_held_late(each) and await ledger.setting(_name(last.kind, last.key)) is None:
            changes.append(_counts(last))
    return changes


async def let_go_on(ledger: Ledger, staged: Staged) -> list[Change]:
    """Give what is over once the version that was read last goes on: the one before it. Shown no more, it is what counts from now on."""
    name = _name(staged.record.kind, staged.record.key)
    if await ledger.setting(name) is None:
        return []
    return [_counts(staged.record) if staged.missing_scans else PutSetting(name=name, value=None)]


async def counted_before(ledger: Ledger, record: Record) -> Record | None:
    """Give what counts of a record until the version that was read last goes on; None where nothing is kept apart from that."""
    value = await ledger.setting(_name(record.kind, record.key))
    return replace(record, **value) if value is not None else None


async def replaced(ledger: Ledger, staged: Iterable[Staged]) -> frozenset[Ref]:
    """Name those of which another version counts until the one that was read last goes on: what is gone counts as it was."""
    found: set[Ref] = set()
    for each in staged:
        before = await counted_before(ledger, each.record)
        if before is not None and before.digest != each.record.digest:
            found.add(Ref(each.record.kind, each.record.key))
    return frozenset(found)


async def as_accepted(ledger: Ledger, staged: Iterable[Staged]) -> list[Staged]:
    """
    Give records as they count: in place of one that is held as late, or is shown no more, what was kept; as it is where nothing came later.

    One that was made late is left out, since nothing of it was ever let go on. Where an earlier version of the program kept nothing the
    late version counts.
    """
    found: list[Staged] = []
    for each in staged:
        before = await counted_before(ledger, each.record) if is_held_late(each) or each.missing_scans else None
        if before is not None:
            found.append(replace(each, record=before, missing_scans=0))
        elif not is_held_late(each) or each.disposition is not Disposition.FLAGGED:
            found.append(each)
    return found


async def accepted_children(ledger: Ledger, kind: Kind, parents: Sequence[Key]) -> Mapping[Key, Sequence[Staged]]:
    """Give records of a kind as they count, by the parents that they count under: one that moved late is still where it was."""
    found = [each for children in (await ledger.children_of(kind, parents)).values() for each in children]
    wanted, known = set(parents), {each.record.key for each in found}
    kept = await ledger.settings(_name(kind, ""))
    moved = {name.removeprefix(_name(kind, "")) for name, value in kept.items() if value["parent"] in wanted}
    found += (await ledger.staged(kind, sorted(moved - known))).values()
    under: defaultdict[Key, list[Staged]] = defaultdict(list)
    for each in await as_accepted(ledger, found):
        if each.record.parent in wanted:
            under[str(each.record.parent)].append(each)
    return under


def _counts(record: Record) -> Change:
    """Note that this version of a record is the one that counts."""
    value = {"data": record.data, "digest": record.digest, "parent": record.parent, "changed_at": record.changed_at}
    return PutSetting(name=_name(record.kind, record.key), value=value)


def _name(kind: Kind, key: Key) -> str:
    return f"{ACCEPTED}{kind}:{key}"
