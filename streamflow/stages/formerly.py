"""Whose records were that we removed, or gave up for others that are made again: remembered, should people bring them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamflow.model import DestId, Kind, Link, Ref
from streamflow.stages.gone import GONE_KINDS
from streamflow.store.change import Change, DropLink, DropLookup, PutLookup

REMOVED: Final = "removed"
"""The side on which they are looked up by "id"; nobody is matched with what stands there."""


def remembered(kind: Kind, dest_id: DestId, ref: Ref) -> PutLookup:
    """Remember whose record this was."""
    return PutLookup(side=REMOVED, kind=kind, id=dest_id, values={"id": (dest_id,)}, info={"ref": [ref.kind, ref.key, ref.part]})


def given_up(line: Link) -> list[Change]:
    """Take a line out of the crosswalk whose record is gone and is made again; it is remembered whose it was, if it was made for it."""
    leads = line.dest_kind in GONE_KINDS and not line.is_merged
    return [DropLink(ref=line.ref), *([remembered(line.dest_kind, line.dest_id, line.ref)] if leads else [])]


def forgotten(kind: Kind, dest_id: DestId) -> DropLookup:
    """Forget it: it is in the crosswalk again."""
    return DropLookup(side=REMOVED, kind=kind, id=dest_id)


def ref_in(info: Mapping[str, Any]) -> Ref:
    """Give whose it was."""
    kind, key, part = info["ref"]
    return Ref(kind, key, part)
