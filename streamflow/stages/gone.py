"""Names and questions about destination records that people removed: plain values."""

from __future__ import annotations

from typing import Final

from streamflow.model import DestId, Kind, Link, QueueItem

GONE: Final = "gone:"
"""Prefix of the setting that remembers a removed record, and of what its children wait for while they are parked."""
MERGED: Final = "merged:"
"""Prefix of the setting that remembers a record people merged away: {"kind", "into", "refs": [[kind, key, part]]}."""
GONE_KINDS: frozenset[Kind] = frozenset({"accounts", "contacts", "leads"})
"""Kinds that carry others and that people merge."""


def gone_id(link: Link) -> str:
    """Name the question about a destination record that is gone; one made again is another record."""
    return f"gone:{link.ref.kind}:{link.ref.key}:{link.ref.part}:{link.dest_id}"


def gone_item(link: Link, reason: str = "") -> QueueItem:
    """Ask what is to become of a record that a person removed in the destination."""
    return QueueItem(
        id=gone_id(link), cause="deleted_at_destination", kind=link.ref.kind, key=link.ref.key,
        reason=reason or f"{link.dest_kind} record {link.dest_id} was deleted, or merged without a trace; nothing was made again",
        decisions=("keep", "recreate"), suggested="keep", details={"dest_id": link.dest_id},
    )


def waits_for(dest_id: DestId) -> str:
    """Name what children of a removed record wait for: that it comes back."""
    return f"{GONE}{dest_id}"
