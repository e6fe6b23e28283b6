"""The only place that prints: results for people or programs, errors with their hint, never a traceback."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from streamflow.daemon.exits import Exit, OutOfMemory, OutOfThreads, exit_for
from streamflow.daemon.log_sink import LogSink
from streamflow.errors import ConfigError, DiskRefused, StreamflowError, is_of_the_disk

DEBUG_VARIABLE = "STREAMFLOW_DEBUG"
LEAST_COLUMN = 12     # characters a column of text keeps
TELLING_S = 2.0       # how long a message on stderr waits to be taken


def say(text: str = "") -> None:
    """Print lines for people; control characters of foreign data are made visible."""
    print("\n".join(safe(line) for line in text.split("\n")), flush=True)


def say_json(value: Any) -> None:
    """Print one line of JSON."""
    print(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode(), flush=True)


def say_raw(text: str) -> None:
    """Print as it is, without a newline: terminal control and our own texts only."""
    print(text, end="", flush=True)


def note(text: str) -> None:
    """Tell a person something beside the result, on stderr."""
    _to_stderr(f"streamflow: {safe(text)}")


def fail(error: StreamflowError, *, as_json: bool) -> Exit:
    """Tell one foreseen error on stderr (and as JSON on stdout for programs); gives the exit code."""
    faults = error.faults if isinstance(error, ConfigError) and len(error.faults) > 1 else []
    lines = [f"the configuration has {len(faults)} faults", *(f"  {fault}" for fault in faults)] if faults else str(error).split("\n")
    told = [f"streamflow: {safe(lines[0])}", *(f"  {safe(line.strip())}" for line in lines[1:])]
    if error.hint:
        told.append(f"  hint: {safe(error.hint)}")
    _to_stderr("\n".join(told))
    if as_json:
        body: dict[str, Any] = {"code": error.code, "message": str(error), "hint": error.hint}
        if isinstance(error, ConfigError):
            body["faults"] = error.faults
        say_json({"error": body})
    return exit_for(error)


def fail_unforeseen(error: BaseException, *, as_json: bool) -> Exit:
    """Tell an own bug, or a want of memory, threads or room, in one line; the whole story only when asked for by the variable."""
    if _is_want_of_memory(error):
        hint = "free some, or raise the limit (MemoryMax), then start again; what was done is kept"
        return fail(OutOfMemory("there is not enough memory to go on", hint=hint), as_json=as_json)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):      # the interpreter has no error of its own for it
        hint = "raise the limit (TasksMax, ulimit -u), then start again; what was done is kept"
        return fail(OutOfThreads("no more threads can be started", hint=hint), as_json=as_json)
    if is_of_the_disk(error) and isinstance(error, OSError):
        hint = "free some space on the disk (or mend it), then start again; what was done is kept"
        return fail(DiskRefused(f"the disk takes no more: {error.strerror}", hint=hint), as_json=as_json)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {os.path.basename(last[0].filename)}:{last[0].lineno}" if last else ""
    hint = f"this is a bug of streamflow; run again with {DEBUG_VARIABLE}=1 for the whole story"
    _to_stderr(f"streamflow: internal error: {type(error).__name__}{where}\n  hint: {hint}")
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error, file=sys.stderr)
    if as_json:
        say_json({"error": {"code": "internal", "message": type(error).__name__ + where, "hint": ""}})
    return Exit.INTERNAL


def _is_want_of_memory(error: BaseException) -> bool:
    # The JSON parser tells it as a fault of the text.
    return isinstance(error, MemoryError) or (isinstance(error, orjson.JSONDecodeError) and "memory" in error.msg.lower())


def _to_stderr(text: str) -> None:
    """Print for people; one who takes nothing, or is gone, neither holds up a command for long nor changes its exit code."""
    try:
        sink = LogSink(sys.stderr.fileno(), lost_line=lambda _: b"")
    except (OSError, ValueError):       # none of the system's files, as where a test catches what is printed
        print(text, file=sys.stderr)
        return
    sink.write(f"{text}\n".encode("utf-8", "backslashreplace"))
    sink.finish(TELLING_S)


def safe(text: str) -> str:
    """Make what could repaint a terminal visible instead."""
    return "".join(letter if letter.isprintable() or letter == "\t" else f"\\x{ord(letter):02x}" for letter in text)


def width() -> int | None:
    """Give the columns of the terminal, None when nobody looks at one."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def fitted(text: str, columns: int, rows: int | None = None) -> list[str]:
    """
    Cut text into lines that a terminal of this size shows as they are: what is too long goes on indented, what is too much is left out.

    Needed wherever lines are drawn over: a line that the terminal wraps by itself is two.
    """
    lines: list[str] = []
    for line in text.split("\n"):
        clean = safe(line)
        if len(clean) <= columns:
            lines.append(clean)
            continue
        lead = " " * (len(clean) - len(clean.lstrip()))
        lines += textwrap.wrap(
            clean.strip(), max(columns, 20), initial_indent=lead, subsequent_indent=lead or "    ", break_on_hyphens=False
        )
    if rows is not None and len(lines) > rows:
        return [*lines[: max(rows - 1, 0)], "… more than fits: a higher window shows it"[:columns]]
    return lines


def table(
    head: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = (), gap: int = 2, columns: int | None = None
) -> str:
    """
    Lay out rows under a head, *gap* blanks between columns; those named in *right* are aligned to the right.

    With *columns* (of the terminal) the widest texts go on below themselves until the table fits.
    """
    cells = [[str(name) for name in head], *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    if columns is not None:
        _narrow(widths, columns - gap * (len(head) - 1))
    lines = []
    for row in cells:
        parts = [textwrap.wrap(cell, max(limit, 1), break_on_hyphens=False) or [""] for cell, limit in zip(row, widths, strict=True)]
        for number in range(max(map(len, parts))):
            texts = [part[number] if number < len(part) else "" for part in parts]
            placed = zip(head, texts, widths, strict=True)
            laid = [text.rjust(limit) if name in right else text.ljust(limit) for name, text, limit in placed]
            lines.append((" " * gap).join(laid).rstrip())
    return "\n".join(lines)


def _narrow(widths: list[int], room: int) -> None:
    """Take from the widest columns until all fit, as far as they can still be read."""
    while sum(widths) > room and max(widths) > LEAST_COLUMN:
        widest = widths.index(max(widths))
        widths[widest] -= 1


def tree(value: Any, *, indent: int = 0) -> str:
    """Lay out nested data one value a line, for people."""
    pad = "  " * indent
    if isinstance(value, Mapping):
        lines = [
            f"{pad}{key}:\n{tree(inner, indent=indent + 1)}" if _is_nested(inner) else f"{pad}{key}: {_cell(inner) or '-'}"
            for key, inner in value.items()
        ]
        return "\n".join(lines)
    if isinstance(value, list):
        return "\n".join(f"{pad}-\n{tree(each, indent=indent + 1)}" if _is_nested(each) else f"{pad}- {_cell(each)}" for each in value)
    return f"{pad}{_cell(value)}"


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list) and bool(value)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple | dict) and not value:
        return "-"
    return safe(str(value).replace("\n", " ⏎ "))
