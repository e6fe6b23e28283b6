"""
CPU per record beside a hand-written loop that makes the same calls.

Twice: for the whole run with its start, its sample, its probes and its reports, which the loop has none of; and with what both take to
start left out, which is what a further record costs and what does not depend on the size of the account.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from streamflow.sandbox import launcher
from streamflow.sandbox.planting import ADMIN_EMAIL
from tests.bench.rig import ROOT, BenchError, Case, ask, measured
from tests.bench.table import Figure

AT_MOST = 2.0      # the first step asked for; 1.25 is the one after it


async def figures(pair: str, records: int) -> list[Figure]:
    """Move an account of this size with both."""
    by_hand = await _by_hand(records)
    run = await measured(Case(pair=pair, records=records, sample=10, pace_per_s=5000.0))
    end, begun = run.at("tail"), run.at("backfill")
    whole_ms = 1e3 * end.cpu_s / max(1, run.migrated)
    hand_ms = 1e3 * by_hand["cpu_s"] / max(1, by_hand["made"])
    calls = sum(end.destination.values()) + sum(end.source.values())
    details = {
        "records": run.migrated, "ms_per_record": round(whole_ms, 3), "calls": calls, "cpu_s": end.cpu_s,
        "backfill_ms_per_record": round(1e3 * (end.cpu_s - begun.cpu_s) / max(1, run.migrated), 3),
        "phases_cpu_s": {moment.phase: round(moment.cpu_s, 2) for moment in run.moments}, "by_hand": by_hand,
        "by_hand_ms_per_record": round(hand_ms, 3), "records_per_s_backfill": round(run.migrated / (end.at_s - begun.at_s), 1),
    }  # fmt: skip
    name = "CPU per record beside a hand-written loop"
    a_record, by_hand_a_record = (end.cpu_s - run.start_cpu_s) / max(1, run.migrated), by_hand["cpu_s"] - by_hand["start_cpu_s"]
    further = a_record * max(1, by_hand["made"]) / by_hand_a_record
    return [
        Figure(name=f"{name}, whole run to the tail", value=whole_ms / hand_ms, at_most=AT_MOST, unit="x", details=details),
        Figure(name=f"{name}, starting left out", value=further, at_most=AT_MOST, unit="x", details={"start_cpu_s": run.start_cpu_s}),
    ]


async def _by_hand(records: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=_build()) as home:
        async with launcher.running(launcher.Options(dir=Path(home), records=records)) as sandbox:
            command = [
                sys.executable, "-m", "tests.bench.handwritten", "--source", sandbox.source_url, "--source-key", launcher.SOURCE_KEY,
                "--destination", sandbox.destination_url, "--destination-key", launcher.DESTINATION_KEYS[False], "--rpc", sandbox.rpc_url,
                "--user", ADMIN_EMAIL, "--book", str(Path(home) / "book.sqlite"),
            ]  # fmt: skip
            found = await anyio.to_thread.run_sync(_timed, command)
            there = await anyio.to_thread.run_sync(ask, sandbox.destination_admin + "log")
            here = await anyio.to_thread.run_sync(ask, sandbox.source_admin + "log")
    return {**found, "calls": there["total"] + here["total"]}


def _build() -> Path:
    (ROOT / "build").mkdir(exist_ok=True)
    return ROOT / "build"


def _timed(command: list[str]) -> dict[str, Any]:
    """Run a command to its end and give what it printed with the CPU it used."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise BenchError(f"the hand-written loop ended with {process.returncode}")
    return {**json.loads(text), "cpu_s": round(_cpu(usage), 3), "rss_mib": round(usage.ru_maxrss / 1024, 1)}


def _cpu(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime
