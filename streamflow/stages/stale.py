"""
Parts of ours that the source no longer asks for, and those that stand twice.

Rule 1: texts of ours that nobody touched go; what people worked on, and what may carry their records, is asked about.
Rule 2: an answer is about the record that was shown with the question, and serves none that is made later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from zlib import crc32

from streamflow.model import AuditEntry, DestId, Draft, Fields, Kind, Link, Op, QueueItem, Staged
from streamflow.stages.batch import Write
from streamflow.stages.gone import is_aside
from streamflow.stages.kept import expected, of_people
from streamflow.stages.peoples import added_fields
from streamflow.stages.planning import Facts, both_ways
from streamflow.stages.updating import Update, stays_removed
from streamflow.store.change import Audit, Change, DropLink, Enqueue, PutLink

TEXT_KINDS: frozenset[Kind] = frozenset({"notes", "tasks", "activities"})
"""Kinds of which a part that the source dropped is removed; the others may carry what people hung on them."""

LOST_KINDS: frozenset[Kind] = frozenset({"activities", "tasks"})
"""Kinds that cannot be restored once they are removed."""


def stale_parts(own: Iterable[Link], drafts: Iterable[Draft]) -> list[Link]:
    """Parts that exist in the destination and that the record no longer asks for (a note that became shorter)."""
    wanted = {draft.part for draft in drafts}
    return [link for link in own if link.ref.part not in wanted and not link.is_merged]


def without_moving(stale: Iterable[Link], instead: Mapping[str, str], base: Fields) -> list[Link]:
    """
    Give parts that may go: not one whose text is to stand in a field of the main record and does not by what will be ours of it.

    *instead*: part -> that field; it may hold what a person wrote there, and then the part stays the only place of the text.
    """
    return [link for link in stale if (name := instead.get(link.ref.part.split(":", 1)[0])) is None or name in expected(base)]


def beside(own: Mapping[str, Link]) -> list[tuple[Link, Link]]:
    """Give parts of ours that stand beside the one they are a double of, with that one: "<part>~<destination id>" beside "<part>"."""
    found = [(link, own.get(part.removesuffix(f"~{link.dest_id}"))) for part, link in own.items() if part.endswith(f"~{link.dest_id}")]
    return [(link, main) for link, main in found if main is not None and main.dest_kind == link.dest_kind]


def surviving(own: Mapping[str, Link], now: Mapping[DestId, Fields]) -> list[Change]:
    """Let a double take the place of the one it was a double of where people removed that: of two that are the same one stays."""
    changes: list[Change] = []
    for link, main in beside(own):
        if link.dest_id in now and main.dest_id not in now:
            changes += [DropLink(ref=link.ref), PutLink(link=replace(link, ref=main.ref, verified="pending")), Audit(entry=AuditEntry(
                actor="streamflow", action="link.moved", kind=main.ref.kind, key=main.ref.key, dest_id=link.dest_id, before=main.dest_id,
                note="made twice, and the other one was removed by people",
            ))]
    return changes


def remove_stale(stale: Iterable[Link], staged: Staged, facts: Facts) -> Update:
    """
    Remove texts of ours that the record no longer has; what people worked on, and what may carry their records, is asked about.

    One that people removed is forgotten, unless it tells of a part that is not to be made without being asked for.
    """
    writes: list[Write] = []
    changes: list[Change] = []
    for link in stale:
        now = facts.now.get(link.dest_id)
        if facts.is_busy(link.dest_id):
            return Update(busy=True)
        if now is None:
            changes += [] if is_aside(link) and stays_removed(link, facts) else [DropLink(ref=link.ref)]
            continue
        theirs, is_told = _theirs(link, now, facts), link.dest_id in facts.worked_on
        question = _part_question(link, now, theirs, is_told=is_told)
        last, fresh = facts.directory.last_answered(question)
        is_answered = facts.told.get(last, {}).get("dest_id") == link.dest_id     # else it was about one that stood here before
        is_plain = link.ours and link.dest_kind in TEXT_KINDS and not theirs and not is_told
        if is_plain or (link.ours and is_answered and facts.directory.decisions[last] == "remove"):
            writes.append(Write(
                op=Op.DELETE, ref=link.ref, dest_kind=link.dest_kind, fields={}, dest_id=link.dest_id, now=dict(now),
                since=link.written_at if is_plain and link.dest_kind in LOST_KINDS else "",
            ))
        else:
            changes.append(Enqueue(item=_kept_part(staged, link, theirs, last if is_answered else fresh, is_told=is_told)))
    facts.busy.update(write.dest_id for write in writes if write.dest_id is not None)
    return Update(writes=tuple(writes), changes=tuple(changes))


def _theirs(link: Link, now: Fields, facts: Facts) -> list[str]:
    """Name what people changed or put on a part of ours; lists count when either side has more."""
    kind, compare = link.dest_kind, facts.compare
    changed = [name for name, value in expected(link.base).items() if not both_ways(compare, kind, name, value, now.get(name))]
    return sorted({*of_people(link.base), *changed, *added_fields(link, now, facts.fills(kind))})


def stale_answers(stale: Iterable[Link], facts: Facts) -> Iterable[str]:
    """Name the items by which a person last answered what is to become of parts that the source no longer asks for."""
    for link in stale:
        now = facts.now.get(link.dest_id)
        if now is None:
            continue
        question = _part_question(link, now, _theirs(link, now, facts), is_told=link.dest_id in facts.worked_on)
        if last := facts.directory.last_answered(question)[0]:
            yield last


def _part_question(link: Link, now: Fields, theirs: Sequence[str], *, is_told: bool) -> str:
    """
    Name the question about a part that the source no longer asks for; what people do to it later is another question.

    *is_told*: the destination says that somebody changed it, though it may read as we left it.
    """
    name = f"conflict:{link.ref.kind}:{link.ref.key}:{link.ref.part}:part"
    if not link.ours:
        return name
    if not theirs:
        return f"{name}:told" if is_told else name
    state = json.dumps({each: now.get(each) for each in theirs}, sort_keys=True, default=str)
    return f"{name}:{crc32(state.encode()):08x}"


def _kept_part(staged: Staged, link: Link, theirs: Sequence[str], name: str, *, is_told: bool) -> QueueItem:
    """Ask what is to become of a part that the source no longer asks for."""
    record, suggested = staged.record, "keep"
    decisions: tuple[str, ...] = ("keep", "remove") if link.ours else ("keep",)
    if not link.ours:
        reason = "it was there before us and stays"
    elif theirs:
        reason = f"it was left, since people worked on it ({', '.join(theirs)})"
    elif is_told:
        reason = "it was left, since the destination tells that somebody changed it after us: look at it, then decide"
    else:
        suggested = "remove"
        reason = "it shows no work of people; it was left, since what people hung on it would go with it: look at it, then decide"
    return QueueItem(
        id=name, cause="conflict", kind=record.kind, key=record.key, decisions=decisions, suggested=suggested,
        reason=f"the source no longer asks for {link.dest_id}: {reason}", details={"dest_id": link.dest_id, "fields": list(theirs)},
    )
