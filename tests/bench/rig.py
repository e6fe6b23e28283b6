"""A sandbox and a daemon as processes of their own, watched from outside: calls from the servers' logs, memory and CPU from /proc."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.to_thread

from streamflow.clock import SystemClock
from streamflow.daemon.client import connect
from streamflow.model import Link
from streamflow.sandbox import launcher
from streamflow.stages.planning import ACTION_FIELDS
from streamflow.store.sqlite import SqliteLedger

ROOT = Path(__file__).resolve().parents[2]
LOOK_EVERY_S = 0.05
STOP_S = 15.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class BenchError(RuntimeError):
    """A run did not come to its end; the text says how far it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One run.

    Args:
        pair: The pair that is moved.
        allowed_per_s: What the destination's token bucket refills; None for no limit.
        pace_per_s: The cap of the daemon towards the destination; that of the bucket when there is one.
        until: The phase at whose beginning the run ends.
        config: Replacements in the configuration, as an operator would make them in an editor.
    """

    records: int
    pair: str = launcher.PAIRS[0]
    reader: launcher.Reader = "api"
    allowed_per_s: float | None = None
    pace_per_s: float = 2000.0
    in_flight: int = 8
    adaptive: bool = False
    search_lag_s: float | None = None
    switches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    sample: int = 40
    until: str = "tail"
    config: Mapping[str, str] = field(default_factory=dict)
    limit_s: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What had happened when a phase began: calls by name at each side, CPU and memory of the daemon, the time."""

    phase: str
    at_s: float
    cpu_s: float
    rss_mib: float
    destination: Counter[str]
    source: Counter[str]
    throttled: int


@dataclass(slots=True, kw_only=True)
class Run:
    """Everything seen of one run."""

    case: Case
    moments: list[Moment] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)            # phase -> highest resident memory in it, MiB
    source_counts: dict[str, int] = field(default_factory=dict)
    dispositions: Counter[str] = field(default_factory=Counter)      # disposition -> source records
    links: Counter[str] = field(default_factory=Counter)             # verified state -> lines of the crosswalk
    made: Counter[str] = field(default_factory=Counter)              # destination kind -> records that were made
    changed: Counter[str] = field(default_factory=Counter)           # destination kind -> records of people's own that were changed
    writes_of: Counter[str] = field(default_factory=Counter)         # what of which source kind asks for a write -> how often
    actions: int = 0                                                 # of leads: closed, or moved to a stage or pipeline
    settings: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    start_cpu_s: float = 0.0                                         # of the daemon when it said that it had started

    def at(self, phase: str) -> Moment:
        """Give the moment at which a phase began."""
        return next(moment for moment in self.moments if moment.phase == phase)

    @property
    def peak_rss_mib(self) -> float:
        """Give the highest resident memory of the run."""
        return max(self.peaks.values(), default=0.0)

    @property
    def migrated(self) -> int:
        """Count the source records (derived companies included) that are in the destination now."""
        return sum(self.dispositions[name] for name in ("created", "updated", "merged", "matched"))


def ask(url: str, body: Any = None) -> Any:
    """Call an admin face of the sandbox."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with _DIRECT.open(request, timeout=120.0) as answer:
        return json.load(answer)


def cpu_s(pid: int) -> float:
    """Give the CPU seconds a process has used, user and system."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / _TICKS_PER_S


