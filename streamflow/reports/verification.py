"""
What is known of the destination records: one walk over the crosswalk counts records, fields, verdicts and links that lead nowhere.

Rule: the number of fields that were written is counted from the crosswalk, the verdicts come from the read-back; what is
neither judged nor waiting for its read-back is unaccounted, and there must be none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.ledger_names import OWNERS
from streamflow.mapping.pair import Pair
from streamflow.model import DestId, Key, Kind, Link, Ref, Verdict
from streamflow.stages.kept import expected
from streamflow.store.base import Ledger

VERDICTS: Final = tuple(each.value for each in Verdict)
TO_PEOPLE: Final = frozenset({"link:owner", "link:assignee"})
TO_RECORDS: Final = frozenset({"link:parent", "link:participants", "link:relatedEntity", "link:contacts", "link:accounts"})
_PARENT_RELATIONS: Final = frozenset({"link:parent", "link:participants", "link:relatedEntity"})
_USERS: Final = "-users"
MAX_ORPHANS: Final = 1000


@dataclass(slots=True)
class Written:
    """What the crosswalk says of one destination kind."""

    created: int = 0
    matched: int = 0
    merged: int = 0
    verified: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Survey:
    """The findings of the walk; bounded by the number of kinds and fields, and by MAX_ORPHANS."""

    known_users: frozenset[DestId] = frozenset()
    kinds: dict[Kind, Written] = field(default_factory=lambda: defaultdict(Written))
    fields: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    filled: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    pending: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    checked: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    orphan_count: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    elsewhere: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    orphans: list[dict[str, Any]] = field(default_factory=list)

    def add(self, links: Sequence[Link], known: frozenset[DestId] | set[DestId], homes: Mapping[Ref, DestId]) -> None:
        """Take in a page of the crosswalk; *known*: ids in the crosswalk, *homes*: what each source record's parent has become."""
        for link in links:
            written = self.kinds[link.dest_kind]
            if link.is_merged:
                written.merged += 1
                continue
            written.created += link.ours
            written.matched += not link.ours
            written.verified[link.verified] += 1
            for name, value in expected(link.base).items():
                place = (link.dest_kind, name)
                self.fields[place] += 1
                self.filled[place] += value not in (None, "", [], {})
                self.pending[place] += link.verified == "pending"
            for name, ids in named_records(link):
                self._check(link, name, ids, known, homes.get(link.ref))

    def _check(self, link: Link, name: str, ids: Sequence[DestId], known: frozenset[DestId] | set[DestId], home: DestId | None) -> None:
        place = (link.dest_kind, name)
        self.checked[place] += 1
        to_people = name in TO_PEOPLE
        lost = [each for each in ids if (not each.endswith(_USERS) if to_people else each not in known)]
        if lost:
            self.orphan_count[place] += 1
            if len(self.orphans) < MAX_ORPHANS:
                self.orphans.append(_orphan(link, name, lost, "not a user" if to_people else "not in the crosswalk"))
        elif to_people:
            self.elsewhere[place] += any(each not in self.known_users for each in ids)
        elif name in _PARENT_RELATIONS and home is not None and home not in ids:
            self.elsewhere[place] += 1

    def written_rows(self) -> list[dict[str, Any]]:
        """Give a row a destination kind."""
        return [
            {
                "destination": kind,
                "records": one.created + one.matched,
                "created": one.created,
                "matched": one.matched,
                "merged_lines": one.merged,
                **{state: one.verified[state] for state in ("verified", "differs", "unreadable", "pending")},
            }
            for kind, one in sorted(self.kinds.items())
        ]

    def field_rows(self, verdicts: Mapping[tuple[Kind, str, str], int]) -> list[dict[str, Any]]:
        """Give a row a field: written, filled, every verdict, waiting, and whether they add up."""
        places = sorted({*self.fields, *((kind, name) for kind, name, _ in verdicts)})
        rows = []
        for kind, name in places:
            judged = {verdict: verdicts.get((kind, name, verdict), 0) for verdict in VERDICTS}
            written, pending = self.fields[kind, name], self.pending[kind, name]
            unaccounted = written - pending - sum(judged.values())
            rows.append(
                {
                    "destination": kind,
                    "field": name,
                    "written": written,
                    "filled": self.filled[kind, name],
                    **judged,
                    "pending": pending,
                    "unaccounted": unaccounted,
                    "accounted": unaccounted == 0,
                }
            )
        return rows

    def link_rows(self) -> list[dict[str, Any]]:
        """Give a row a relation: how many were looked up, and how many lead nowhere or to another record than the source's parent."""
        return [
            {
                "destination": kind,
                "relation": name.removeprefix("link:"),
                "checked": count,
                "resolved": count - self.orphan_count[kind, name],
                "elsewhere": self.elsewhere[kind, name],
                "orphans": self.orphan_count[kind, name],
            }
            for (kind, name), count in sorted(self.checked.items())
        ]


def _orphan(link: Link, name: str, lost: Sequence[DestId], reason: str) -> dict[str, Any]:
    return {
        "kind": link.ref.kind,
        "key": link.ref.key,
        "part": link.ref.part,
        "destination": link.dest_id,
        "relation": name.removeprefix("link:"),
        "names": ", ".join(lost),
        "reason": reason,
    }


def named_records(link: Link) -> list[tuple[str, list[DestId]]]:
    """Give the relations of a written record with the ids they name; participants that are users are left out."""
    found = []
    for name, value in expected(link.base).items():
        if name in TO_RECORDS or name in TO_PEOPLE:
            ids = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str) and each]
            if name not in TO_PEOPLE:
                ids = [each for each in ids if not each.endswith(_USERS)]
            if ids:
                found.append((name, ids))
    return found


async def survey(ledger: Ledger, pair: Pair) -> Survey:
    """Walk the whole crosswalk, a page at a time."""
    users = {str(owner["dest_id"]) for owner in await ledger.setting(OWNERS) or [] if owner.get("dest_id")}
    found = Survey(known_users=frozenset(users))
    async for page in ledger.crosswalk():
        ids = {each for link in page for name, named in named_records(link) if name not in TO_PEOPLE for each in named}
        known = {link.dest_id for link in await ledger.links_to(sorted(ids))} if ids else set()
        found.add(page, known, await _homes(ledger, pair, page))
    return found


async def _homes(ledger: Ledger, pair: Pair, page: Sequence[Link]) -> dict[Ref, DestId]:
    """Find what the parent that the source names for each record has become."""
    by_kind: dict[Kind, set[Key]] = defaultdict(set)
    for link in page:
        by_kind[link.ref.kind].add(link.ref.key)
    parents: dict[tuple[Kind, Key], Ref] = {}
    for kind, keys in by_kind.items():
        if (above := pair.of(kind).parent) is None:
            continue
        for key, staged in (await ledger.staged(kind, sorted(keys))).items():
            if staged.record.parent:
                parents[kind, key] = Ref(above, staged.record.parent)
    homes = await ledger.links(sorted(set(parents.values()))) if parents else {}
    return {
        link.ref: homes[parent].dest_id
        for link in page
        if (parent := parents.get((link.ref.kind, link.ref.key))) is not None and parent in homes
    }
