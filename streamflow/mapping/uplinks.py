"""What a map derives from other records than the one at hand: who is derived anew when one is new, changed or gone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from streamflow.mapping.document import MapDocument
from streamflow.mapping.pair import Pair
from streamflow.mapping.rollups import needed_kinds
from streamflow.model import Kind, Record, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplinks:
    """Of each kind that others look at: the kinds of parents that do, and the kinds that yield to it, with the field that names them."""

    parents: Mapping[Kind, tuple[Kind, ...]] = field(default_factory=dict)
    yielding: Mapping[Kind, tuple[tuple[Kind, str], ...]] = field(default_factory=dict)

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds that others look at."""
        return frozenset((*self.parents, *self.yielding))

    def of(self, record: Record) -> frozenset[Ref]:
        """Name the records whose values follow from this one."""
        found = {Ref(kind, record.parent) for kind in self.parents.get(record.kind, ()) if record.parent}
        named = ((kind, str(record.data.get(name) or "")) for kind, name in self.yielding.get(record.kind, ()))
        return frozenset(found | {Ref(kind, key) for kind, key in named if key})


NO_UPLINKS: Final = Uplinks()


def uplinks_of(document: MapDocument, pair: Pair) -> Uplinks:
    """Read off a map who looks at whom."""
    parents: dict[Kind, dict[Kind, None]] = {}
    for one in document.objects:
        for child in needed_kinds(one, pair):
            parents.setdefault(child, {})[one.source] = None
    yielding: dict[Kind, list[tuple[Kind, str]]] = {}
    for plan in pair.kinds:
        if plan.yields_to:
            yielding.setdefault(plan.yields_to, []).append((plan.kind, plan.yields_by))
    return Uplinks(
        parents={child: tuple(kinds) for child, kinds in parents.items()},
        yielding={kind: tuple(found) for kind, found in yielding.items()},
    )
