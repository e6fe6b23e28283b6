"""
Deciding what a source record needs, from facts already collected: plain functions, no waiting.

Rule 1: a part that has a line in the crosswalk is updated three ways; one that has none is created, once.
Rule 2: a record is never written before what it belongs to; it waits (parked) or, when that is under way, comes again.
Rule 3: a destination record that is gone was removed by a person: it is reported, never made again.
Rule 4: no two plans under way write to the same destination record; the later one comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from streamflow.mapping.changes import Conflict, Policy, merge
from streamflow.mapping.derived import Issue
from streamflow.model import (
    DestId,
    Disposition,
    Draft,
    Fields,
    Kind,
    Link,
    Op,
    QueueItem,
    RecordState,
    Ref,
    Staged,
    Verdict,
)
from streamflow.stages.batch import Plan, Write
from streamflow.stages.directory import BLOCKING_KINDS, Directory
from streamflow.store.base import Change, Enqueue, Finish

Compare = Callable[[Kind, str, Any, Any], Verdict]

SAME = (Verdict.EQUAL, Verdict.NORMALISED)

ACTION_FIELDS = ("stageset", "stage", "outcome")
"""Fields of a lead that are set by calls of their own, after the record exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a plan may depend on."""

    links: Mapping[Ref, Link]                                  # own parts and everything referred to
    now: Mapping[DestId, Fields]                               # present values of records to be changed; missing: gone
    parents: Mapping[Ref, Staged] = field(default_factory=dict)  # staged state of blocking references without a link
    directory: Directory = field(default_factory=Directory)
    compare: Compare
    busy: set[DestId] = field(default_factory=set)             # destination records that another plan is writing to


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why a record cannot be planned yet."""

    on: str = ""                 # "kind:key"; "" = what it needs is under way, come again
    unknown: bool = False        # nothing of that name was ever read
    reason: str = ""


def finish_of(staged: Staged, *, state: RecordState = RecordState.DONE, disposition: Disposition | None = None,
              reason: str = "", waiting_on: str = "") -> Finish:
    """Build the Finish of a staged record."""
    return Finish(
        kind=staged.record.kind, key=staged.record.key, seq=staged.seq, state=state, disposition=disposition, reason=reason,
        waiting_on=waiting_on,
    )


def refs_in(fields: Fields) -> Iterable[Ref]:
    """Give the references in link fields."""
    for name, value in fields.items():
        if name.startswith("link:"):
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Ref):
                    yield each


def resolve_links(draft: Draft, own: Staged, facts: Facts) -> Fields | Waiting:
    """Replace references by destination ids. References to the record's own parts stay until those exist."""
    resolved: Fields = {}
    for name, value in draft.fields.items():
        if not name.startswith("link:"):
            resolved[name] = value
            continue
        ids: list[Any] = []
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, Ref):
                ids.append(each)
                continue
            link = facts.links.get(each)
            if link is not None:
                ids.append(link.dest_id)
            elif (each.kind, each.key) == (own.record.kind, own.record.key):
                ids.append(each)
            elif (dest_id := facts.directory.lookup(each)) is not None:
                ids.append(dest_id)
            elif each.kind in BLOCKING_KINDS:
                return waiting_for(each, facts)
        ids = list(dict.fromkeys(ids))
        if isinstance(value, list):
            resolved[name] = ids
        elif ids:
            resolved[name] = ids[0]
    return resolved


def waiting_for(ref: Ref, facts: Facts) -> Waiting:
    """Say what a blocking reference without a destination record means for the one that refers to it."""
    parent = facts.parents.get(ref)
    if parent is None:
        return Waiting(unknown=True, reason=f"belongs to {ref.kind} {ref.key}, which is not among the records read")
    if parent.state is RecordState.PENDING:
        return Waiting(reason="what it belongs to is under way")
    return Waiting(
        on=f"{ref.kind}:{ref.key}",
        reason=f"belongs to {ref.kind} {ref.key}, which was not moved ({parent.disposition or parent.state}: {parent.reason})",
    )


def wait_plan(staged: Staged, waiting: Waiting) -> Plan:
    """Park, hold or postpone a record that cannot be written yet."""
    record = staged.record
    if waiting.unknown:
        item = QueueItem(
            id=f"unknown_parent:{record.kind}:{record.key}", cause="unknown_parent", kind=record.kind, key=record.key,
            reason=waiting.reason, decisions=("reparent:<kind>:<key>", "waive", "retry"), suggested="waive",
        )
        finish = finish_of(staged, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason=waiting.reason)
        return Plan(staged=staged, changes=(Enqueue(item=item),), finish=finish, disposition=Disposition.FLAGGED)
    if not waiting.on:
        return Plan(staged=staged)
    finish = finish_of(
        staged, state=RecordState.PARKED, disposition=Disposition.FLAGGED, reason=waiting.reason, waiting_on=waiting.on,
    )
    return Plan(staged=staged, finish=finish, disposition=Disposition.FLAGGED)


