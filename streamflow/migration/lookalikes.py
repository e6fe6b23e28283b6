"""
Companies first seen while people keep working in the source: a look-alike of one that is there waits for a person, as before the sample.

Rule 1: only what has not been made yet waits, and with it the people who name it; what is there stays as it is.
Rule 2: found to be the same firm, the new name joins the old one, never the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping

from streamflow.mapping.companies import Lookalikes
from streamflow.migration.companies import AMBIGUOUS, CompanyTable, pair_item, unnamed
from streamflow.migration.context import Migration
from streamflow.migration.life import State
from streamflow.model import Disposition, Key, Kind, RecordState, Staged, name_of
from streamflow.stages.pending import pending_pages
from streamflow.stages.planning import finish_of
from streamflow.stages.questions import closed
from streamflow.stages.reopened import run_along
from streamflow.store.change import Change, Enqueue, PutSetting, Reopen, Wake

HELD = "companies:held"     # setting: companies that wait, each with the queue items it waits for
PAST_SAMPLE = frozenset({State.TAIL, State.CUTOVER, State.WATCH})
"""States in which companies turn up that no sample gate has asked about."""


async def ask(migration: Migration, table: CompanyTable) -> None:
    """Hold companies that are about to be made and look like another one, and put each pair to a person."""
    fresh = await _fresh(migration, table.kind) if table.kind and migration.phase.state in PAST_SAMPLE else {}
    if not fresh:
        return
    held: dict[Key, list[str]] = dict(await migration.ledger.setting(HELD) or {})
    changes: list[Change] = []
    for pair in table.companies.ambiguous():
        known, new = (pair.one, pair.other) if pair.other in fresh else (pair.other, pair.one)
        if new not in fresh:
            continue
        item = pair_item(pair, kind=table.kind, known=known)
        before = await migration.ledger.item(item.id)
        if before is not None and before.state == "resolved":
            continue
        changes.append(Enqueue(item=item))
        if not migration.asks("sample"):      # the same gate: who lets it open by itself waives these too
            changes += closed(item, "waive", by="gates.sample = auto")
            continue
        held.setdefault(new, [])
        held[new] = sorted({*held[new], item.id})
        changes.append(_hold(fresh[new], pair))
    if changes:
        await migration.ledger.commit([*changes, PutSetting(name=HELD, value=held or None)])


async def release(migration: Migration) -> int:
    """Let go what was decided: made as a firm of its own, or given up for the one it is the same as; answers how many."""
    held: dict[Key, list[str]] = dict(await migration.ledger.setting(HELD) or {})
    if not held:
        return 0
    decided = {item.id: item.decision for item in await migration.ledger.queue(state="resolved", cause=AMBIGUOUS)}
    free = [key for key, items in held.items() if all(item in decided for item in items)]
    if not free:
        return 0
    kind = migration.pair.company.kind if migration.pair.company is not None else ""
    staged = await migration.ledger.staged(kind, free)
    changes: list[Change] = []
    for key in free:
        is_joined = any(decided[item] == "same" for item in held.pop(key))
        changes += _joined(staged, kind, key) if is_joined else [Reopen(kind=kind, keys=(key,))]
    changes += await run_along(migration.ledger, changes)
    await migration.ledger.commit([*changes, PutSetting(name=HELD, value=held or None)])
    return len(free)


async def _fresh(migration: Migration, kind: Kind) -> dict[Key, Staged]:
    """Give the companies that are about to be made and have no record in the destination."""
    found: dict[Key, Staged] = {}
    async for page in pending_pages(migration.ledger, kind):
        made = {link.ref.key for link in await migration.ledger.links_of(kind, [each.record.key for each in page])}
        found.update({each.record.key: each for each in page if each.record.key not in made})
    return found


def _hold(staged: Staged, pair: Lookalikes) -> Change:
    reason = f'"{pair.names[0]}" and "{pair.names[1]}" look alike; a person decides whether they are one firm'
    return finish_of(staged, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason=reason)


def _joined(staged: Mapping[Key, Staged], kind: Kind, key: Key) -> list[Change]:
    """People who waited for it are mapped anew, to the company it was joined with."""
    each = staged.get(key)
    finish = [unnamed(each)] if each is not None else []
    return [*finish, Wake(on=(name_of(kind, key),))]
