"""Names and questions about destination records that people removed: plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamflow.model import DestId, Kind, Link, QueueItem, Ref

GONE: Final = "gone:"
"""Prefix of the setting that remembers a removed record, and of what its children wait for while they are parked."""
MERGED: Final = "merged:"
"""Prefix of the setting that remembers a record people merged away: {"kind", "into", "refs": [[kind, key, part]]}."""
GONE_KINDS: frozenset[Kind] = frozenset({"accounts", "contacts", "leads"})
"""Kinds that carry others and that people merge."""
_FURTHER: Final = re.compile(r":?\d+/\d+$")


def aside(part: str, dest_kind: Kind) -> str:
    """Name the part of a record that was made as *dest_kind* and is to be another kind by now."""
    return f"{part}~{dest_kind}"


def gone_id(link: Link) -> str:
    """Name the question about a destination record that is gone; one made again is another record, one set aside is the same."""
    part = link.ref.part.removesuffix(aside("", link.dest_kind))
    return gone_name(replace(link.ref, part=part), link.dest_id)


def gone_name(ref: Ref, dest_id: DestId) -> str:
    """Name the question about the record that a part of a source record became, once it is gone."""
    return f"{GONE}{ref.kind}:{ref.key}:{ref.part}:{dest_id}"


def is_aside(link: Link) -> bool:
    """Say whether this is what a part was made as before it became another kind."""
    return link.ref.part.endswith(aside("", link.dest_kind))


def set_aside(part: str, own: Mapping[str, Link]) -> Link | None:
    """Give what a part was made as before it became another kind; of a text in several parts the first one tells."""
    first = _FURTHER.sub("", part)
    return next((link for name, link in own.items() if name == aside(first, link.dest_kind)), None)


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