def create_writes(draft: Draft, ref: Ref, fields: Fields, directory: Directory) -> list[Write]:
    """One create, and for leads the actions that only an existing record can take."""
    actions = {name: fields[name] for name in ACTION_FIELDS if name in fields}
    native = {name: value for name, value in fields.items() if name not in actions}
    author = directory.author(draft.author)
    writes = [Write(op=Op.CREATE, ref=ref, dest_kind=draft.kind, fields=native, marker=draft.marker, author=author, base=native)]
    if actions:
        writes.append(Write(op=Op.UPDATE, ref=ref, dest_kind=draft.kind, fields=actions, marker=draft.marker, now=native, base=fields))
    return writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What updating one existing part comes to."""

    writes: tuple[Write, ...] = ()
    links: tuple[Link, ...] = ()
    changes: tuple[Change, ...] = ()
    busy: bool = False


def update_part(draft: Draft, link: Link, fields: Fields, staged: Staged, facts: Facts) -> Update:
    """Compare base, source and destination, and write only what is ours to write."""
    if all(link.base.get(name, _MISSING) == value for name, value in fields.items()) and not (link.base.keys() - fields.keys()):
        return Update()
    now = facts.now.get(link.dest_id)
    if now is None:
        return Update(changes=(Enqueue(item=_gone(link, staged)),))
    if link.dest_id in facts.busy:
        return Update(busy=True)
    merged = merge(
        link.base, fields, now, same=lambda name, one, other: facts.compare(draft.kind, name, one, other) in SAME,
        policies=_policies(link, fields, facts.directory),
    )
    queue = tuple(Enqueue(item=_conflict(each, link, staged)) for each in merged.conflicts if each.policy != "take" and link.base)
    theirs = {each.field for each in merged.conflicts if each.policy != "take"}
    base = {name: value for name, value in merged.base.items() if name not in theirs}   # a value a person took over is not ours to verify
    if not merged.changes:
        kept = () if base == link.base else (replace(link, base=base, verified="pending"),)
        return Update(links=kept, changes=queue)
    facts.busy.add(link.dest_id)
    before = link.before
    if link.is_matched:
        before = {**{name: now.get(name) for name in merged.changes}, **(link.before or {})}
    write = Write(
        op=Op.UPDATE, ref=link.ref, dest_kind=link.dest_kind, fields=merged.changes, marker=draft.marker, dest_id=link.dest_id,
        author=facts.directory.author(draft.author), now=dict(now), base=base, before=before, ours=link.ours,
    )
    return Update(writes=(write,), changes=queue)


_MISSING = object()


def _policies(link: Link, fields: Fields, directory: Directory) -> dict[str, Policy]:
    """Take what a person decided on earlier conflicts of this record; "keep" is the rule."""
    stem = f"conflict:{link.ref.kind}:{link.ref.key}:{link.ref.part}:"
    return {name: "take" for name in {**fields, **link.base} if directory.decisions.get(stem + name) == "take"}


def _conflict(conflict: Conflict, link: Link, staged: Staged) -> QueueItem:
    record = staged.record
    return QueueItem(
        id=f"conflict:{record.kind}:{record.key}:{link.ref.part}:{conflict.field}", cause="conflict", kind=record.kind, key=record.key,
        reason=f"{conflict.field} was changed by a person in the destination and in the source; theirs was kept",
        decisions=("keep", "take"), suggested="keep",
        details={"field": conflict.field, "base": conflict.base, "source": conflict.wanted, "destination": conflict.now,
                 "dest_id": link.dest_id},
    )


def _gone(link: Link, staged: Staged) -> QueueItem:
    record = staged.record
    return QueueItem(
        id=f"gone:{record.kind}:{record.key}:{link.ref.part}", cause="deleted_at_destination", kind=record.kind, key=record.key,
        reason=f"{link.dest_kind} record {link.dest_id} was deleted or merged in the destination; the source has changed since",
        decisions=("keep", "recreate"), suggested="keep", details={"dest_id": link.dest_id},
    )


def issue_items(staged: Staged, issues: Iterable[Issue]) -> tuple[Change, ...]:
    """Queue what the map could not move cleanly, each once, not blocking."""
    record = staged.record
    return tuple(
        Enqueue(item=QueueItem(
            id=f"{issue.cause}:{record.kind}:{record.key}:{issue.field}", cause=issue.cause, kind=record.kind, key=record.key,
            reason=f"{issue.field}: {issue.cause.replace('_', ' ')}; {issue.suggestion}", decisions=("accept", "retry"), suggested="accept",
            details={"field": issue.field, "value": issue.value},
        ))
        for issue in issues
    )


def stale_parts(own: Iterable[Link], drafts: Iterable[Draft]) -> list[Link]:
    """Parts that exist in the destination and that the record no longer asks for (a note that became shorter)."""
    wanted = {draft.part for draft in drafts}
    return [link for link in own if link.ref.part not in wanted and not link.is_merged]
