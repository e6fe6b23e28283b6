"""
The spot check: some persons, picked by a seed, with the source's value beside what was expected and what was read back.

Rule: who is picked depends on seed and key alone, so that the same seed shows the same persons however often and whenever it is asked.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from streamflow.ledger_names import MAP_CONFIRMED
from streamflow.mapping.pair import Pair
from streamflow.mapping.values import field_of
from streamflow.model import FieldCheck, Key, Kind, Link, Staged, Verdict
from streamflow.stages.kept import expected as ours
from streamflow.store.base import Ledger

PERSONS: Final = 50
_TELLING: Final = frozenset({Verdict.LOSSY.value, Verdict.DIFFERS.value, Verdict.UNREADABLE.value})


def rank(seed: int, key: Key) -> str:
    """Give the place of a record in the draw of this seed."""
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()


async def draw(ledger: Ledger, kind: Kind, *, seed: int, size: int) -> list[Key]:
    """Pick *size* persons that have a destination record."""
    picked: list[tuple[str, Key]] = []
    async for page in ledger.every(kind):
        links = {link.ref.key for link in await ledger.links_of(kind, [staged.record.key for staged in page])}
        picked = heapq.nsmallest(size, [*picked, *((rank(seed, key), key) for key in links)])
    return [key for _, key in picked]


async def spot_check(ledger: Ledger, pair: Pair, *, seed: int = 7, size: int = PERSONS) -> dict[str, Any]:
    """Give the sample with a row for every field of its persons: source, expected, actual, verdict."""
    kind = pair.person.kind
    keys = await draw(ledger, kind, seed=seed, size=size)
    staged = await ledger.staged(kind, keys)
    sources = source_names(await ledger.setting(MAP_CONFIRMED), kind)
    rows: list[dict[str, Any]] = []
    merged = 0
    for key in keys:
        links = await ledger.links_of(kind, [key])
        checks = {(check.ref, check.field): check for check in await ledger.checks_of(kind, key)}
        for link in links:
            if link.is_merged:
                merged += 1
                rows.append(_merged_row(link))
                continue
            rows += [
                field_row(link, name, staged[key], checks.get((link.ref, name)), sources.get((link.dest_kind, name), ()))
                for name in ours(link.base)
            ]
    differing = sum(row["verdict"] == Verdict.DIFFERS.value for row in rows)
    waiting = sum(row["verdict"] in ("pending", Verdict.UNREADABLE.value) for row in rows)
    return {
        "seed": seed,
        "persons": len(keys),
        "fields": len(rows) - merged,
        "merged": merged,
        "differs": differing,
        "not_read_back": waiting,
        "rows": rows,
    }


def field_row(link: Link, name: str, staged: Staged, check: FieldCheck | None, source: Sequence[str]) -> dict[str, Any]:
    """Build the line of one field. Equal values are kept once in the ledger: as what was written."""
    expected = link.base.get(name)
    if check is None:
        verdict, actual = "pending", None
    else:
        verdict = check.verdict.value
        actual = check.actual if verdict in _TELLING or check.actual is not None else expected
    return {
        "key": link.ref.key,
        "destination": link.dest_id,
        "field": name,
        "source": source_values(staged.record.data, source),
        "expected": expected,
        "actual": actual,
        "verdict": verdict,
    }


def source_names(confirmed: Mapping[str, Any] | None, kind: Kind) -> dict[tuple[Kind, str], tuple[str, ...]]:
    """Give, by the confirmed map, the source fields of a person behind each destination field."""
    found: dict[tuple[Kind, str], tuple[str, ...]] = {}
    for one in ((confirmed or {}).get("document") or {}).get("objects") or []:
        if one["source"] == kind:
            for row in one["rows"]:
                if row["target"]:
                    place = (one["destination"], row["target"])
                    found[place] = (*found.get(place, ()), row["source"])
    return found


def source_values(data: Mapping[str, Any], names: Iterable[str]) -> str:
    """Say the source's own values of these fields ("name: Ann; surname: Nel")."""
    values = ((name, field_of(data, name)) for name in names)
    told = [
        (name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
        for name, value in values
        if value not in (None, "", [])
    ]
    return told[0][1] if len(told) == 1 else "; ".join(f"{name}: {value}" for name, value in told)


def _merged_row(link: Link) -> dict[str, Any]:
    return {
        "key": link.ref.key,
        "destination": link.dest_id,
        "field": "(person)",
        "source": "",
        "expected": "shares this person",
        "actual": "",
        "verdict": "merged",
    }
