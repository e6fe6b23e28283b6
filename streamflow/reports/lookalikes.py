"""
People and companies of the destination's own that stand beside one of ours: entered by hand while that kind was moved, or told of too late.

Rule: named is who would have been taken for it, or asked about, had they been there before; who was asked about already is in the queue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from streamflow.mapping.companies import normal_form
from streamflow.mapping.emails import normal
from streamflow.mapping.identity import Known, Match, Person, Review, decide
from streamflow.model import DestId, Kind, Link
from streamflow.reports.rows import Rows
from streamflow.stages.kept import known
from streamflow.store.base import Candidate, Ledger

_ASKED: Final = frozenset({"several_candidates", "unclear_name", "several_companies"})
_SAME_NAME: Final = "the same company name"


async def lookalikes(ledger: Ledger) -> Rows:
    """Give a row for each pair: our record, what the source calls it, theirs, and why they look alike. Calls nobody."""
    rows = Rows()
    for kind in ("accounts", "contacts"):
        async for page in ledger.crosswalk(dest_kind=kind):
            made = [link for link in page if link.ours and not link.is_merged]
            beside = await _beside(ledger, kind, made)
            suspects = [link for link in made if any(True for _ in _alike(kind, link, beside))]
            asked = await _asked(ledger, suspects)
            rows.extend(
                {"destination": kind, "record": link.dest_id, "kind": link.ref.kind, "key": link.ref.key, "beside": other, "reason": reason}
                for link in suspects if link.ref.key not in asked for other, reason in _alike(kind, link, beside)
            )
    return rows


async def _beside(ledger: Ledger, kind: Kind, made: Sequence[Link]) -> dict[tuple[str, str], list[Candidate]]:
    """Give those of the destination's own, by what they share with ours: (how, value)."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for link in made:
        for how, value in _shared(kind, link):
            wanted[how].add(value)
    found = await ledger.candidates(kind, {how: sorted(values) for how, values in wanted.items()}, side="dest") if wanted else ()
    ours = {link.dest_id for link in await ledger.links_to(sorted({each.id for each in found}))} if found else set()
    beside: defaultdict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for each in found:
        if each.id not in ours:
            beside[each.by, each.value].append(each)
    return beside


def _shared(kind: Kind, link: Link) -> Iterator[tuple[str, str]]:
    """Give by what a record of ours may be found: companies by their name, people by addresses and numbers."""
    base = known(link.base)
    if kind == "accounts":
        if form := normal_form(str(base.get("name") or "")):
            yield "name", form
        return
    yield from (("email", normal(text)) for text in _values(base.get("emails")))
    yield from (("phone", text) for text in _values(base.get("phones")))


def _alike(kind: Kind, link: Link, beside: dict[tuple[str, str], list[Candidate]]) -> Iterator[tuple[DestId, str]]:
    """Give who looks like a record of ours, and why."""
    near = {each.id: each for place in _shared(kind, link) for each in beside.get(place, ())}
    if kind == "accounts":
        yield from ((other, _SAME_NAME) for other in sorted(near))
        return
    base = known(link.base)
    person = Person(
        name=str(base.get("name") or ""), emails=tuple(_values(base.get("emails"))), phones=tuple(_values(base.get("phones"))),
    )
    for other, each in sorted(near.items()):
        named = Known(
            side="dest", id=other, dest_id=other, name=str(each.info.get("name") or ""), emails=tuple(each.info.get("emails") or ()),
            phones=tuple(each.info.get("phones") or ()),
        )
        decision = decide(person, [named])
        if isinstance(decision, Match | Review):
            yield other, decision.reason


async def _asked(ledger: Ledger, links: Sequence[Link]) -> set[str]:
    """Give the keys of those about whom somebody was asked who they are."""
    keys: defaultdict[Kind, list[str]] = defaultdict(list)
    for link in links:
        keys[link.ref.kind].append(link.ref.key)
    return {item.present_key for kind, those in keys.items() for item in await ledger.items_about(kind, those) if item.cause in _ASKED}


def _values(parts: Any) -> list[str]:
    return [str(each["value"]) for each in parts or () if isinstance(each, dict) and each.get("value")]
