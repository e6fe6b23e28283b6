"""One question or order to the daemon, from a command's arguments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from streamflow.cli.output import say, say_json, tree
from streamflow.cli.parsing import Args, config_of
from streamflow.clock import SystemClock
from streamflow.daemon.client import DaemonClient, connect
from streamflow.daemon.exits import Exit
from streamflow.errors import StoreError


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


async def last_phase(args: Args) -> str:
    """Give the phase the ledger tells of when nobody answers any more; "" when there is none."""
    from streamflow.store.sqlite import SqliteLedger  # only when needed

    try:
        async with SqliteLedger.open_readonly(config_of(args).migration.state_dir, clock=SystemClock()) as ledger:
            return phase_name(await ledger.setting("phase"))
    except StoreError:
        return ""


def phase_name(value: Any) -> str:
    """Give the name of the phase from the ledger's setting, "" when there is none."""
    return str(value.get("state", "")) if isinstance(value, Mapping) else ""


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
