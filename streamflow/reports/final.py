"""All reports that are drawn from the ledger, in one go: at the end of the backfill, at the switch, and at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from streamflow.mapping.pair import Pair
from streamflow.reports import inventories, listings, people, scores, sheets, trail
from streamflow.reports.about import LIST
from streamflow.reports.crosswalk import NAME as CROSSWALK
from streamflow.reports.crosswalk import write_crosswalk
from streamflow.reports.dispositions import kinds_in, phase_rows
from streamflow.reports.reconciliation import reconciliation
from streamflow.reports.spot import PERSONS, spot_check
from streamflow.reports.writer import ReportWriter
from streamflow.store.base import Ledger

_DRAWN: Final[dict[str, Callable[[Ledger], Awaitable[dict[str, Any]]]]] = {
    "owners": people.owners,
    "schema": trail.schema,
    "cutover": trail.cutover,
    "audit": trail.audit_summary,
}
DRAWN_BY_PAIR: Final[dict[str, Callable[[Ledger, Pair], Awaitable[dict[str, Any]]]]] = {
    "companies": inventories.companies,
    "invitations": people.invitations,
    "groups": people.groups,
    "notifications": people.notifications,
    "automations": inventories.automations,
    "quality": inventories.quality,
    "repeats": inventories.repeats,
    "unmatched": inventories.unmatched,
    "deal-values": sheets.deal_values,
    "lead-sources": sheets.lead_sources,
    "appointment-history": sheets.appointment_history,
    "quality-score": scores.quality_score,
}


async def write_all(ledger: Ledger, writer: ReportWriter, *, pair: Pair, seed: int = 7, spot_size: int = PERSONS) -> list[str]:
    """
    Write every report that the ledger can give; answers their names. Each is replaced as a whole, so it may be repeated at any time.

    *seed* and *spot_size* choose the persons of the spot check. Raises StoreError when the ledger or the disk refuses.
    """
    written = [CROSSWALK]
    await write_crosswalk(ledger, writer)

    def put(name: str, data: dict[str, Any]) -> None:
        writer(name, data)
        written.append(name)

    counts = await ledger.counts()
    for kind in kinds_in(counts, pair):
        put(f"phase-{kind}", {"rows": phase_rows(counts, kind)})
    for kind in listings.listed(pair):
        put(f"{LIST}{kind}", await listings.listing(ledger, pair, kind))
    for name in pair.reports:
        put(name, await DRAWN_BY_PAIR[name](ledger, pair))
    for name, draw in _DRAWN.items():
        put(name, await draw(ledger))
    put("spot-check", await spot_check(ledger, pair, seed=seed, size=spot_size))
    put("reconciliation", await reconciliation(ledger, pair, seed=seed))
    return written