def rss_mib(pid: int) -> float:
    """Give the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Daemon:
    """The daemon of a run, read by its log and by /proc."""

    def __init__(self, process: anyio.abc.Process, log: Path, sandbox: launcher.Sandbox, run: Run) -> None:
        self.process = process
        self.sandbox = sandbox
        self.run = run
        self._log = log
        self._offset = 0

    async def until(self, phase: str) -> Moment:
        """Wait until a phase begins, noting every phase on the way; raises BenchError when the daemon ends first or takes too long."""
        with anyio.move_on_after(self.run.case.limit_s):
            while not self.has_reached(phase):
                if self.process.returncode is not None:
                    await self._look()
                    if self.has_reached(phase):
                        break
                    raise BenchError(f"the daemon ended with {self.process.returncode} before {phase}: {self.words()}")
                await self._look()
                await anyio.sleep(LOOK_EVERY_S)
        if not self.has_reached(phase):
            raise BenchError(f"{phase} was not reached within {self.run.case.limit_s:.0f} s: {self.words()}")
        return self.run.at(phase)

    async def settle(self) -> None:
        """Stay in the tail, noting memory, until the destination follows the source; raises BenchError when that takes too long."""
        with anyio.move_on_after(self.run.case.limit_s):
            while not str((await self.get("/v1/status"))["reason"]).startswith("caught up"):
                for _ in range(25):
                    await self._look()
                    await anyio.sleep(LOOK_EVERY_S)
            return
        raise BenchError(f"the tail did not catch up within {self.run.case.limit_s:.0f} s: {self.words()}")

    def has_reached(self, phase: str) -> bool:
        """Say whether a phase has begun."""
        return any(moment.phase == phase for moment in self.run.moments)

    async def _look(self) -> None:
        try:
            phase = self.run.moments[-1].phase if self.run.moments else "probe"
            self.run.peaks[phase] = max(self.run.peaks.get(phase, 0.0), rss_mib(self.process.pid))
        except (OSError, ValueError, IndexError):
            return
        with self._log.open("rb") as file:
            file.seek(self._offset)
            found = file.read()
        whole = found[: found.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            if b'"daemon.started"' in line:
                self.run.start_cpu_s = cpu_s(self.process.pid)
            if b'"phase.entered"' in line:
                self.run.moments.append(await self.moment(json.loads(line)["state"]))

    async def moment(self, phase: str) -> Moment:
        """Take the numbers as they are now."""
        pid = self.process.pid
        there = await anyio.to_thread.run_sync(ask, self.sandbox.destination_admin + "log")
        here = await anyio.to_thread.run_sync(ask, self.sandbox.source_admin + "log")
        alive = Path(f"/proc/{pid}/statm").exists() and self.process.returncode is None
        return Moment(
            phase=phase, at_s=time.monotonic(), cpu_s=cpu_s(pid) if alive else 0.0, rss_mib=rss_mib(pid) if alive else 0.0,
            destination=Counter(there["calls"]), source=Counter(here["calls"]), throttled=there["count_429"] + here["count_429"],
        )  # fmt: skip

    async def post(self, path: str, **values: Any) -> Any:
        """Give an order on the control socket."""
        async with connect(self.sandbox.dir / "control.sock") as client:
            return await client.post(path, **values)

    async def get(self, path: str) -> Any:
        """Ask on the control socket."""
        async with connect(self.sandbox.dir / "control.sock") as client:
            return await client.get(path)

    def words(self) -> str:
        """Give the last lines of its log."""
        return " / ".join(self._log.read_text(errors="replace").splitlines()[-4:])[:1500]


@asynccontextmanager
async def daemon_for(case: Case) -> AsyncIterator[Daemon]:
    """Start the sandbox and the daemon of a case; both end with the block."""
    run = Run(case=case)
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as home:
        options = launcher.Options(
            dir=Path(home), pair=case.pair, records=case.records, reader=case.reader, extract=True, gates="auto",
            rate_per_s=case.allowed_per_s, burst=20, search_lag_s=case.search_lag_s, switches=case.switches,
        )  # fmt: skip
        async with launcher.running(options) as sandbox:
            sandbox.config_path.write_text(configured(sandbox.config_path.read_text(), case))
            run.source_counts = (await anyio.to_thread.run_sync(ask, sandbox.source_admin + "state"))["counts"]
            log = Path(home) / "daemon.log"
            with log.open("wb") as output:
                process = await anyio.open_process(
                    [sys.executable, "-m", "streamflow.cli", "-c", str(sandbox.config_path), "run"], cwd=ROOT,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                    env={**os.environ, "STREAMFLOW_DEBUG": "1"},
                )  # fmt: skip
            try:
                yield Daemon(process, log, sandbox, run)
            finally:
                await _stop(process)
                await _read_ledger(sandbox, run)


def configured(text: str, case: Case) -> str:
    """Put the settings of a case into the configuration the sandbox wrote."""
    pace = case.allowed_per_s if case.allowed_per_s is not None else case.pace_per_s
    section = f"[pace.destination]\nrate_per_s = {pace}\nmax_in_flight = {case.in_flight}\nadaptive = {str(case.adaptive).lower()}\n"
    text = re.sub(r"\[pace\.destination\]\n(?:\w.*\n)+", section, text)
    text = re.sub(r"\[pace\.source\]\n(?:\w.*\n)+", "[pace.source]\nrate_per_s = 2000\nmax_in_flight = 12\nadaptive = false\n", text)
    text = text.replace('cutover = "auto"', 'cutover = "ask"').replace("sweep_every = 10", "sweep_every = 86400")
    flags = "".join(f"{name} = {json.dumps(value)}\n" for name, value in case.flags.items())
    text = text.replace("[destination.flags]\n", "[destination.flags]\n" + flags)
    text += f"\n[sample]\nsize = {case.sample}\n"
    for old, new in case.config.items():
        if old not in text:
            raise BenchError(f"the configuration has no {old!r}")
        text = text.replace(old, new)
    return text


async def _stop(process: anyio.abc.Process) -> None:
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            with anyio.move_on_after(STOP_S):
                await process.wait()
        if process.returncode is None:
            process.kill()
        await process.aclose()


async def _read_ledger(sandbox: launcher.Sandbox, run: Run) -> None:
    """Read from the book what became of the records; a run that failed early may have none."""
    state = sandbox.dir / "state"
    if not (state / "ledger.sqlite").exists():
        return
    async with SqliteLedger.open_readonly(state, clock=SystemClock()) as ledger:
        for count in await ledger.counts():
            run.dispositions[str(count.disposition or count.state)] += count.count
        for (_, _, verified), number in (await ledger.link_counts()).items():
            run.links[verified] += number
        async for page in ledger.crosswalk():
            for link in page:
                tally(link, run)
        for name in ("cutover", "cutover:last", "switched", "capabilities"):
            run.settings[name] = await ledger.setting(name)


def tally(link: Link, run: Run) -> None:
    """Count the writes that one line of the crosswalk asks for, those that several source records share once."""
    if link.is_merged:
        return
    if link.ours:
        run.made[link.dest_kind] += 1
    elif link.before:
        run.changed[link.dest_kind] += 1
    if link.ours or link.before:
        part = "continued" if "/" in link.ref.part else link.ref.part
        run.writes_of[f"{link.ref.kind}: {link.dest_kind} {part}".strip()] += 1
    for action in ACTION_FIELDS:
        if link.base.get(action) and link.dest_kind == "leads":
            run.actions += 1
            run.writes_of[f"{link.ref.kind}: {action}"] += 1


async def measured(case: Case) -> Run:
    """Run a case to its end."""
    async with daemon_for(case) as daemon:
        await daemon.until(case.until)
    return daemon.run
