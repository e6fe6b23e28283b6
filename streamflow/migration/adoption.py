"""
Records that an earlier run made and whose state is not here any more: known by the markers they carry, and adopted.

Rule 1: this run did not make them, so it never removes them, and its rollback gives them back the values they have now.
Rule 2: of two records that carry one marker the older is adopted, and a person is told of the other.
Rule 3: what they hold is compared with the source when its turn comes; nobody can tell who made a difference, so it is asked about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from streamflow.mapping.deals import BESIDE
from streamflow.mapping.marker import FIELD, marker_in, ref_of
from streamflow.mapping.pair import Pair, Role
from streamflow.model import DestId, Fields, Kind, QueueItem, Ref
from streamflow.platforms.destination import FieldSpec
from streamflow.stages.formerly import adopted, doubled
from streamflow.store.base import Ledger
from streamflow.store.change import Change, Enqueue, PutSetting

FOUND = "adopted"
"""The setting that says how many of each destination kind were adopted; not there when none was."""
MARKED_KINDS: tuple[Kind, ...] = ("accounts", "contacts", "leads")
TEXT_KINDS: tuple[Kind, ...] = ("notes", "activities", "tasks")
"""Kinds that bear the marker in a custom field, and in their text."""
_MARKED_FIELD = FIELD.removeprefix("custom:")


def may_hold_markers(fields: Sequence[FieldSpec]) -> bool:
    """Say whether anything can carry a marker: every run defines the field before it writes its first record."""
    return any(each.label == _MARKED_FIELD for each in fields)


class Adoption:
    """Looks at the destination page by page and puts what it recognises into the crosswalk."""

    def __init__(self, ledger: Ledger, pair: Pair) -> None:
        self._ledger = ledger
        self._prefix = pair.prefix
        self._shapes = shapes_of(pair)
        self._found: Counter[Kind] = Counter()

    async def of_page(self, kind: Kind, page: Mapping[DestId, Fields]) -> list[Change]:
        """Give the lines for records of a page that carry our marker and have none yet; custom fields must have been read."""
        marked = {dest_id: ref for dest_id, fields in page.items() if (ref := self._ref(kind, fields)) is not None}
        if not marked:
            return []
        held = {ref: link.dest_id for ref, link in (await self._ledger.links(marked.values())).items()}
        changes: list[Change] = []
        for dest_id, ref in marked.items():
            first = held.setdefault(ref, dest_id)
            if first == dest_id:
                self._found[kind] += 1
                changes += adopted(kind, dest_id, ref, "adopted by its marker")
            else:
                why = f"{dest_id} carries the marker of {first}: one of the two is a copy; {first} is followed, {dest_id} is left as it is"
                changes.append(Enqueue(item=doubled(ref, dest_id, first, why)))
        return changes

    def told(self) -> list[Change]:
        """Give what is to be said of all that was found; nothing when nothing was."""
        if not self._found:
            return []
        counts = ", ".join(f"{number} {kind}" for kind, number in self._found.items())
        item = QueueItem(
            id="made_before", cause="made_before", kind="", key="", decisions=("accept",), suggested="accept", details=dict(self._found),
            reason=f"the destination holds records of an earlier run whose state is not here ({counts}); none is made a second time, "
            "and a rollback of this run removes none of them",
        )
        return [PutSetting(name=FOUND, value=dict(self._found)), Enqueue(item=item)]

    def _ref(self, kind: Kind, fields: Fields) -> Ref | None:
        if kind in TEXT_KINDS:
            text = fields.get("body" if kind == "notes" else "description")
            marker = marker_in(text) if isinstance(text, str) else None
            return ref_of(marker, self._prefix) if marker else None
        ref = ref_of(str(fields.get(FIELD) or ""), self._prefix)
        return ref if ref is not None and (kind, ref.kind, ref.part) in self._shapes else None


def shapes_of(pair: Pair) -> frozenset[tuple[Kind, Kind, str]]:
    """Give what a marker in a custom field may name: destination kind, source kind and part, as the pair's maps write them."""
    return frozenset(
        (one.destination, one.source, BESIDE if one.destination == "leads" and pair.of(one.source).role is Role.PERSON else "")
        for one in pair.objects if one.destination in MARKED_KINDS and pair.of(one.source).role is not Role.REFERENCE
    )
