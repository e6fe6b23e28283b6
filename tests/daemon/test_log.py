"""The log: what is written, what never is."""

from __future__ import annotations

import ast
import base64
import io
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from streamflow.daemon import log
from streamflow.errors import AccessRefused

from .log_lines import own_log

SECRET = 'k3y"with\\odd/chars'


@pytest.fixture
def lines() -> Iterator[io.BytesIO]:
    with own_log() as stream:
        yield stream


def read(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_one_json_line_an_event(lines: io.BytesIO) -> None:
    """An event is one line with time in UTC, level, dotted name and its data."""
    log.configure(form="json", level="info", stream=lines)
    structlog.get_logger().info("load.batch_done", kind="lead", count=3)
    [line] = read(lines)
    assert line["at"].endswith("Z")
    assert (line["level"], line["event"], line["kind"], line["count"]) == ("info", "load.batch_done", "lead", 3)


def test_only_allowed_keys_are_written(lines: io.BytesIO) -> None:
    """A key nobody allowed keeps its name and loses its value."""
    log.configure(form="json", level="info", stream=lines)
    structlog.get_logger().info("load.batch_done", email="p@x.za", payload={"name": "Pieter"}, count=1)
    assert b"p@x.za" not in lines.getvalue()
    assert b"Pieter" not in lines.getvalue()
    assert read(lines)[0]["email"] == log.WITHHELD


@pytest.mark.parametrize("form", ["json", "text"])
def test_secrets_never_appear(lines: io.BytesIO, form: str) -> None:
    """A live secret is masked wherever it turns up, plain, as JSON, in base64 and in an address."""
    log.configure(form=form, level="debug", secrets=[SECRET], stream=lines)
    encoded = base64.b64encode(SECRET.encode()).decode()
    logger = structlog.get_logger()
    logger.error("wire.refused", reason=f"key {SECRET} refused", hint=encoded, path="/x?k=k3y%22with%5Codd%2Fchars")
    logger.error("wire.refused", error=AccessRefused(f"refused {SECRET}"))
    logger.info(SECRET)
    text = lines.getvalue().decode()
    assert "odd" not in text
    assert encoded not in text
    assert text.count(log.MASK) >= 4


def test_errors_show_no_foreign_messages(lines: io.BytesIO) -> None:
    """Of our own errors message and hint are shown; of others only type and place, since a message may hold data."""
    log.configure(form="json", level="info", stream=lines)
    try:
        raise ValueError("could not parse p@x.za")
    except ValueError:
        structlog.get_logger().exception("stage.crashed")
    structlog.get_logger().error("probe.refused", error=AccessRefused("key refused", hint="make a new one", platform="nutshell"))
    first, second = read(lines)
    assert (first["level"], first["error_type"]) == ("error", "ValueError")
    assert any("test_log.py" in frame for frame in first["frames"])
    assert "p@x.za" not in str(first)
    assert (second["error"], second["hint"], second["error_code"]) == ("nutshell: key refused", "make a new one", "access")


def test_level_changes_live(lines: io.BytesIO) -> None:
    """The level can be changed while running."""
    log.configure(form="json", level="warning", stream=lines)
    logger = structlog.get_logger()
    logger.info("one")
    log.set_level("debug")
    logger.debug("two")
    assert [line["event"] for line in read(lines)] == ["two"]


def test_lines_cannot_be_forged(lines: io.BytesIO) -> None:
    """Newlines and escape sequences in data stay inside their line and do not reach the terminal."""
    log.configure(form="text", level="info", stream=lines)
    structlog.get_logger().info("x", reason="a\n12:00:00 error forged\x1b[2J")
    assert lines.getvalue().count(b"\n") == 1
    assert b"\x1b" not in lines.getvalue()


def test_warnings_are_counted(lines: io.BytesIO) -> None:
    """Each warning and error line is told to the metrics, those below the level are not."""
    counted: list[str] = []
    log.configure(form="json", level="error", count=counted.append, stream=lines)
    structlog.get_logger().warning("a")
    structlog.get_logger().error("b")
    assert counted == ["error"]


def test_libraries_are_taken_in_without_arguments(lines: io.BytesIO) -> None:
    """What a library logs appears as one line without its arguments."""
    log.configure(form="json", level="info", stream=lines)
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "p@x.za")
    [line] = read(lines)
    assert (line["event"], line["logger"], line["reason"]) == ("library.log", "aiohttp.server", "Error handling request from %s")


_SPEAKS = re.compile(r"\b_?log(ger)?\s*\.")
"""Parsing takes longest, and most files log nothing."""


def test_every_key_the_program_logs_is_allowed() -> None:
    """No line of the program loses a value for want of an entry in the allow-list."""
    wanting = []
    for path in sorted(Path(log.__file__).parents[1].rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if _SPEAKS.search(text) else ():
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not isinstance(node.func.value, ast.Name):
                continue
            is_logger = node.func.value.id in ("log", "_log", "logger", "_logger")
            if is_logger and node.func.attr in ("debug", "info", "warning", "error", "exception", "bind") and "sandbox" not in path.parts:
                keys = {keyword.arg for keyword in node.keywords if keyword.arg} - {"exc_info"}
                wanting += [f"{path.name}:{node.lineno} {key}" for key in keys - log.LOGGABLE]
    assert [each for each in wanting if not each.startswith("log.py")] == []


_STRAYS = """
import asyncio, gc, sys, threading
import anyio
from streamflow.daemon import log


class Ending:
    def __del__(self):
        raise RuntimeError("Nia Okafor")


def fails(name):
    raise KeyError(name)


async def main():
    async def task():
        raise ValueError("Thandi Mokoena +27825550142 thandi@x.test")

    one = asyncio.ensure_future(task())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del one
    asyncio.get_running_loop().call_soon(fails, "Sipho Dlamini")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stray = threading.Thread(target=fails, args=("Lerato Nkosi",))
    stray.start()
    stray.join()
    Ending()
    gc.collect()


log.configure(form="json", level="info")
log.take_in_strays()
anyio.run(main, backend_options={"use_uvloop": sys.argv[1] == "uvloop"})
log.finish()
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_what_fails_where_nobody_waits_for_it_is_told_without_its_words(loop: str) -> None:
    """A lost task, a callback, a thread and the end of an object: each is a line with the type of the failure, and no value of a record."""
    ended = subprocess.run([sys.executable, "-c", _STRAYS, loop], capture_output=True, text=True, timeout=60, check=True)
    told = [orjson.loads(line) for line in ended.stdout.splitlines()]
    assert {line["error_type"] for line in told} == {"ValueError", "KeyError", "RuntimeError"}
    assert {line["event"] for line in told} == {"library.log", "thread.failed", "object.failed"}
    assert ended.stderr == ""
    for name in ("Thandi", "Sipho", "Lerato", "Nia", "2782"):
        assert name not in ended.stdout
