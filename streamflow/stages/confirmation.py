"""
What a confirmed write brings to the crosswalk, however it was learnt of: by its answer, by a search for it, or from a person.

Rule 1: the line says what was meant before the first byte was sent (`Meaning`), not what can be told from the write alone.
Rule 2: who is one person with a record that is made, and whose values are in the create, has a line from that moment on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from streamflow.model import UNSETTLED_INTENTS, AuditEntry, DestId, Intent, Kind, Link, Op, RecordState, Ref
from streamflow.stages.overwritten import Done
from streamflow.stages.unknown import Joiner, Meaning, meaning_name
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, Finish, PutLink, PutSetting


def line_of(intent: Intent, meaning: Meaning, dest_id: DestId, *, phase: str, at: str) -> Link:
    """Give the line of the crosswalk for a create or update that is confirmed; *phase* is that of who confirms it."""
    return Link(
        ref=intent.ref, dest_kind=intent.dest_kind, dest_id=dest_id, base=meaning.base, ours=meaning.ours, before=meaning.before,
        verified="pending", phase=meaning.phase or phase, written_at=at,
    )


def brought(line: Link, joiners: Sequence[Joiner]) -> list[Change]:
    """Put a line into the crosswalk, and tie those to it who were in the create: what else they bring is their own from here on."""
    changes: list[Change] = [PutLink(link=line)]
    kind = line.ref.kind
    for each in joiners:
        merged = replace(line, ref=Ref(kind, each.key), base={}, ours=False, before=None, verified="verified")
        changes.append(PutLink(link=merged))
        changes.append(Audit(entry=AuditEntry(
            actor="streamflow", action="link", kind=kind, key=each.key, dest_id=line.dest_id, note="merged",
        )))
        changes.append(Finish(kind=kind, key=each.key, seq=each.seq, state=RecordState.PENDING, reason=each.reason))
    return changes


def learnt_late(intent: Intent, meaning: Meaning, *, at: float) -> list[Change]:
    """
    What else is due when the answer itself never came: people's edits under the write are looked for, its meaning is done with.

    *at* is when the write had surely been carried out, in Unix seconds by the steady clock.
    """
    done = Done.of(intent, seen=meaning.seen, now=meaning.now, before=meaning.before, at=at) if meaning.seen else None
    return [*([done.noted] if done is not None else []), forgotten(intent)]


def forgotten(intent: Intent) -> Change:
    """Drop the meaning of a write whose outcome is settled."""
    return PutSetting(name=meaning_name(intent), value=None)


async def meaning_of(ledger: Ledger, intent: Intent) -> Meaning:
    """
    Give what the crosswalk is to say of a write whose answer never came: as it was meant.

    A create without a meaning of its own holds what was sent. Who was in the create and went ways of their own meanwhile is left out.
    """
    kept = await ledger.setting(meaning_name(intent))
    if kept is not None:
        meaning = Meaning.from_json(kept)
        return replace(meaning, joiners=await _still_free(ledger, intent.ref.kind, meaning.joiners))
    line = (await ledger.links([intent.ref])).get(intent.ref)
    if line is None:
        return Meaning(base=dict(intent.fields), before=None, ours=True)
    return Meaning(base=dict(line.base), before=line.before, ours=line.ours, phase=line.phase if line.is_adopted else "")


async def _still_free(ledger: Ledger, kind: Kind, joiners: Sequence[Joiner]) -> tuple[Joiner, ...]:
    keys = [each.key for each in joiners]
    if not keys:
        return ()
    known, lines = await ledger.staged(kind, keys), await ledger.links([Ref(kind, key) for key in keys])
    writes = [each for intents in (await ledger.intents_by_key(kind, keys)).values() for each in intents]
    creates = [each for each in writes if each.op is Op.CREATE and each.ref.part == ""]
    under_way = {each.ref.key for each in creates if each.state in UNSETTLED_INTENTS}
    return tuple(each for each in joiners if each.key in known and Ref(kind, each.key) not in lines and each.key not in under_way)
