"""
Deciding what a source record needs, from facts already collected: plain functions, no waiting.

Rule 1: a part that has a line in the crosswalk is updated three ways; one that has none is created, once.
Rule 2: a record is never written before what it belongs to; it waits (parked) or, when that is under way, comes again.
Rule 3: a destination record that is gone was removed by a person: it is reported, and made again only when a person says so.
Rule 4: no two plans under way write to the same destination record; the later one comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from streamflow.mapping.changes import Policy
from streamflow.mapping.derived import Issue
from streamflow.mapping.items import Same
from streamflow.model import DestId, Disposition, Draft, Fields, Kind, Link, Op, QueueItem, RecordState, Ref, Staged, Verdict, name_of
from streamflow.stages.batch import Plan, Write
from streamflow.stages.directory import Directory
from streamflow.stages.gone import gone_id, gone_word, waits_for
from streamflow.stages.kept import known
from streamflow.store.change import Change, Enqueue, Finish

Compare = Callable[[Kind, str, Any, Any], Verdict]

SAME = (Verdict.EQUAL, Verdict.NORMALISED)

ACTION_FIELDS = ("stageset", "stage", "outcome", "isCompleted")
"""Fields of a lead or task that are set by calls of their own, after the record exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a plan may depend on."""

    links: Mapping[Ref, Link]                                  # own parts and everything referred to
    now: Mapping[DestId, Fields]                               # present values of records to be changed; missing: gone
    parents: Mapping[Ref, Staged] = field(default_factory=dict)  # staged state of blocking references without a link
    directory: Directory
    compare: Compare
    busy: set[str] = field(default_factory=set)                # destination ids and records ("kind:key") that a plan is writing to
    edits: Callable[[Kind], bool] = lambda _kind: False        # whether records of a kind can be changed without being made anew
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)      # queue item answered -> the details that were answered about
    fills: Callable[[Kind], Collection[str]] = lambda _kind: ()   # fields that new records of a kind may get by themselves
    worked_on: Collection[DestId] = ()                         # records that the destination did not let go: somebody was there
    disputes: Callable[[Kind, Kind], Mapping[str, Policy]] = lambda _kind, _dest_kind: {}   # what the map says of fields both changed
    gone: Collection[DestId] = ()                              # records of ours that people deleted
    sent: Mapping[Ref, Mapping[str, Sequence[Any]]] = field(default_factory=dict)    # own part -> field -> what may be there (`in_part`)
    held: frozenset[str] = frozenset()                         # those that were busy when the facts began to be collected: may be stale

    def is_busy(self, name: str) -> bool:
        """Say whether another plan writes to this, or did while the facts were collected."""
        return name in self.busy or name in self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why a record cannot be planned yet."""

    on: str = ""                 # "kind:key"; "" = what it needs is under way, come again
    unknown: bool = False        # nothing of that name was ever read
    reason: str = ""


def is_there(compare: Compare, kind: Kind, name: str, wanted: Any, now: Any) -> bool:
    """Say whether a value is what is there *now*; a list when its items are among those there, whatever people put beside them."""
    return compare(kind, name, wanted, now) in SAME


def both_ways(compare: Compare, kind: Kind, name: str, one: Any, other: Any) -> bool:
    """Say whether two values are the same; lists only when neither has more than the other."""
    is_list = isinstance(one, list) or isinstance(other, list)
    return is_there(compare, kind, name, one, other) and (not is_list or is_there(compare, kind, name, other, one))


def sameness(compare: Compare, kind: Kind) -> Same:
    """Say of records of a kind whether two values are the same (`both_ways`)."""
    return lambda name, one, other: both_ways(compare, kind, name, one, other)


def finish_of(staged: Staged, *, state: RecordState = RecordState.DONE, disposition: Disposition | None = None,
              reason: str = "", ground: str = "", waiting_on: str = "") -> Finish:
    """Build the Finish of a staged record."""
    return Finish(
        kind=staged.record.kind, key=staged.record.key, seq=staged.seq, state=state, disposition=disposition, reason=reason,
        ground=ground, waiting_on=waiting_on,
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
    line = facts.links.get(Ref(own.record.kind, own.record.key, draft.part))
    resolved: Fields = {}
    for name, value in draft.fields.items():
        if not name.startswith("link:"):
            resolved[name] = value
            continue
        ids: list[Any] = []
        gone: list[Link] = []
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, Ref):
                ids.append(each)
                continue
            link = facts.links.get(each)
            if link is not None:
                ids.append(link.dest_id)
                gone += [link] if link.dest_id in facts.gone else []
            elif (each.kind, each.key) == (own.record.kind, own.record.key):
                ids.append(each)
            elif (dest_id := facts.directory.lookup(each)) is not None:
                ids.append(dest_id)
            elif each.kind in facts.directory.roles.blocking:
                return waiting_for(each, facts)
        ids = list(dict.fromkeys(ids))
        if gone and not _stands(line, name, ids, facts):
            if not _does_without(name, gone, facts):
                return waiting_for_gone(gone[0].dest_id)
            ids = [each for each in ids if each not in facts.gone]
        if isinstance(value, list):
            resolved[name] = ids
        elif ids:
            resolved[name] = ids[0]
    return resolved


