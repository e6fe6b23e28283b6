"""
Who stayed of two records that were merged at the source (the vanished one is asked about, and never removed).

Rule: the children are the proof. All that were known of the vanished record must show under one other, and have moved after it was seen
last; what hangs on its person then follows. Anything less is only told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from streamflow.ledger_names import UNDONE
from streamflow.migration.absence import questions_about
from streamflow.migration.context import Migration
from streamflow.model import AuditEntry, Key, Kind, Link, QueueItem
from streamflow.stages.heirs import HEIR, SURVIVOR
from streamflow.stages.kin import hanging_on
from streamflow.store.change import Audit, Change, Enqueue, PutSetting, Reopen


async def follow_merges(migration: Migration) -> int:
    """Let what hangs on vanished people follow their children; answers how many were found out now."""
    ledger = migration.ledger
    found = 0
    for (kind, key), rows in sorted((await _signs(migration)).items()):
        item, _ = await questions_about(ledger, kind, key)
        if item is None:
            continue
        heir = await _heir(migration, kind, key, rows)
        if heir is not None:
            await ledger.commit(await _followed(migration, item, heir))
            found += 1
    return found


async def _signs(migration: Migration) -> dict[tuple[Kind, Key], list[Mapping[str, Any]]]:
    """Give what is noted of moves, by former parent; drop what is no sign any more: that one was seen since, or its heir is settled."""
    ledger = migration.ledger
    noted: dict[tuple[Kind, Key], dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for name, sign in (await ledger.settings(HEIR)).items():
        noted[sign["kind"], sign["from"]][name] = sign
    settled = await ledger.settings(SURVIVOR) if noted else {}
    signs: dict[tuple[Kind, Key], list[Mapping[str, Any]]] = {}
    over: list[Change] = []
    for kind in {kind for kind, _ in noted}:
        parents = await ledger.staged(kind, [key for each, key in noted if each == kind])
        for key, parent in parents.items():
            rows = noted[kind, key]
            is_settled = f"{SURVIVOR}{kind}:{key}" in settled
            gone_by = [name for name, sign in rows.items() if is_settled or sign["at"] < parent.last_seen]
            over += [PutSetting(name=name, value=None) for name in gone_by]
            if left := [sign for name, sign in rows.items() if name not in gone_by]:
                signs[kind, key] = left
    await ledger.commit(over)
    return signs


async def _heir(migration: Migration, kind: Kind, key: Key, signs: list[Mapping[str, Any]]) -> Key | None:
    """Give the one record under which all children of a vanished one show, None when the signs do not agree."""
    heirs = {sign["to"] for sign in signs}
    return heirs.pop() if len(heirs) == 1 and not await hanging_on(migration.ledger, kind, [key]) else None


async def _followed(migration: Migration, item: QueueItem, heir: Key) -> list[Change]:
    """
    Note who stayed; the vanished record is planned again, and with it those whose parts had come to it before.

    What a rollback undid of them stays away: to be no more in the source is no change that brings anybody back.
    """
    links = await migration.ledger.links_of(item.kind, [item.key])
    beside = [link for link in links if link.ref.part and link.dest_kind == "leads"]
    earlier = [
        each["from"] for each in (await migration.ledger.settings(SURVIVOR)).values() if (each["kind"], each["to"]) == (item.kind, item.key)
    ]
    return [
        PutSetting(name=f"{SURVIVOR}{item.kind}:{item.key}", value={"kind": item.kind, "from": item.key, "to": heir}),
        Reopen(kind=item.kind, keys=(item.key, *earlier), but=UNDONE),
        Enqueue(item=replace(item, reason=told(heir, beside), details={
            **item.details, "merged_into": heir, "moved": [link.dest_id for link in beside],
        })),
        Audit(entry=AuditEntry(
            actor="streamflow", action="source.merged", kind=item.kind, key=item.key, after={"merged_into": heir},
            note="its children show under that one",
        )),
    ]


def told(heir: Key, beside: list[Link]) -> str:
    """Say what became of a record that was merged at the source."""
    moved = f", and so was its open lead {', '.join(link.dest_id for link in beside)}" if beside else ""
    return f"merged into {heir} in the source: what belonged to it was moved there{moved}; its person was not removed in the destination"
