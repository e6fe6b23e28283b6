"""The status document as text. Pure: data in, lines out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from streamflow.cli.output import table

_DISPOSITIONS = ("created", "updated", "merged", "matched", "filtered", "flagged", "failed")
_MOVED = _DISPOSITIONS[:4]
_COLUMNS = ("read", *_DISPOSITIONS, "verified", "backlog", "lag", "eta")
_NARROW = ("read", "moved", *_DISPOSITIONS[4:], "verified", "backlog", "lag", "eta")


def status_text(status: Mapping[str, Any], *, now: datetime | None = None, width: int | None = None) -> str:
    """Lay out one status document; with *width* (columns of the terminal) the table of the kinds is kept within it."""
    moment = now or datetime.now(UTC)
    lines = [_headline(status, moment)]
    if gate := status.get("gate"):
        lines += [f"waits at gate {gate['name']}{_age(gate.get('since'), moment)}: {gate['what']}", f"  open it with: {gate['how']}"]
    if streams := status.get("streams"):
        lines += ["", streams_table(streams, width=width)]
    lines += ["", *_pace_lines(status)]
    queue = status.get("queue", {})
    more = "  (streamflow queue list)" if queue.get("open") else ""
    lines.append(f"queue       {queue.get('open', 0)} open, {queue.get('blocking', 0)} of them blocking{more}")
    lines.append(_checkpoint(status.get("checkpoint", {})))
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
    return f"{status['phase']:<9} {_what(status) or '-'}  done {done}/{total}  backlog {backlog}  calls {calls or '-'}{gate}"


def streams_table(streams: Mapping[str, Mapping[str, Any]], *, width: int | None = None) -> str:
    """Lay out the kinds with their numbers; where that is wider than *width*, what was moved is one sum."""
    wide, narrow = _table(streams, _COLUMNS), _table(streams, _NARROW)
    fitting = [text for text in (wide, narrow) if width is None or _widest(text) <= width]
    return fitting[0] if fitting else _table(streams, _NARROW, gap=1)


def _table(streams: Mapping[str, Mapping[str, Any]], columns: tuple[str, ...], *, gap: int = 2) -> str:
    rows = []
    for kind, stream in streams.items():
        moved = {"moved": sum(stream.get(name, 0) for name in _MOVED)}
        numbers = [{**stream, **moved}.get(name, 0) for name in columns[:-2]]
        rows.append([kind, *numbers, span(stream.get("lag_s")), span(stream.get("eta_s"))])
    return table(("kind", *columns), rows, right=columns, gap=gap)


def _widest(text: str) -> int:
    return max(map(len, text.split("\n")))


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
    """Phase and how long it has been in it, then why; a pause is told first, since nothing moves."""
    phase, age = str(status["phase"]), _age(status.get("since"), now)
    if status["state"] == "paused":
        return f"PAUSED in {phase}{age}: {status.get('reason') or 'no reason given'}"
    what = _what(status)
    return f"{phase}{age}" + (f": {what}" if what else "")


def _age(since: object, now: datetime) -> str:
    """Say how long ago a moment was (" for 3h05m"), nothing when it cannot be read."""
    try:
        return f" for {span((now - datetime.fromisoformat(str(since))).total_seconds())}"
    except (ValueError, TypeError):
        return ""


def _what(status: Mapping[str, Any]) -> str:
    """The state with its reason; names that only repeat the phase are left out."""
    words = [str(status["state"]), str(status.get("reason") or "")]
    return ": ".join(word for word in words if word and word != status["phase"])


def _pace_lines(status: Mapping[str, Any]) -> list[str]:
    lines = []
    for platform, pace in status.get("pace", {}).items():
        closed = f", asked for silence until {pace['closed_until']}" if pace.get("closed_until") else ""
        why = f" ({pace['reason']})" if pace.get("reason") else ""
        calls = _number(status.get("calls", {}).get(platform, 0), "call")
        used = f"{pace['used_share']:.0%} of it used"
        lines.append(f"pace        {platform} {pace['rate_per_s']:g}/s, {used}, {pace['in_flight']} in flight, {calls}{closed}{why}")
    return lines


def _checkpoint(checkpoint: Mapping[str, Any]) -> str:
    if checkpoint.get("age_s") is None:
        return "checkpoint  none yet"
    resumable = "a restart goes on from here" if checkpoint.get("resumable", True) else "NOT resumable"
    return f"checkpoint  {span(checkpoint['age_s'])} old, {resumable}"


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
