"""
The log: one line a unit of work, JSON for machines or text for people, nothing in it that must not be seen.

Rule 1: only keys on the allow-list are written; any other value is withheld, its name stays.
Rule 2: every finished line passes a filter that knows all live secrets.
Rule 3: an exception of our own family shows its message and hint; of any other only its type and where it happened.
Rule 4: who reads the log never holds up the daemon: see `log_sink`.
Use `structlog.get_logger()` anywhere in the daemon: `log.info("load.batch_done", kind="lead", count=100)`.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, BinaryIO, Literal, TypeAlias, cast
from urllib.parse import quote

import orjson
import structlog

from streamflow.clock import SystemClock
from streamflow.daemon.log_sink import LogSink
from streamflow.errors import StreamflowError

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3}   # journald's words for the same
MASK = "***"
WITHHELD = "<withheld>"
MIN_SECRET_CHARS = 4
MAX_TEXT_CHARS = 2_000
LAST_CHANCE_S = 2.0

LOGGABLE = frozenset(
    """
    event level at logger where error error_type error_code hint frames reason
    name phase state since gate pair platform source destination reader stream kind dest_kind entity stage
    batch count new changed same touched read staged created updated merged matched filtered flagged failed verified parked woken
    backlog pending queue queue_open queue_blocking cause decision suggested cursor mark scan sweep window seq key dest_id part op
    missed receipt message needs_restart
    intent intent_state in_doubt attempt attempts status verdict verdicts method endpoint calls rate_per_s max_in_flight burst in_flight
    used_share closed_until retry_after_s seconds elapsed_s timeout_s deadline_s lag_s eta_s horizon_s delay_s size_bytes
    listen address path file folder report snapshot version digest config_digest map_digest schema_digest epoch pid uid actor result
    code signal settings keys fields field flag flags value_type missing extra unknown drift ok total done left records errors warnings
    probe action probes flag_name library waited_s ids_count rows pages bytes offset route
    job owners teams users matched_owners unmatched_owners fallback_set step mode scope dry_run confirmed resumed exit_code
    """.split()
)
_NO_WORD = re.compile(r"[^A-Za-z ,']")
_TEXT_KEYS_FIRST = ("at", "level", "event")

EventDict: TypeAlias = MutableMapping[str, Any]


class _Line:
    """From an event to the bytes of one line."""

    def __init__(self, *, form: Literal["json", "text"], journal: bool) -> None:
        self.form = form
        self.journal = journal
        self.threshold = LEVELS["info"]
        self.secrets: tuple[tuple[bytes, bytes], ...] = ()
        self.count: Callable[[str], None] | None = None

    def render(self, _logger: Any, method: str, event: EventDict) -> bytes:
        """Render, or drop what lies below the level; the last processor of structlog."""
        level = "error" if method in ("exception", "critical", "fatal") else "warning" if method == "warn" else method
        if LEVELS.get(level, 20) < self.threshold:
            raise structlog.DropEvent
        if self.count is not None and level in ("warning", "error"):
            self.count(level)
        values = {"at": event.pop("timestamp", ""), "level": level, "event": str(event.pop("event", ""))} | _allowed(event)
        line = _text(values) if self.form == "text" else orjson.dumps(values, default=_plain, option=orjson.OPT_NON_STR_KEYS)
        for secret, mask in self.secrets:
            line = line.replace(secret, mask)
        return b"<%d>%s" % (_PRIORITY.get(level, 6), line) if self.journal else line


_line = _Line(form="text", journal=False)
_sink: LogSink | None = None


def configure(
    *,
    form: str,
    level: str,
    secrets: Iterable[str] = (),
    count: Callable[[str], None] | None = None,
    stream: BinaryIO | None = None,
) -> None:
    """
    Set up logging for this process.

    Args:
        form: "json" (to stdout), "text" (to stderr), or "auto": text on a terminal, else JSON.
        level: debug, info, warning or error.
        secrets: Texts that must never appear; their JSON, URL and base64 forms are masked too.
        count: Told the level of each warning and error, for the metrics.
        stream: Where lines go instead, for tests.
    """
    global _line, _sink  # one log a process is what structlog and logging assume too
    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    target: BinaryIO = stream or (sys.stderr.buffer if is_text else sys.stdout.buffer)
    _sink = None if stream is not None else _sink_of(target)
    _line = _Line(form="text" if is_text else "json", journal=_is_journal(target))
    _line.count = count
    set_level(level)
    know_secrets(secrets)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S.%fZ", utc=True),
            _line.render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, _sink or target)),     # of a file it uses `write` and `flush` alone
        cache_logger_on_first_use=False,
    )
    _take_in_libraries()


def flush() -> None:
    """Write lines that the reader had no room for, as far as it has now; to be called now and then, and never waits."""
    if _sink is not None:
        _sink.flush()


def lost_lines() -> int:
    """Count the lines that the reader of the log did not take since the start; a lost log cannot tell of itself."""
    return _sink.lost_lines if _sink is not None else 0


def finish(limit_s: float = LAST_CHANCE_S) -> None:
    """Give the reader of the log a last chance to take what waits, before the process ends."""
    if _sink is not None:
        _sink.finish(limit_s)


def _sink_of(target: BinaryIO) -> LogSink | None:
    try:
        return LogSink(target.fileno(), lost_line=_lost)
    except (OSError, ValueError):     # none of the system's files, as where a test catches what is printed
        return None


def _lost(count: int) -> bytes:
    now = SystemClock().now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    hint = "whoever reads the log did not take its lines, or its disk was full"
    return _line.render(None, "error", {"timestamp": now, "event": "log.lost", "count": count, "hint": hint})


def set_level(level: str) -> None:
    """Change the level now."""
    _line.threshold = LEVELS[level]


def know_secrets(secrets: Iterable[str]) -> None:
    """Replace the set of texts that must never appear."""
    forms: set[bytes] = set()
    for secret in secrets:
        if len(secret) >= MIN_SECRET_CHARS:
            encoded = base64.b64encode(secret.encode()).decode()
            variants = (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], quote(secret, safe=""), encoded)
            forms.update(variant.encode() for variant in variants)
    _line.secrets = tuple((each, MASK.encode()) for each in sorted(forms, key=len, reverse=True))


def describe(error: BaseException) -> dict[str, Any]:
    """Give what may be logged of an exception."""
    if isinstance(error, BaseExceptionGroup):
        return {"error_type": type(error).__name__, "errors": [describe(each) for each in error.exceptions]}
    if isinstance(error, StreamflowError):
        return {"error_type": type(error).__name__, "error_code": error.code, "error": str(error), "hint": error.hint}
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return {"error_type": type(error).__name__, "frames": [f"{os.path.basename(at.filename)}:{at.lineno} {at.name}" for at in frames]}


def _allowed(event: EventDict) -> dict[str, Any]:
    values: dict[str, Any] = {}
    failure = event.pop("exc_info", None)
    if failure is True:
        failure = sys.exc_info()[1]
    elif isinstance(failure, tuple):
        failure = failure[1]
    for key, value in event.items():
        if isinstance(value, BaseException):
            values |= describe(value)
        else:
            values[key] = _shown(value) if key in LOGGABLE else WITHHELD
    return values | describe(failure) if isinstance(failure, BaseException) else values


def _shown(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_TEXT_CHARS:
        return value[:MAX_TEXT_CHARS] + "…"
    return value


def _text(values: dict[str, Any]) -> bytes:
    rest = " ".join(f"{key}={_word(value)}" for key, value in values.items() if key not in _TEXT_KEYS_FIRST)
    return f"{values['at'][11:19]} {values['level']:<7} {_safe(values['event'])} {rest}".rstrip().encode("utf-8", "replace")


def _word(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()
    safe = _safe(text)
    return json.dumps(safe, ensure_ascii=False) if not safe or " " in safe else safe


def _safe(text: str) -> str:
    # A name with an escape sequence must not repaint the operator's terminal, a newline must not forge a line.
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def _is_journal(target: BinaryIO) -> bool:
    """Say whether lines go straight to the journal, which reads a leading <6> as the priority."""
    try:
        info = os.fstat(target.fileno())
    except (OSError, AttributeError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM", "") == f"{info.st_dev}:{info.st_ino}"


class _FromLibrary(logging.Handler):
    """Passes on what libraries log, without their arguments: those may hold payloads."""

    def emit(self, record: logging.LogRecord) -> None:
        failure = record.exc_info[1] if record.exc_info else None
        level = "error" if record.levelno >= logging.ERROR else "warning"
        # The loop's own words come with tasks, callbacks and their arguments written out in them.
        reason = _NO_WORD.split(str(record.msg), maxsplit=1)[0] if record.name == "asyncio" else str(record.msg)[:200]
        getattr(structlog.get_logger(), level)("library.log", logger=record.name, reason=reason, exc_info=failure)


def take_in_strays() -> None:
    """Log what fails where nobody waits for it, in a thread or in the end of an object; for the whole process from then on."""
    threading.excepthook = lambda stray: structlog.get_logger().error("thread.failed", exc_info=stray.exc_value)
    sys.unraisablehook = lambda stray: structlog.get_logger().error("object.failed", exc_info=stray.exc_value)


def _take_in_libraries() -> None:
    root = logging.getLogger()
    for handler in tuple(root.handlers):
        if isinstance(handler, _FromLibrary):
            root.removeHandler(handler)
    handler = _FromLibrary(level=logging.WARNING)
    root.addHandler(handler)
