"""`status` and `top`: how things stand, once or live."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio

from streamflow.cli.asking import daemon, last_phase, show
from streamflow.cli.output import fitted, say, say_json, say_raw, width
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
    return await show(args, "/v1/status", lambda status: status_text(status, width=width()))


async def _top(args: Args) -> int:
    return await _watch(args, full_screen=sys.stdout.isatty() and not args.json)


async def _watch(args: Args, *, full_screen: bool) -> int:
    is_terminal = sys.stdout.isatty()
    last, drawn = "", 0
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
                    last = status_text(status, width=width())
                    drawn = _paint(last, full_screen=full_screen, drawn=drawn)
                elif (line := status_line(status)) != last:
                    say(line)
                    last = line
                if status["state"] in FINAL_STATES:
                    return Exit.DONE
                await anyio.sleep(REFRESH_S)


def _paint(text: str, *, full_screen: bool, drawn: int) -> int:
    """Draw over what stands there, from the top of the screen or *drawn* lines above; answers how many lines it takes now."""
    size = shutil.get_terminal_size()
    lines = fitted(text, size.columns, size.lines - 1)
    move = "\x1b[H" if full_screen else f"\x1b[{drawn}F" if drawn else ""
    say_raw(move + "\n".join(line + "\x1b[K" for line in lines) + "\n\x1b[J")
    return len(lines)


@contextmanager
def _screen(on: bool) -> Iterator[Any]:
    if on:
        say_raw("\x1b[?1049h\x1b[?25l\x1b[2J")
    try:
        yield
    finally:
        if on:
            say_raw("\x1b[?25h\x1b[?1049l")
