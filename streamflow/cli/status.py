"""`status` and `top`: how things stand, once or live."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio

from streamflow.cli.asking import daemon, last_phase, show
from streamflow.cli.output import safe, say, say_json, say_raw
from streamflow.cli.parsing import Adder, Args
from streamflow.cli.render import status_line, status_text
from streamflow.daemon.client import DaemonNotRunning
from streamflow.daemon.exits import Exit

REFRESH_S = 1.0
FINAL_STATES = ("done", "rolled_back")


def register(add: Adder) -> None:
    """Add the commands."""
    status = add("status", _status, "one snapshot of the running migration")
    status.add_argument("--watch", action="store_true", help="go on showing it until the migration ends")
    add("top", _top, "live full-screen view")


async def _status(args: Args) -> int:
    if args.watch:
        return await _watch(args, full_screen=False)
    return await show(args, "/v1/status", status_text)


async def _top(args: Args) -> int:
    return await _watch(args, full_screen=sys.stdout.isatty() and not args.json)


async def _watch(args: Args, *, full_screen: bool) -> int:
    is_terminal = sys.stdout.isatty()
    last = ""
    async with daemon(args) as client:
        with _screen(full_screen):
            while True:
                try:
                    status = await client.get("/v1/status")
                except DaemonNotRunning:
                    # It ends a moment after the migration does, perhaps between two looks.
                    if last and await last_phase(args) in FINAL_STATES:
                        return Exit.DONE
                    raise
                if args.json:
                    say_json(status)
                    last = "said"
                elif is_terminal:
                    _paint(status_text(status), clear=full_screen or bool(last), back=0 if full_screen else last.count("\n") + 1)
                    last = status_text(status)
                elif (line := status_line(status)) != last:
                    say(line)
                    last = line
                if status["state"] in FINAL_STATES:
                    return Exit.DONE
                await anyio.sleep(REFRESH_S)


def _paint(text: str, *, clear: bool, back: int) -> None:
    """Draw over what stands there: from the top of the screen, or from *back* lines above."""
    move = ("\x1b[H" if back == 0 else f"\x1b[{back}F") if clear else ""
    say_raw(move + "\n".join(safe(line) + "\x1b[K" for line in text.split("\n")) + "\n\x1b[J")


@contextmanager
def _screen(on: bool) -> Iterator[Any]:
    if on:
        say_raw("\x1b[?1049h\x1b[?25l\x1b[2J")
    try:
        yield
    finally:
        if on:
            say_raw("\x1b[?25h\x1b[?1049l")
