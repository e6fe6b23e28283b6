"""The table that an hour prints: a line for each figure."""

from __future__ import annotations

from collections.abc import Iterator

from tests.soak.changes import quantile
from tests.soak.figures import KIB, MIB, Figures, Lag, Memory, Platform

SLOWEST = 5
SHARES = (0.5, 0.99, 1.0)


def table(found: Figures) -> Iterator[str]:
    """Give the lines."""
    yield _line("minutes in the tail", f"{found.minutes:.1f}")
    for platform in found.platforms:
        yield from _of_platform(platform)
    yield from _of_memory(found.memory)
    yield from _of_lag(found.lag, found.order.poll_s)
    run = found.survived
    if run is None:
        return
    yield _line("people", f"{run.deeds} deeds in the source, {run.edits} in the destination, {run.late_edits} of them after the switch")
    yield _line("in doubt", ", ".join(f"{name} {count}" for name, count in run.doubts.items()))
    ends = f"exit code {run.code}, {run.paused} pauses, {run.restarts} restarts"
    yield _line("judged", f"{len(run.findings)} findings, {len(run.leaks)} leaks, {ends}")


def _of_platform(platform: Platform) -> Iterator[str]:
    used, name = platform.use, platform.name
    yield _line(f"{name}, calls", f"{platform.calls:,}, {platform.most_per_s} within a second at most, {platform.above} above the limit")
    asked = ", ".join(f"{count} by {form}" for form, count in sorted(platform.forms.items())) or "none"
    late = sum(each.late for each in platform.silences)
    yield _line(f"{name}, silences", f"{asked}: {platform.early} calls too early, {late} on their way")
    yield _line(f"{name}, pace used", f"{used.share:.1%} in {used.seconds / 60:.1f} minutes of need; of its cap {used.of_cap:.1%}")


def _of_memory(memory: Memory) -> Iterator[str]:
    rss = " / ".join(f"{each / KIB:.1f}" for each in memory.rss_kib)
    yield _line("memory, MiB", f"{rss} first / middle / last; peak {memory.peak_kib / KIB:.1f}")
    yield _line("memory, slope", f"{memory.slope_kib:+.1f} KiB a minute in the second half; the ledger {memory.ledger_slope_kib:+.1f}")
    yield _line("open files", f"{memory.fds[0]} to {memory.fds[1]}")
    yield _line("WAL, MiB", f"{memory.wal_bytes / MIB:.1f} at most; ledger {memory.ledger_bytes / MIB:.1f} at the freeze")


def _of_lag(lag: Lag, poll_s: int) -> Iterator[str]:
    yield _line("looks at the source", f"every {lag.interval_s:.1f} s, of which {poll_s} s are the pause")
    for name, seconds in (("lag, s", [each.wait_s for each in lag.changes]), ("behind its round, s", lag.behind_s)):
        told = " / ".join(f"{quantile(seconds, share):.0f}" for share in SHARES)
        yield _line(name, f"{told} p50 / p99 / max of {len(seconds)}")
    slowest = sorted(lag.changes, key=lambda each: -each.wait_s)[:SLOWEST]
    yield _line("slowest", ", ".join(f"{each.kind} {each.key} {each.wait_s:.0f} s" for each in slowest))
    yield _line("never came", f"{lag.never} of what people added and left alone: gone before, or asked about")
    yield _line("told lag off, s", f"{lag.below_s:.1f} too low, {lag.above_s:.1f} too high at most in {len(lag.off)} looks")


def _line(name: str, told: str) -> str:
    return f"{name:<28}{told}"
