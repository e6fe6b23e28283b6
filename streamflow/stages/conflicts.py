"""
Fields that a person in the destination and the source both changed: what the map says of them, what is asked, what is told.

Rule 1: a question names one value of the source; another value is another question.
Rule 2: an answer is about the value of the destination that was told with the question. What a person wrote there since is asked about
anew, also where the source comes back to a value that was answered about long ago.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

from streamflow.mapping.changes import Conflict, Merged, Policy
from streamflow.mapping.items import is_blank
from streamflow.model import AuditEntry, Fields, Link, QueueItem, Staged
from streamflow.stages.kept import expected, kept, known
from streamflow.stages.planning import Facts, both_ways, is_there
from streamflow.store.change import Audit, Change, Enqueue

_WHY_CONFLICT = "{field} of {record} was changed by a person there and in the source; theirs was kept"
_WHY_ADOPTED = "{field} of {record} differs from the source; an earlier run wrote it, so who changed it is unknown; it was kept"

_NEVER = object()


def conflict_id(link: Link, name: str, wanted: Any) -> str:
    """Name the question about one value of the source: another value is another question."""
    digest = crc32(json.dumps(wanted, sort_keys=True, default=str).encode())
    return f"conflict:{link.ref.kind}:{link.ref.key}:{link.ref.part}:{name}:{digest:08x}"


def answer(link: Link, name: str, wanted: Any, now: Fields, facts: Facts) -> tuple[str, str]:
    """Give what a person decided about a value of the source over the one that is there *now*, "" when nothing, and the question's id."""
    last, fresh = facts.directory.last_answered(conflict_id(link, name, wanted))
    if "destination" not in facts.told.get(last, {}):
        return "", fresh
    is_as_told = both_ways(facts.compare, link.dest_kind, name, facts.told[last]["destination"], now.get(name))
    return (facts.directory.decisions[last], last) if is_as_told else ("", fresh)


def answers_for(link: Link, fields: Fields, facts: Facts) -> Iterable[str]:
    """Name the items by which a person last answered about what the source says of a record now."""
    for name in {**fields, **known(link.base)}:
        if last := facts.directory.last_answered(conflict_id(link, name, fields.get(name)))[0]:
            yield last


def outdated(merged: Merged, link: Link, fields: Fields, now: Fields, facts: Facts) -> tuple[Conflict, ...]:
    """Give fields of which a person said that the source's value goes, over another one of the destination than is there by now."""
    settled = {*merged.changes, *(each.field for each in merged.conflicts)}
    return tuple(
        Conflict(field=name, policy="keep", base=wanted, wanted=fields.get(name), now=now.get(name))
        for name, wanted in kept(link.base).items()
        if name not in settled and not is_blank(fields.get(name)) and fields.get(name) == wanted
        and facts.directory.last_word(conflict_id(link, name, wanted))[0] == "take"
        and not answer(link, name, wanted, now, facts)[0]
        and not is_there(facts.compare, link.dest_kind, name, wanted, now.get(name))
    )


def mapped(link: Link, name: str, wanted: Any, facts: Facts) -> Policy | None:
    """
    Give what the map says of a field that both sides changed; what a person decided about this very value goes first.

    The source's value goes only where there was one of ours before: what a record of the account's own held was there first.
    """
    if conflict_id(link, name, wanted) in facts.directory.decisions:
        return None
    word = facts.disputes(link.ref.kind, link.dest_kind).get(name)
    return None if word == "take" and not (link.ours or name in expected(link.base)) else word


def told(
    conflict: Conflict, link: Link, staged: Staged, policies: Mapping[str, Policy], lost: Sequence[str], question: str,
    clearable: Collection[str] = (),
) -> Iterable[Change]:  # fmt: skip
    """
    Ask about a field that both sides changed; where the map says what becomes of it, the audit tells that, once a value.

    A source that holds nothing any more takes nothing away: theirs stays under every policy, and nothing else is offered but for the
    *clearable* fields, which are still as we wrote them. *question* is the item's id.
    """
    word = policies.get(conflict.field, "ask")
    is_nothing = is_blank(conflict.wanted)
    if conflict.policy != "take" and (word == "ask" or lost):
        yield Enqueue(item=_question(conflict, link, staged, lost, question, can_go=not is_nothing or conflict.field in clearable))
    elif word != "ask" and ((word == "take" and not is_nothing) or kept(link.base).get(conflict.field, _NEVER) != conflict.wanted):
        yield Audit(entry=AuditEntry(
            actor="streamflow", action=f"conflict.{'keep' if is_nothing else word}", kind=staged.record.kind, key=staged.record.key,
            dest_id=link.dest_id, note=f"{conflict.field}: by the map",
            before={"base": conflict.base, "destination": conflict.now}, after={"source": conflict.wanted},
        ))


def _question(conflict: Conflict, link: Link, staged: Staged, lost: Sequence[str], question: str, *, can_go: bool) -> QueueItem:
    record = staged.record
    reason = (_WHY_ADOPTED if link.is_adopted else _WHY_CONFLICT).format(field=conflict.field, record=link.dest_id)
    if lost:
        reason = (
            f"{conflict.field} was changed in the source; {link.dest_id} might have to be made anew for it, and people worked on it "
            f"({', '.join(sorted(lost))}): it was left"
        )
        reason += '; "take" replaces it' if can_go else ""
    return QueueItem(
        id=question, cause="conflict", kind=record.kind, key=record.key,
        reason=reason, decisions=("keep", "take") if can_go else ("keep",), suggested="keep",
        details={"field": conflict.field, "base": conflict.base, "source": conflict.wanted, "destination": conflict.now,
                 "dest_id": link.dest_id},
    )
