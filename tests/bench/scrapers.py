"""
What a storm of scrapers costs: the calls a backfill makes while fifty of them ask for `/metrics` without a pause, beside those without.

Both are taken from one run at no limit of pace, in spans that take turns, so that what changes along the run weighs on both alike. Each
scraper asks again as soon as it has its answer; they are in this process, and share the machine with the daemon and the simulators. What
the daemon itself spends on a call, with them and without, makes the other figure: the share of its one core that they take from it, which
is less blurred where others keep the machine busy.
"""

from __future__ import annotations

from collections import Counter
from itertools import cycle, islice

import aiohttp
import anyio

from tests.bench.rig import BenchError, Case, daemon_for
from tests.bench.table import Figure

SCRAPERS = 50
AT_LEAST = 0.95
SETTLE_S = 3.0        # of the backfill left out at its beginning
LEAD_S = 1.0          # until a storm has come up, or is over
SPAN_S = 4.0
SPANS = 12
RECORDS = 30_000      # enough for so long a backfill
ORDER = (False, True, True, False)      # with scrapers or without


async def figures(pair: str, records: int) -> list[Figure]:
    """Measure one run; the size of the account follows from the time that is measured."""
    case = Case(pair=pair, records=RECORDS, reader="files", sample=10, limit_s=600.0)
    calls, seconds, spent, answers = Counter[bool](), {False: 0.0, True: 0.0}, {False: 0.0, True: 0.0}, Counter[int]()
    async with daemon_for(case) as daemon:
        await daemon.until("backfill")
        url = f"http://{(await daemon.get('/v1/status'))['listen']['metrics']}/metrics"
        await anyio.sleep(SETTLE_S)
        for stormy in islice(cycle(ORDER), SPANS):
            async with anyio.create_task_group() as group:
                if stormy:
                    group.start_soon(_storm, url, answers)
                await anyio.sleep(LEAD_S)
                begun = await daemon.moment("span")
                await anyio.sleep(SPAN_S)
                ended = await daemon.moment("span")
                group.cancel_scope.cancel()
            calls[stormy] += sum(ended.destination.values()) - sum(begun.destination.values())
            seconds[stormy] += ended.at_s - begun.at_s
            spent[stormy] += ended.cpu_s - begun.cpu_s
        with anyio.move_on_after(1.0):
            await daemon.until("tail")
        if daemon.has_reached("tail"):
            raise BenchError(f"the backfill ended within the {SPANS * SPAN_S:.0f} s that were to be measured")
    calm, storm = (calls[each] / seconds[each] for each in (False, True))
    calm_ms, storm_ms = (1e3 * spent[each] / calls[each] for each in (False, True))
    taken = (storm_ms - calm_ms) * storm / 1e3
    cpu = Figure(
        name=f"CPU that {SCRAPERS} scrapers take from a backfill", value=taken, at_most=1 - AT_LEAST, unit="of a core",
        details={"ms_per_call": {"without": round(calm_ms, 3), "with": round(storm_ms, 3)}},
    )  # fmt: skip
    return [cpu, Figure(
        name=f"calls of a backfill under {SCRAPERS} scrapers, of those without", value=storm / calm, at_least=AT_LEAST, unit="share",
        details={
            "calls_per_s": {"without": round(calm, 1), "with": round(storm, 1)}, "scrapes": answers.total(),
            "scrapes_per_s": round(answers.total() / seconds[True], 1), "by_status": dict(answers),
        },
    )]  # fmt: skip


async def _storm(url: str, answers: Counter[int]) -> None:
    """Ask until cancelled, from as many connections as there are scrapers."""

    async def scraper(session: aiohttp.ClientSession) -> None:
        while True:
            async with session.get(url) as answer:
                await answer.read()
                answers[answer.status] += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, anyio.create_task_group() as group:
        for _ in range(SCRAPERS):
            group.start_soon(scraper, session)
