"""
Fields that a person in the destination and the source both changed: what the map says of them, what is asked, what is told.

Rule: a question names one value of the source; another value is another question.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

from streamflow.mapping.changes import Conflict, Policy
from streamflow.model import AuditEntry, Link, QueueItem, Staged
from streamflow.stages.kept import expected, kept
from streamflow.stages.planning import Facts
from streamflow.store.change import Audit, Change, Enqueue

_WHY_CONFLICT = "{field} of {record} was changed by a person there and in the source; theirs was kept"
_WHY_ADOPTED = "{field} of {record} differs from the source; an earlier run wrote it, so who changed it is unknown; it was kept"

_NEVER = object()


def conflict_id(link: Link, name: str, wanted: Any) -> str:
    """Name the question about one value of the source: another value is another question."""
    digest = crc32(json.dumps(wanted, sort_keys=True, default=str).encode())
    return f"conflict:{link.ref.kind}:{link.ref.key}:{link.ref.part}:{name}:{digest:08x}"


def mapped(link: Link, name: str, wanted: Any, facts: Facts) -> Policy | None:
    """
    Give what the map says of a field that both sides changed; what a person decided about this very value goes first.

    The source's value goes only where there was one of ours before: what a record of the account's own held was there first.
    """
    if conflict_id(link, name, wanted) in facts.directory.decisions:
        return None
    word = facts.disputes(link.ref.kind, link.dest_kind).get(name)
    return None if word == "take" and not (link.ours or name in expected(link.base)) else word


def told(conflict: Conflict, link: Link, staged: Staged, policies: Mapping[str, Policy], lost: Sequence[str]) -> Iterable[Change]:
    """
    Ask about a field that both sides changed; where the map says what becomes of it, the audit tells that, once a value.

    A source that holds nothing any more takes nothing away: theirs stays under every policy.
    """
    word = policies.get(conflict.field, "ask")
    is_blank = conflict.wanted in (None, "", [], {})
    if conflict.policy != "take" and (word == "ask" or lost):
        yield Enqueue(item=_question(conflict, link, staged, lost))
    elif word != "ask" and ((word == "take" and not is_blank) or kept(link.base).get(conflict.field, _NEVER) != conflict.wanted):
        yield Audit(entry=AuditEntry(
            actor="streamflow", action=f"conflict.{'keep' if is_blank else word}", kind=staged.record.kind, key=staged.record.key,
            dest_id=link.dest_id, note=f"{conflict.field}: by the map",
            before={"base": conflict.base, "destination": conflict.now}, after={"source": conflict.wanted},
        ))


def _question(conflict: Conflict, link: Link, staged: Staged, lost: Sequence[str] = ()) -> QueueItem:
    record = staged.record
    reason = (_WHY_ADOPTED if link.is_adopted else _WHY_CONFLICT).format(field=conflict.field, record=link.dest_id)
    if lost:
        reason = (
            f"{conflict.field} was changed in the source; {link.dest_id} might have to be made anew for it, and people worked on it "
            f"({', '.join(sorted(lost))}): it was left; \"take\" replaces it"
        )
    return QueueItem(
        id=conflict_id(link, conflict.field, conflict.wanted), cause="conflict", kind=record.kind, key=record.key,
        reason=reason, decisions=("keep", "take"), suggested="keep",
        details={"field": conflict.field, "base": conflict.base, "source": conflict.wanted, "destination": conflict.now,
                 "dest_id": link.dest_id},
    )