def _stands(line: Link | None, name: str, ids: Sequence[Any], facts: Facts) -> bool:
    """Say whether a relation is as it was written before, so that nothing is to be sent of it, whatever became of what it names."""
    if line is None:
        return False
    sharing = [each for each in facts.links.values() if each.dest_id == line.dest_id]      # who joined a record has no base of its own
    written = [known(each.base).get(name) for each in sharing]
    return any(set(before if isinstance(before, list) else [before]) == set(ids) for before in written)


def _does_without(name: str, gone: Sequence[Link], facts: Facts) -> bool:
    """Say whether somebody wants those companies gone: then people do without them."""
    return name == "link:accounts" and all(gone_word(gone_id(link), facts.directory) == "keep" for link in gone)


def waiting_for_gone(dest_id: DestId) -> Waiting:
    """Say that a record waits until one that people deleted is back or made again."""
    return Waiting(on=waits_for(dest_id), reason=f"belongs to {dest_id}, which people deleted in the destination")


def waiting_for(ref: Ref, facts: Facts) -> Waiting:
    """Say what a blocking reference without a destination record means for the one that refers to it."""
    parent = facts.parents.get(ref)
    if parent is None:
        reason = f"belongs to {ref.kind} {ref.key}, which is not among the records read"
        return Waiting(unknown=True, on=name_of(ref.kind, ref.key), reason=reason)
    if parent.state is RecordState.PENDING:
        return Waiting(reason="what it belongs to is under way")
    return Waiting(
        on=name_of(parent.record.kind, parent.record.key),   # where the record lives now, which may be another than it names
        reason=f"belongs to {ref.kind} {ref.key}, which was not moved ({parent.disposition or parent.state}: {parent.reason})",
    )


def wait_plan(staged: Staged, waiting: Waiting, directory: Directory) -> Plan:
    """
    Park, hold or postpone a record that cannot be written yet; what a person waived is done with, flagged.

    A person is asked about one whose parent was not read; it goes on by itself when the parent comes after all, as one does that people
    made between the reading of both kinds.
    """
    if waiting.unknown:
        asked = question_plan(
            staged, "unknown_parent", waiting.reason, directory, decisions=("reparent:<kind>:<key>", "waive", "retry"), suggested="waive"
        )
        if asked.finish is None or asked.finish.state is not RecordState.HELD:
            return asked
        return replace(asked, finish=replace(asked.finish, state=RecordState.PARKED, waiting_on=waiting.on))
    if not waiting.on:
        return Plan(staged=staged)
    finish = finish_of(
        staged, state=RecordState.PARKED, disposition=Disposition.FLAGGED, reason=waiting.reason, waiting_on=waiting.on,
    )
    return Plan(staged=staged, finish=finish, disposition=Disposition.FLAGGED)


def question_plan(
    staged: Staged, cause: str, reason: str, directory: Directory, *, decisions: tuple[str, ...], suggested: str, stem: str = "",
) -> Plan:  # fmt: skip
    """Hold a record until a person has answered; once it was waived it is done, flagged, and no longer asked about."""
    record = staged.record
    word, name = directory.last_word(f"{stem or cause}:{record.kind}:{record.key}")
    if word == "waive":
        waived = finish_of(staged, disposition=Disposition.FLAGGED, reason=f"left out by a person's decision: {reason}")
        return Plan(staged=staged, finish=waived, disposition=Disposition.FLAGGED)
    item = QueueItem(
        id=name, cause=cause, kind=record.kind, key=record.key, reason=reason, decisions=decisions, suggested=suggested,
    )
    finish = finish_of(staged, state=RecordState.HELD, disposition=Disposition.FLAGGED, reason=reason)
    return Plan(staged=staged, changes=(Enqueue(item=item),), finish=finish, disposition=Disposition.FLAGGED)


def create_writes(draft: Draft, ref: Ref, fields: Fields, directory: Directory) -> list[Write]:
    """One create, and for leads the actions that only an existing record can take."""
    actions = {name: fields[name] for name in ACTION_FIELDS if name in fields}
    native = {name: value for name, value in fields.items() if name not in actions}
    author = directory.author(draft.author)
    writes = [Write(op=Op.CREATE, ref=ref, dest_kind=draft.kind, fields=native, marker=draft.marker, author=author, base=native)]
    if actions:
        writes.append(Write(op=Op.UPDATE, ref=ref, dest_kind=draft.kind, fields=actions, marker=draft.marker, now=native, base=fields))
    return writes


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
