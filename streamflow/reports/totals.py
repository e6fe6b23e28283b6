"""
Source beside destination, value by value in the sum: null rates, sums of amounts, and counts by status, owner and month.

Rule: the source's side is counted from the staged records, the destination's from what was written and is read back. Compared are
records at rest that have a destination record of their own; merged ones lend it what it lacks, and where a person's version stands it is
theirs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from streamflow.ledger_names import MAP_CONFIRMED, OWNERS
from streamflow.mapping.catalogue import DETAILS
from streamflow.mapping.pair import KindPlan, Pair
from streamflow.mapping.settings import settings_of, value_key, value_map, ways_of
from streamflow.mapping.steps import STILL_OPEN
from streamflow.mapping.values import UNKNOWN_WAYS, Ways, decimal_of, field_of, is_empty, reader_for
from streamflow.model import Fields, Key, Kind, Link, RecordState, Staged
from streamflow.stages.kept import expected, kept
from streamflow.store.base import Ledger

AMOUNTS: Final = frozenset({"money", "number"})
BY_VALUE_MAP: Final = frozenset({"outcome", "stage"})
MAX_SEGMENTS: Final = 400
OTHER: Final = "(others)"
EMPTY: Final = "(none)"
_BY_RULE: Final = frozenset({"phone_labelled", "milestone_date", "rollup", "rollup_owner", "lead_flag", "constant"})
"""Transforms that fill a field or not by more than whether the source's one is filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One destination field of a kind and the source fields that fill it, by the confirmed map."""

    kind: Kind
    dest_kind: Kind
    name: str
    family: str
    sources: tuple[str, ...]
    ways: Ways = UNKNOWN_WAYS      # how its amounts are written
    silent: frozenset[str] = frozenset()   # values that by the map ask for nothing: a deal that is open has no outcome


@dataclass(slots=True)
class Tally:
    """What was counted for one target."""

    records: int = 0
    source_filled: int = 0
    destination_filled: int = 0
    both: int = 0
    theirs: int = 0           # a person's version stands in place of a value of the source
    source_sum: Decimal = Decimal(0)
    destination_sum: Decimal = Decimal(0)
    unread: int = 0           # amounts of the source that are none


