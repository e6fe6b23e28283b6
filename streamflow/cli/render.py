"""The status document as text. Pure: data in, lines out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from streamflow.cli.output import table

_DISPOSITIONS = ("created", "updated", "merged", "matched", "filtered", "flagged", "failed")
_COLUMNS = ("read", "staged", *_DISPOSITIONS, "verified", "backlog", "lag", "eta")


def status_text(status: Mapping[str, Any], *, now: datetime | None = None) -> str:
    """Lay out one status document."""
    moment = now or datetime.now(UTC)
    lines = [_headline(status, moment)]
    if gate := status.get("gate"):
        lines += [f"waits at gate {gate['name']}: {gate['what']}", f"  open it with: {gate['how']}"]
    if streams := status.get("streams"):
        lines += ["", streams_table(streams)]
    lines += ["", *_pace_lines(status)]
    queue = status.get("queue", {})
    more = "  (streamflow queue list)" if queue.get("open") else ""
    lines.append(f"queue       {queue.get('open', 0)} open, {queue.get('blocking', 0)} blocking{more}")
    checkpoint = status.get("checkpoint", {})
    resumable = "a restart goes on from here" if checkpoint.get("resumable", True) else "NOT resumable"
    lines.append(f"checkpoint  {span(checkpoint.get('age_s'))} old, {resumable}")
    if listening := [f"{name} http://{address}" for name, address in status.get("listen", {}).items() if address]:
        lines.append("listens     " + ", ".join(listening))
    return "\n".join(lines)


def status_line(status: Mapping[str, Any]) -> str:
    """Put a status document into one line, for logs and watching without a terminal."""
    streams = status.get("streams", {}).values()
    done = sum(stream[name] for stream in streams for name in _DISPOSITIONS)
    total = sum(stream["read"] for stream in streams)
    backlog = sum(stream["backlog"] for stream in streams)
    calls = ", ".join(f"{platform} {count}" for platform, count in status.get("calls", {}).items())
    gate = f"  gate {status['gate']['name']}" if status.get("gate") else ""
    return f"{status['phase']:<9} {_what(status)}  done {done}/{total}  backlog {backlog}  calls {calls or '-'}{gate}"


def streams_table(streams: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay out the kinds with their numbers."""
    rows = []
    for kind, stream in streams.items():
        numbers = [stream.get(name, 0) for name in _COLUMNS[:-2]]
        rows.append([kind, *numbers, span(stream.get("lag_s")), span(stream.get("eta_s"))])
    return table(("kind", *_COLUMNS), rows, right=_COLUMNS)


def span(seconds: float | None) -> str:
    """Put a span of time into a few characters: 45s, 12m, 3h05m, 2d4h."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole}s"
    if whole < 7200:
        return f"{whole // 60}m"
    if whole < 172_800:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600}h"


def _headline(status: Mapping[str, Any], now: datetime) -> str:
    try:
        since = datetime.fromisoformat(str(status["since"]))
        age = f" for {span((now - since).total_seconds())}"
    except (ValueError, TypeError):
        age = ""
    return f"{status['phase']}: {_what(status)}{age}"


def _what(status: Mapping[str, Any]) -> str:
    """The state with its reason; the state's name only where it is not the phase itself."""
    words = [str(status["state"]) if status["state"] != status["phase"] else "", str(status.get("reason") or "")]
    return ": ".join(word for word in words if word)


def _pace_lines(status: Mapping[str, Any]) -> list[str]:
    lines = []
    for platform, pace in status.get("pace", {}).items():
        closed = f", closed until {pace['closed_until']}" if pace.get("closed_until") else ""
        why = f" ({pace['reason']})" if pace.get("reason") else ""
        calls = status.get("calls", {}).get(platform, 0)
        used = f"{pace['used_share']:.0%} used"
        lines.append(f"pace        {platform} {pace['rate_per_s']:g}/s, {used}, {pace['in_flight']} in flight, {calls} calls{closed}{why}")
    return lines
