"""One question or order to the daemon, from a command's arguments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from streamflow.cli.output import say, say_json, tree
from streamflow.cli.parsing import Args, config_of
from streamflow.daemon.client import DaemonClient, connect
from streamflow.daemon.exits import Exit


@asynccontextmanager
async def daemon(args: Args) -> AsyncIterator[DaemonClient]:
    """Open the control socket that the configuration names."""
    config = config_of(args)
    async with connect(config.control.socket) as client:
        yield client


async def show(args: Args, path: str, text: Callable[[Any], str], **query: str) -> int:
    """Ask and print: as it came for programs, by *text* for people."""
    async with daemon(args) as client:
        answer = await client.get(path, **query)
    tell(args, answer, text)
    return Exit.DONE


async def order(args: Args, path: str, text: Callable[[Any], str] | None = None, **body: Any) -> int:
    """Order and print what happened."""
    async with daemon(args) as client:
        answer = await client.post(path, **body)
    tell(args, answer, text or result_line)
    return Exit.DONE


def tell(args: Args, answer: Any, text: Callable[[Any], str]) -> None:
    """Print an answer in the form asked for."""
    if args.json:
        say_json(answer)
    else:
        say(text(answer))


def result_line(answer: Any) -> str:
    """Put an answer's result into words: "already paused", then what else it says."""
    result = str(answer.get("result", "done")).replace("_", " ")
    rest = {key.replace("_", " "): value for key, value in answer.items() if key != "result"}
    return result + ("\n" + tree(rest, indent=1) if rest else "")
