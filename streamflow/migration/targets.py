"""Decisions that name a record (`reparent:`, `merge:`, `match:`, `adopt:`): looked up before they are taken."""

from __future__ import annotations

from streamflow.errors import NotFound, UsageError
from streamflow.mapping.pair import Role
from streamflow.migration.context import Migration
from streamflow.model import DestId, Intent, IntentState, Kind, QueueItem, kind_of
from streamflow.stages.directory import home_named
from streamflow.stages.gone import GONE_KINDS
from streamflow.stages.roles import roles_of

OF_SOURCE = ("reparent", "merge")
OF_DESTINATION = ("match", "adopt")


async def checked(migration: Migration, item: QueueItem, decision: str) -> str:
    """
    Give a decision about an item as it is kept, blanks around its target left out.

    Raises UsageError for one that is none for this item, misses its target or names one of the wrong kind, NotFound for a target
    that nobody knows.
    """
    verb, _, target = decision.partition(":")
    target = target.strip()
    offered = [each for each in item.decisions if each.partition(":")[0] == verb]
    if not offered:
        raise UsageError(f"{decision!r} is no decision for this item", hint=f"choose from: {', '.join(item.decisions)}")
    if verb not in (*OF_SOURCE, *OF_DESTINATION):
        if decision != verb:
            raise UsageError(f"the decision {verb} names no record", hint=f"say just `{verb}`")
        return verb
    if not target:
        raise UsageError(f"{decision!r} does not say which record", hint=f"say {offered[0]}")
    if verb in OF_SOURCE:
        await _in_source(migration, item, verb, target)
    elif decision not in item.decisions:     # what was offered was seen there
        await _in_destination(migration, item, verb, target)
    if verb == "adopt":
        await _is_free(migration, item, DestId(target))
    return f"{verb}:{target}"


async def _in_source(migration: Migration, item: QueueItem, verb: str, target: str) -> None:
    kind, key = item.kind, target
    if verb == "reparent":
        home = home_named(f"reparent:{target}", roles_of(migration.pair))
        if home is None:
            kinds = ", ".join(sorted(migration.pair.blocking))
            raise UsageError(f"{target!r} names nothing that a record can belong to", hint=f"say reparent:<kind>:<key>; kinds are {kinds}")
        kind, key = home.kind, home.key
    if (kind, key) in ((item.kind, item.key), (item.kind, item.present_key)):
        raise UsageError("a record cannot be its own parent or head", hint="name another one")
    if key not in await migration.ledger.staged(kind, [key]):
        raise NotFound(f"no {kind} record has the key {key}", hint="it is the key in the source; `queue show` and `trace` help to find it")


async def _in_destination(migration: Migration, item: QueueItem, verb: str, target: str) -> None:
    kind = await _meant(migration, item) if verb == "adopt" else _dest_kind(migration, item.kind)
    if kind_of(target) != kind:
        raise UsageError(f"{target!r} is no id of {kind} in the destination", hint=f"ids look like 23-{kind}")
    if target not in await migration.destination.reader.read(kind, [DestId(target)], custom=False):
        raise NotFound(f"the destination has no {target}, or it was deleted there", hint="take the id out of its address in the web app")


async def _is_free(migration: Migration, item: QueueItem, target: DestId) -> None:
    """
    Refuse to adopt what another record led to, or was just said to be: one of the two would be nowhere.

    People merge some kinds, and then two records of the source rightly lead to one.
    """
    if kind_of(target) in GONE_KINDS:
        return
    others = [(line.ref.kind, line.ref.key) for line in await migration.ledger.links_to([target])]
    said = [each for each in await migration.ledger.queue(state=None, cause="in_doubt") if each.decision == f"adopt:{target}"]
    others += [(each.kind, each.key) for each in said if await _intent_of(migration, each, IntentState.PARKED) is not None]
    for kind, key in others:
        if (kind, key) != (item.kind, item.key):
            raise UsageError(f"{target} is what {kind} {key} became", hint="name another one, or say `recreate` when there is none")


def _dest_kind(migration: Migration, kind: Kind) -> Kind:
    plan = migration.pair.of(kind)
    return "accounts" if plan.role is Role.COMPANY else "leads" if plan.role is Role.DEAL else "contacts"


async def _meant(migration: Migration, item: QueueItem) -> Kind:
    """The kind of the record that the write in doubt was to make."""
    intent = await _intent_of(migration, item)
    return intent.dest_kind if intent is not None else _dest_kind(migration, item.kind)


async def _intent_of(migration: Migration, item: QueueItem, *states: IntentState) -> Intent | None:
    """Give the write in doubt that an item is about, when it is in one of these states; in any when none is named."""
    intents = await migration.ledger.intents_of(item.kind, item.key)
    return next((each for each in intents if each.id == item.details.get("intent") and (not states or each.state in states)), None)
