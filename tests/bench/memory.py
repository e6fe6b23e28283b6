"""Resident memory of the daemon on a large account beside that on a small one, sampled over whole runs until the tail has caught up."""

from __future__ import annotations

from tests.bench.rig import Case, Run, daemon_for
from tests.bench.table import Figure

GROWTH_MIB = 30.0
CEILING_MIB = 150.0
SMALL, LARGE = 10_000, 100_000
LIMIT_S = 5400.0


async def figures(pair: str, *, is_large: bool) -> list[Figure]:
    """Compare 100,000 records with 10,000, or for a quick look 10,000 with 2,000."""
    small, large = (SMALL, LARGE) if is_large else (2_000, SMALL)
    first = await _run(pair, small)
    second = await _run(pair, large)
    grown = second.peak_rss_mib - first.peak_rss_mib
    words = f"{large:,} records"
    details = {"small": _told(first), "large": _told(second)}
    return [
        Figure(name=f"resident memory, {words} above {small:,}", value=grown, at_most=GROWTH_MIB, unit="MiB", details=details),
        Figure(name=f"resident memory at its peak, {words}", value=second.peak_rss_mib, at_most=CEILING_MIB, unit="MiB", details=details),
    ]


async def _run(pair: str, records: int) -> Run:
    """By files, since a call for each lead and kind of child would make most of the time and none of the memory."""
    case = Case(pair=pair, records=records, reader="files", pace_per_s=5000.0, in_flight=16, sample=100, limit_s=LIMIT_S)
    async with daemon_for(case) as daemon:
        await daemon.until("tail")
        await daemon.settle()     # the first round of the tail takes in what the destination told of the whole backfill
    return daemon.run


def _told(run: Run) -> dict[str, object]:
    begun, end = run.at("backfill"), run.at("tail")
    return {
        "records": run.case.records, "migrated": run.migrated, "peak_mib": round(run.peak_rss_mib, 1), "at_tail_mib": round(end.rss_mib, 1),
        "by_phase_mib": {moment.phase: round(moment.rss_mib, 1) for moment in run.moments}, "backfill_s": round(end.at_s - begun.at_s, 1),
        "cpu_s": round(end.cpu_s, 1), "peaks_mib": {phase: round(peak, 1) for phase, peak in run.peaks.items()},
    }  # fmt: skip
