"""How long a cutover takes on a quiet account once the horizon has passed, and where the time goes."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import anyio

from tests.bench.rig import BenchError, Case, Daemon, daemon_for
from tests.bench.table import Figure

ASK_AGAIN_S = 0.5
CAUGHT_UP_S = 120.0
HORIZON_S = 1.0        # settle_s of the sandbox's configuration


async def figures(pair: str, records: int) -> list[Figure]:
    """Cut over an account of this size on which nobody works any more."""
    async with daemon_for(Case(pair=pair, records=records, sample=40)) as daemon:
        await daemon.until("tail")
        await _caught_up(daemon)
        before = await daemon.moment("asked")
        await daemon.post("/v1/cutover", freeze_confirmed=True, dry_run=False)
        await daemon.until("watch")
        after = daemon.run.at("watch")
    times = {name: datetime.fromisoformat(text) for name, text in daemon.run.settings["cutover"]["times"].items()}
    order = [name for name in ("precheck", "freeze", "drain", "verify", "switch", "switched") if name in times]
    took = {one: round((times[other] - times[one]).total_seconds(), 3) for one, other in pairwise(order)}
    whole_s = (times["switched"] - times["drain"]).total_seconds() - HORIZON_S
    asked = after.source - before.source
    calls = sum(asked.values())
    return [Figure(
        name="cutover to switched on a quiet account, after the horizon", value=whole_s, unit="s",
        details={
            "steps_s": took, "horizon_s": HORIZON_S, "records": daemon.run.case.records, "cpu_s": round(after.cpu_s - before.cpu_s, 2),
            "source_calls": calls, "destination_calls": sum((after.destination - before.destination).values()),
            "by_name": dict(asked.most_common(6)), "ms_per_source_call": round(1e3 * whole_s / max(1, calls), 2),
        },
    )]  # fmt: skip


async def _caught_up(daemon: Daemon) -> None:
    """Wait until the dry run says that nothing stands against a cutover."""
    with anyio.move_on_after(CAUGHT_UP_S):
        while True:
            answer = await daemon.post("/v1/cutover", freeze_confirmed=True, dry_run=True)
            if answer.get("ok") and not answer.get("pending"):
                return
            await anyio.sleep(ASK_AGAIN_S)
    raise BenchError(f"a cutover was not possible within {CAUGHT_UP_S:.0f} s: {answer.get('reasons') or answer}")
