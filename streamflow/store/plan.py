"""
From changes to the statements of one transaction. Pure.

Rule 1: changes that touch different tables do not see each other, so each table's changes are gathered and run together.
Rule 2: among changes of one table their order is kept, but between two reopenings finishing comes before waking: a record parked
on what was woken is pending either way, and one that is finished need not be woken.
Rule 3: new names (a record's key, a line's owner) come before everything else, since the other changes use them.
Rule 4: where one run names the same thing twice the later one counts, as it would one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal, TypeAlias, cast

from streamflow.errors import InvariantBroken
from streamflow.model import OPEN_INTENTS, UNSETTLED_INTENTS, IntentState, RecordState, Verdict, name_of
from streamflow.store.audit import Head, chain
from streamflow.store.change import (
    Audit,
    Change,
    DropLink,
    DropLookup,
    Enqueue,
    Finish,
    Fold,
    MarkVerified,
    Missed,
    MoveLink,
    MoveMark,
    PutIntent,
    PutLink,
    PutLookup,
    PutSetting,
    Rekey,
    Reopen,
    ResolveItem,
    SettleIntent,
    Wake,
)
from streamflow.store.codec import Row, intent_row, item_row, link_row, ref_cells, text_of, verdicts_of

Numbers: TypeAlias = Literal["none", "one", "rows"]
Renaming: TypeAlias = Rekey | Fold | MoveLink
"""Changes of names, which come before all others."""
FOLLOWING = ("rekey_links", "rekey_intents", "rekey_items")
"""Statements by which what is known of a record goes to another key."""
KEPT_VALUES = (Verdict.DIFFERS, Verdict.UNREADABLE)
"""Verdicts for which both values are kept, so that a person can look at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One statement to run."""

    name: str                    # in queries.sql
    rows: Sequence[Row] = ()     # what it is given many of
    args: tuple[Any, ...] = ()   # what it is given once
    numbers: Numbers = "none"    # change numbers it uses up; the last one before goes in as its last argument
    expect: int | None = None    # rows it must change, or the transaction is undone


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The statements in order, and where the audit chain stands after them."""

    steps: tuple[Step, ...]
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a plan must know of the present."""

    at: str
    epoch: int
    head: Head


_TABLE_OF: dict[type, str] = {
    Rekey: "name", Fold: "name", MoveLink: "name",
    Finish: "record", Reopen: "record", Wake: "record", Missed: "record", PutIntent: "intent", SettleIntent: "intent",
    PutLink: "link", DropLink: "link", MarkVerified: "link", PutLookup: "lookup", DropLookup: "lookup", Enqueue: "item",
    ResolveItem: "item", MoveMark: "mark", PutSetting: "setting", Audit: "audit",
}


def plan(changes: Iterable[Change], now: Moment) -> Plan:
    """
    Give the statements that apply *changes*.

    Raises:
        InvariantBroken: a record is finished without a disposition, or a value cannot be kept.
    """
    tables: dict[str, list[Change]] = {"name": []}
    for change in changes:
        tables.setdefault(_TABLE_OF[type(change)], []).append(change)
    lines, head = chain(now.head, (change.entry for change in cast(list[Audit], tables.pop("audit", []))), at=now.at)
    steps = [step for table, held in tables.items() for step in _steps_of(table, held, now)]
    if lines:
        steps.append(Step(name="put_audit", rows=[[line.seq, line.text, line.hash] for line in lines]))
    return Plan(steps=tuple(steps), head=head)


def _steps_of(table: str, changes: Sequence[Change], now: Moment) -> list[Step]:
    match table:
        case "name":
            return [step for change in changes for step in _renamed(cast(Renaming, change))]
        case "record":
            return _records(changes)
        case "lookup":
            return _lookups(cast(Sequence[PutLookup | DropLookup], changes))
        case "mark":
            return _marks(cast(Sequence[MoveMark], changes), now)
        case "setting":
            return _settings(cast(Sequence[PutSetting], changes))
        case _:
            return [step for kind, run in groupby(changes, type) for step in _run(kind, list(run), now)]


def _run(kind: type, run: Sequence[Any], now: Moment) -> list[Step]:
    if kind is PutIntent:
        return [Step(name="put_intents", rows=[intent_row(c.intent, at=now.at, epoch=now.epoch) for c in run])]
    if kind is SettleIntent:
        return _settled(run, now)
    if kind is PutLink:
        return [Step(name="put_links", rows=[link_row(c.link, at=now.at) for c in run])]
    if kind is DropLink:
        return [Step(name="drop_links", rows=[ref_cells(c.ref) for c in run])]
    if kind is MarkVerified:
        return _verified(run)
    if kind is Enqueue:
        return [Step(name="enqueue", rows=[item_row(c.item, at=now.at) for c in run])]
    resolved = {c.id: [c.id, c.decision, c.by] for c in run}
    return [Step(name="resolve_items", rows=list(resolved.values()), args=(now.at,), expect=len(resolved))]


# ------------------------------------------------------------------------------------------------ names


def _renamed(change: Renaming) -> list[Step]:
    if isinstance(change, MoveLink):
        old, new = tuple(ref_cells(change.old)), tuple(ref_cells(change.new))
        moves = [Step(name=name, args=(*old, *new)) for name in ("move_shape", "move_findings", "move_intents")]
        return [Step(name="copy_link", rows=[[*old, *new]], expect=1), *moves, Step(name="drop_links", rows=[list(old)])]
    if isinstance(change, Fold):
        return _folded(change)
    kind, names = change.kind, (change.kind, change.old, change.new)
    things = (name_of(kind, change.old), name_of(kind, change.new))
    return [
        Step(name="rekey", rows=[list(names)], expect=1),
        *(Step(name=name, args=names) for name in FOLLOWING),
        Step(name="drop_known", args=(kind, change.new)),
        Step(name="rekey_known", args=names),
        *(Step(name=name, args=things) for name in ("rekey_waiting", "rekey_wakes")),
    ]


def _folded(change: Fold) -> list[Step]:
    names = (change.kind, change.old, change.into)
    return [
        Step(name="fold", rows=[list(names)], expect=1),
        *(Step(name=name, args=names) for name in ("set_aside", *FOLLOWING)),
        Step(name="drop_known", args=(change.kind, change.old)),
        Step(name="rekey_waiting", args=(name_of(change.kind, change.old), name_of(change.kind, change.into))),
    ]


# ------------------------------------------------------------------------------------------------ records


def _records(changes: Sequence[Change]) -> list[Step]:
    steps: list[Step] = []
    for reopening, group in groupby(changes, lambda change: isinstance(change, Reopen)):
        run = list(group)
        steps += _reopened(cast(list[Reopen], run)) if reopening else _moved(run)
    return steps


def _reopened(changes: Iterable[Reopen]) -> list[Step]:
    steps = []
    for change in changes:
        if change.keys:
            rows = [[change.kind, key, change.but] for key in dict.fromkeys(change.keys)]
            steps.append(Step(name="reopen", rows=rows, numbers="rows"))
        else:
            steps.append(Step(name="reopen_all", args=(change.kind, change.but), numbers="rows"))
    return steps


def _moved(changes: Sequence[Change]) -> list[Step]:
    steps = _finished([change for change in changes if isinstance(change, Finish)])
    things = [[thing] for thing in dict.fromkeys(thing for change in changes if isinstance(change, Wake) for thing in change.on)]
    if things:
        steps += [Step(name="call_out", rows=things, numbers="one"), Step(name="wake", rows=things, numbers="rows")]
    missed = Counter((change.kind, key) for change in changes if isinstance(change, Missed) for key in change.keys)
    if missed:
        steps.append(Step(name="missed", rows=[[*name, times] for name, times in missed.items()]))
    return steps


def _finished(changes: Sequence[Finish]) -> list[Step]:
    if not changes:
        return []
    rows: list[Row] = []
    for change in merged(changes):
        disposition = change.disposition.value if change.disposition else None
        rows.append([change.kind, change.key, change.seq, change.state.value, disposition, change.reason, change.ground, change.waiting_on])
    steps = [Step(name="finish", rows=rows)]
    parked = [row[:2] for row in rows if row[3] == RecordState.PARKED]
    if parked:
        # The record it waits for may have been called out while this one was being looked at: then it would wait for ever.
        steps.append(Step(name="rewake", rows=parked, numbers="rows"))
    return steps


def merged(changes: Iterable[Finish]) -> list[Finish]:
    """Give one finish for each version of a record: the later one, with the last disposition that was named."""
    last: dict[tuple[str, str, int], Finish] = {}
    for change in changes:
        refuse_unexplained(change)
        name = (change.kind, change.key, change.seq)
        before = last.get(name)
        last[name] = replace(change, disposition=change.disposition or before.disposition) if before else change
    return list(last.values())


def in_effect_order(changes: Iterable[Change]) -> list[Change]:
    """Give changes in the order in which a commit lets them take effect, for who applies them one by one."""
    held = list(changes)
    ordered: list[Change] = [change for change in held if isinstance(change, Renaming)]
    rest = [change for change in held if not isinstance(change, Renaming)]
    for reopening, group in groupby(rest, lambda change: isinstance(change, Reopen)):
        run = list(group)
        finishes = [] if reopening else merged(change for change in run if isinstance(change, Finish))
        ordered += [*finishes, *(change for change in run if not isinstance(change, Finish))]
    return ordered


def refuse_unexplained(change: Finish) -> None:
    """Raise InvariantBroken for a record that is done without a disposition, or parked on nothing."""
    if change.state is RecordState.DONE and change.disposition is None:
        raise InvariantBroken(f"{change.kind} {change.key} is to be done without a disposition", hint="a bug: each ends in exactly one")
    if change.state is RecordState.PARKED and not change.waiting_on:
        raise InvariantBroken(f"{change.kind} {change.key} is to be parked on nothing", hint="a bug: nothing could ever wake it")


# ------------------------------------------------------------------------------------------------ intents, links


def _settled(run: Sequence[SettleIntent], now: Moment) -> list[Step]:
    rows: dict[str, Row] = {}
    for change in run:
        before = rows.get(change.id, [change.id, IntentState.MEANT, None])
        refuse_resettling(IntentState(before[1]), change)
        dest_id = change.dest_id or before[2]
        settled_at = "" if change.state in OPEN_INTENTS else now.at
        rows[change.id] = [
            change.id, change.state.value, dest_id, change.reason, settled_at, change.ending.value, change.unknown_since,
        ]
    return [Step(name="settle_intents", rows=list(rows.values()), expect=len(rows))]


def refuse_resettling(state: IntentState, change: SettleIntent) -> None:
    """Raise InvariantBroken when an intent that has its definite answer is to get another one."""
    if state not in UNSETTLED_INTENTS and state is not change.state:
        raise InvariantBroken(f"intent {change.id} is {state} and cannot become {change.state}", hint="a bug: an outcome is noted once")


def _verified(run: Sequence[MarkVerified]) -> list[Step]:
    last = {change.ref: change for change in run}
    rows: list[Row] = []
    shapes: dict[tuple[str, str], None] = {}
    findings: list[Row] = []
    for ref, change in last.items():
        verdicts = verdicts_of(change.checks)
        dest_kind = change.checks[0].dest_kind if change.checks else ""
        rows.append([*ref_cells(ref), change.verified, dest_kind, verdicts])
        if verdicts:
            shapes[dest_kind, verdicts] = None
        kept = {check.field: check for check in change.checks if check.verdict in KEPT_VALUES}
        findings += [[*ref_cells(ref), name, text_of(check.expected), text_of(check.actual)] for name, check in kept.items()]
    steps = [Step(name="put_shapes", rows=list(shapes))] if shapes else []
    steps.append(Step(name="drop_findings", rows=[row[:3] for row in rows]))
    steps.append(Step(name="mark_verified", rows=rows))
    if findings:
        steps.append(Step(name="put_findings", rows=findings))
    return steps


# ------------------------------------------------------------------------------------------------ the rest


def _lookups(changes: Sequence[PutLookup | DropLookup]) -> list[Step]:
    last = {(change.side, change.kind, change.id): change for change in changes}
    puts = {name: change for name, change in last.items() if isinstance(change, PutLookup)}
    steps = [Step(name="drop_lookups", rows=list(last))]
    if puts:
        steps.append(Step(name="put_known", rows=[[*name, text_of(change.info)] for name, change in puts.items()]))
    values = [[*name, by, value] for name, change in puts.items() for by, held in change.values.items() for value in held]
    if values:
        steps.append(Step(name="put_lookups", rows=values))
    return steps


def _marks(changes: Sequence[MoveMark], now: Moment) -> list[Step]:
    last = {change.name: [change.name, change.cursor, text_of(change.note)] for change in changes}
    return [Step(name="move_marks", rows=list(last.values()), args=(now.at,))]


def _settings(changes: Sequence[PutSetting]) -> list[Step]:
    last = {change.name: change.value for change in changes}
    put = [[name, text_of(value)] for name, value in last.items() if value is not None]
    gone = [[name] for name, value in last.items() if value is None]
    steps = [Step(name="put_settings", rows=put)] if put else []
    if gone:
        steps.append(Step(name="drop_settings", rows=gone))
    return steps