@dataclass(slots=True)
class Totals:
    """The sums of a whole account; bounded by the fields of the map and `MAX_SEGMENTS`."""

    person: KindPlan
    targets: Sequence[Target]
    users: Mapping[Key, str]                       # source user -> destination user
    tallies: dict[tuple[Kind, Kind, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    source: Counter[tuple[str, str]] = field(default_factory=Counter)         # (segment, value) -> people
    destination: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, kind: Kind, page: Iterable[Staged], links: Iterable[Link], others: Mapping[Key, Sequence[Fields]]) -> None:
        """Take in a page of records with their lines of the crosswalk, and the data of *others* that share their destination record."""
        lines: dict[tuple[Key, Kind], list[Link]] = defaultdict(list)
        for link in links:
            if not link.is_merged:
                lines[link.ref.key, link.dest_kind].append(link)
        targets = [target for target in self.targets if target.kind == kind]
        for staged in page:
            if staged.state is RecordState.PENDING:
                continue      # its latest change is still to come
            told = [staged.record.data, *others.get(staged.record.key, ())]
            for target in targets:
                if found := lines.get((staged.record.key, target.dest_kind)):
                    self._count(target, told, found)
            if kind == self.person.kind and (found := lines.get((staged.record.key, "contacts"))):
                self._place(staged.record.data, found, targets)

    def _count(self, target: Target, told: Sequence[Fields], links: Sequence[Link]) -> None:
        tally = self.tallies[target.kind, target.dest_kind, target.name]
        given = [
            value for data in told for name in target.sources
            if not is_empty(value := field_of(data, name)) and not (target.silent and value_key(str(value)) in target.silent)
        ]  # fmt: skip
        held = [value for link in links if not is_empty(value := expected(link.base).get(target.name))]
        tally.records += 1
        is_theirs = not held and any(target.name in kept(link.base) for link in links)
        tally.theirs += is_theirs and bool(given)
        tally.source_filled += bool(given)
        tally.destination_filled += bool(held)
        tally.both += bool(given and held)
        if target.family in AMOUNTS and not is_theirs:
            self._sum(tally, target, given, held)

    def _sum(self, tally: Tally, target: Target, given: Sequence[Any], held: Sequence[Any]) -> None:
        """Add the amount that is there, and of those the source tells the same one where there are several."""
        read = reader_for(target.family, {}, target.ways)
        amounts = [amount for value in given if (amount := _amount(read(str(value)).value)) is not None]
        there = sum((_amount(value) or Decimal(0) for value in held), Decimal(0))
        tally.unread += bool(given) and not amounts
        tally.source_sum += there if there in amounts else amounts[0] if amounts else 0
        tally.destination_sum += there

    def _place(self, data: Mapping[str, Any], links: Sequence[Link], targets: Sequence[Target]) -> None:
        """Count a person by status, owner and month on both sides."""
        status, created = (self.person.fields(fact)[0] for fact in ("status", "created"))
        for segment, source in (("status", status), *(("owner", name) for name in self.person.owner[:1]), ("month of creation", created)):
            target = next((each for each in targets if each.dest_kind == "contacts" and source in each.sources), None)
            if target is None or any(target.name in kept(link.base) for link in links):
                continue
            here, there = field_of(data, source), next((expected(link.base).get(target.name) for link in links), None)
            if segment == "owner":
                here = self.users.get(str(here or ""), None)
            elif segment != "status":
                here, there = str(here or "")[:7], str(there or "")[:7]
            elif is_empty(here):
                continue      # only its key is given: the label is the reference data's
            self._add(self.source, segment, here)
            self._add(self.destination, segment, there)

    def _add(self, counter: Counter[tuple[str, str]], segment: str, value: Any) -> None:
        place = (segment, EMPTY if is_empty(value) else str(value).strip())
        known = place in self.source or place in self.destination
        counter[place if known or len(self.source) + len(self.destination) < MAX_SEGMENTS else (segment, OTHER)] += 1

    # ------------------------------------------------------------------------------------------ rows

    def null_rates(self, issues: Mapping[tuple[Kind, str], int]) -> list[dict[str, Any]]:
        """Give a row a field: how many records have it filled on either side, and whether each that is missing is accounted for."""
        return [self._rate(target, issues) for target in self.targets if self._of(target).records]

    def _rate(self, target: Target, issues: Mapping[tuple[Kind, str], int]) -> dict[str, Any]:
        tally = self._of(target)
        missing = max(0, tally.source_filled - tally.both - tally.theirs)
        told = sum(issues.get((target.kind, name), 0) for name in {*target.sources, target.name})
        return {
            "kind": target.kind,
            "source": ", ".join(target.sources),
            "destination": target.dest_kind,
            "field": target.name,
            "records": tally.records,
            "source_filled": tally.source_filled,
            "destination_filled": tally.destination_filled,
            "source_null_rate": _share(tally.records - tally.source_filled, tally.records),
            "destination_null_rate": _share(tally.records - tally.destination_filled, tally.records),
            "filled_by_rule": tally.destination_filled - tally.both,
            "kept_by_people": tally.theirs,
            "missing": missing,
            "unaccounted": max(0, missing - told),
        }

    def sums(self) -> list[dict[str, Any]]:
        """Give a row an amount: the sum on either side, and what could not be read as an amount."""
        return [
            {
                "kind": target.kind,
                "source": ", ".join(target.sources),
                "destination": target.dest_kind,
                "field": target.name,
                "source_sum": str(tally.source_sum),
                "destination_sum": str(tally.destination_sum),
                "difference": str(tally.source_sum - tally.destination_sum),
                "not_an_amount": tally.unread,
                "ok": tally.source_sum == tally.destination_sum,
            }
            for target in self.targets
            if target.family in AMOUNTS and (tally := self._of(target)).records
        ]

    def segments(self) -> list[dict[str, Any]]:
        """Give a row a status, owner and month: people with a record of their own on either side."""
        places = sorted({*self.source, *self.destination})
        return [
            {
                "segment": segment,
                "value": value,
                "source": self.source[segment, value],
                "destination": self.destination[segment, value],
                "difference": self.destination[segment, value] - self.source[segment, value],
            }
            for segment, value in places
        ]

    def _of(self, target: Target) -> Tally:
        return self.tallies.get((target.kind, target.dest_kind, target.name)) or Tally()


async def totals(ledger: Ledger, pair: Pair, issues: Mapping[tuple[Kind, str], int]) -> dict[str, Any]:
    """
    Walk every moved record once, a page at a time; answers "null_rates", "sums" and "segments".

    *issues*: how many items of the queue tell of a field of a kind.
    """
    owners = await ledger.setting(OWNERS) or []
    found = Totals(
        person=pair.person,
        targets=targets_of(await ledger.setting(MAP_CONFIRMED), pair),
        users={str(owner["key"]): str(owner["dest_id"]) for owner in owners if owner.get("dest_id")},
    )
    for kind in pair.written:
        async for page in ledger.every(kind):
            links = await ledger.links_of(kind, [staged.record.key for staged in page])
            found.add(kind, page, links, await _others(ledger, kind, links, is_people=kind == pair.person.kind))
    return {"null_rates": found.null_rates(issues), "sums": found.sums(), "segments": found.segments()}


def targets_of(confirmed: Mapping[str, Any] | None, pair: Pair) -> list[Target]:
    """Give, by the confirmed map, every destination field with the source fields behind it; lines of text are left out."""
    document = (confirmed or {}).get("document") or {}
    settings = settings_of(document.get("settings") or {}, pair)
    ways = ways_of(settings)
    found: dict[tuple[Kind, Kind, str], Target] = {}
    for one in document.get("objects") or []:
        for row in one["rows"]:
            if not _is_counted(one["source"], row, settings):
                continue
            place = (one["source"], one["destination"], row["target"])
            before = found[place].sources if place in found else ()
            found[place] = Target(
                kind=place[0], dest_kind=place[1], name=place[2], family=_family(row),
                sources=tuple(dict.fromkeys((*before, row["source"]))), ways=ways.of_row(row.get("params") or {}),
                silent=_silent(one["source"], row, settings),
            )  # fmt: skip
    return list(found.values())


def _is_counted(kind: Kind, row: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Say whether a filled field of the source should fill the target of a row."""
    if row["target"] in (None, DETAILS) or row.get("transform") in _BY_RULE:
        return False
    return row.get("transform") not in BY_VALUE_MAP or bool(value_map(settings, kind, row["source"], row.get("params") or {}))


def _family(row: Mapping[str, Any]) -> str:
    return "money" if row.get("transform") == "money_value" else str(row.get("family") or "text")


def _silent(kind: Kind, row: Mapping[str, Any], settings: Mapping[str, Any]) -> frozenset[str]:
    if row.get("transform") not in BY_VALUE_MAP:
        return frozenset()
    table = value_map(settings, kind, row["source"], row.get("params") or {})
    return frozenset(value for value, word in table.items() if word.strip().lower() in STILL_OPEN)


async def _others(ledger: Ledger, kind: Kind, links: Sequence[Link], *, is_people: bool) -> dict[Key, list[Fields]]:
    """Find what merged records say whose destination record is that of these links."""
    heads = {link.dest_id: link.ref.key for link in links if not link.is_merged and link.dest_kind == "contacts"}
    if not is_people or not heads:
        return {}
    merged = [link for link in await ledger.links_to(sorted(heads)) if link.is_merged and link.ref.kind == kind]
    staged = await ledger.staged(kind, sorted({link.ref.key for link in merged})) if merged else {}
    found: dict[Key, list[Fields]] = defaultdict(list)
    for link in merged:
        if link.ref.key in staged:
            found[heads[link.dest_id]].append(staged[link.ref.key].record.data)
    return found


def _amount(value: object) -> Decimal | None:
    return None if value is None else decimal_of(str(value))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""
