"""One look at the daemon from outside: its process, its ledger's files, and what its metrics say."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

_SCRAPE_S = 5.0
_SERIES = re.compile(r'^(streamflow_\w+)(?:\{\w+="([^"]*)"(?:,\w+="([^"]*)")?\})? (\S+)$', re.MULTILINE)
KEPT = ("snapshot_timestamp_seconds", "delta_lag_seconds", "backlog_records", "throttled_seconds_total", "pace_rate_per_second", "phase")
"""What is kept of the metrics: an hour has thousands of looks."""
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look; `at` is Unix seconds, `figures` are those of the metrics by name and labels, empty when they were not to be had."""

    at: float
    rss_kib: int
    fds: int
    wal_bytes: int
    ledger_bytes: int
    figures: Mapping[tuple[str, ...], float] = field(default_factory=dict)

    def figure(self, name: str, *labels: str) -> float:
        """Give one figure; 0 when there is none."""
        return self.figures.get((name, *labels), 0.0)

    @property
    def taken_at(self) -> float:
        """Give when the daemon took the picture that its figures tell of; 0 when there are none."""
        return self.figure("snapshot_timestamp_seconds")


def look(pid: int, state: Path, *, at: float, address: str) -> Sample:
    """Look once. Raises OSError or HTTPException when the process is gone, or its metrics do not answer."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    rss = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), None)
    if rss is None:
        raise ProcessLookupError(f"process {pid} has ended")
    return Sample(
        at=at, rss_kib=rss, fds=len(list(Path(f"/proc/{pid}/fd").iterdir())), wal_bytes=_size(state / "ledger.sqlite-wal"),
        ledger_bytes=_size(state / "ledger.sqlite"), figures=read_figures(_scraped(address)) if address else {},
    )  # fmt: skip


def read_figures(text: str) -> dict[tuple[str, ...], float]:
    """Read what is kept of the text of a scrape: (name without "streamflow_", values of its labels in their order) -> value."""
    found = ((name.removeprefix("streamflow_"), labels, value) for name, *labels, value in _SERIES.findall(text))
    return {(name, *filter(None, labels)): float(value) for name, labels, value in found if name in KEPT}


def slope_per_minute(times_s: Sequence[float], values: Sequence[float]) -> float:
    """Give by how much values grow in a minute, by least squares; 0 for fewer than two."""
    if len(times_s) < 2:
        return 0.0
    mean_t, mean_v = sum(times_s) / len(times_s), sum(values) / len(values)
    spread = sum((at - mean_t) ** 2 for at in times_s)
    return 60.0 * sum((at - mean_t) * (value - mean_v) for at, value in zip(times_s, values, strict=True)) / spread if spread else 0.0


def grows(values: Sequence[float], *, room: float) -> bool:
    """Say whether the last third of values lies above the first two by more than *room*, in the middle or at the most."""
    third = len(values) // 3
    if not third:
        return False
    before, after = values[:-third], values[-third:]
    return max(after) > max(before) + room or median(after) > median(before) + room


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _scraped(address: str) -> str:
    with _direct.open(f"http://{address}/metrics", timeout=_SCRAPE_S) as answer:
        return str(answer.read().decode())
