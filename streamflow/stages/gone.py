"""
Names and questions about destination records that people removed.

Rule: an answer is about the time when the record was gone. Once it is there again the answer is over; gone once more is asked about anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamflow.model import DestId, Key, Kind, Link, QueueItem, Ref
from streamflow.stages.directory import Directory
from streamflow.stages.questions import closed, next_question, repeated
from streamflow.store.base import Ledger
from streamflow.store.change import Change, Enqueue, PutSetting

GONE: Final = "gone:"
"""Prefix of the setting that remembers a removed record, of what its children wait for while they are parked, and of the question."""
MERGED: Final = "merged:"
"""Prefix of the setting that remembers a record people merged away: {"kind", "into", "refs": [[kind, key, part]]}."""
WRITTEN: Final = "written:"
"""Prefix of the setting that keeps the base of a removed record (`written_name`)."""
GONE_KINDS: frozenset[Kind] = frozenset({"accounts", "contacts", "leads"})
"""Kinds that carry others and that people merge."""
BACK: Final = "back"
"""The word by which the engine itself answers the next question about a record that is there again: what was said before is over."""
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


def gone_word(question: str, directory: Directory) -> str:
    """Give what a person decided about a record that is gone, by the first id of the question; "" when nothing, or when that is over."""
    word, _ = directory.last_word(question)
    return "" if word == BACK else word


def is_wanted_again(link: Link, directory: Directory) -> bool:
    """Say whether a person wants a record made again that is gone."""
    return gone_word(gone_id(link), directory) == "recreate"


def gone_asked(link: Link, directory: Directory) -> str:
    """Give the id under which it is asked about a record that is gone, or was answered about while it is still the same loss."""
    last, fresh = directory.last_answered(gone_id(link))
    return last if last and directory.decisions[last] != BACK else fresh


async def gone_place(ledger: Ledger, link: Link) -> str:
    """Give the same from what the ledger holds."""
    first = gone_id(link)
    place = await next_question(ledger, repeated(first), is_over=lambda item: item.state == "resolved")
    return place.last.id if place.last is not None and place.standing is None and place.last.decision != BACK else place.name


def over(link: Link, directory: Directory) -> list[Change]:
    """Say that a record is there again of which a person decided what was to become of it when it was gone."""
    _, fresh = directory.last_answered(gone_id(link))
    item = gone_item(link, fresh, f"{link.dest_kind} record {link.dest_id} is there again: what was decided when it was gone is over")
    return [Enqueue(item=item), *closed(item, BACK)]


def gone_item(link: Link, name: str, reason: str = "") -> QueueItem:
    """Ask under a *name* what is to become of a record that a person removed in the destination."""
    return QueueItem(
        id=name, cause="deleted_at_destination", kind=link.ref.kind, key=link.ref.key,
        reason=reason or f"{link.dest_kind} record {link.dest_id} was deleted, or merged without a trace; nothing was made again",
        decisions=("keep", "recreate"), suggested="keep", details={"dest_id": link.dest_id},
    )


def written_name(link: Link) -> str:
    """Name the setting that keeps what was ours of a record that is gone, for the time when it is back: its base."""
    return f"{WRITTEN}{link.dest_id}:{link.ref.kind}:{link.ref.key}:{link.ref.part}"


async def as_written(ledger: Ledger, link: Link) -> tuple[Link, list[Change]]:
    """Give a line with all that is ours of its record, though that was gone when it was read back; and what ends the note of it."""
    base = await ledger.setting(written_name(link))
    if base is None:
        return link, []
    return replace(link, base=base, verified="pending"), [PutSetting(name=written_name(link), value=None)]


async def written_moved(ledger: Ledger, line: Link, ref: Ref) -> list[Change]:
    """Keep under the name of the part that a line belongs to from now on what was ours of its record, while that is gone."""
    was, over = await as_written(ledger, line)
    return [*over, PutSetting(name=written_name(replace(line, ref=ref)), value=was.base)] if over else []


async def written_following(ledger: Ledger, kind: Kind, old: Key, new: Key) -> list[Change]:
    """Keep under the key that a record goes by from now on what was ours of those of its records that are gone."""
    lines = await ledger.links_of(kind, [old])
    return [change for line in lines for change in await written_moved(ledger, line, replace(line.ref, key=new))]


def waits_for(dest_id: DestId) -> str:
    """Name what children of a removed record wait for: that it comes back."""
    return f"{GONE}{dest_id}"
