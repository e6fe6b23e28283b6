"""One question or order to the daemon, from a command's arguments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio

from streamflow.cli.output import note, say, say_json, tree
from streamflow.cli.parsing import Args, config_of
from streamflow.clock import SystemClock
from streamflow.daemon.client import DaemonClient, DaemonNotRunning, Refusal, connect, part
from streamflow.daemon.exits import Exit
from streamflow.errors import StoreError
from streamflow.ledger_names import PHASE, PURGE

FIRST_LOOK_S = 2.0      # so long an answer is waited for before progress is shown
LOOK_EVERY_S = 0.5


@asynccontextmanager
async def daemon(args: Args) -> AsyncIterator[DaemonClient]:
    """Open the control socket that the configuration names."""
    config = config_of(args)
    try:
        async with connect(config.control.socket) as client:
            yield client
    except DaemonNotRunning:
        await _refuse_purged(args)     # none will ever run again
        raise


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


async def long_show(args: Args, path: str, text: Callable[[Any], str]) -> Any:
    """Ask what may take long, wait as long as it takes, print and give the answer."""
    async with daemon(args) as client:
        answer = await followed(args, client, await client.get(path, wait_s=str(FIRST_LOOK_S)))
    tell(args, answer, text)
    return answer


async def long_order(args: Args, path: str, text: Callable[[Any], str] | None = None, **body: Any) -> Any:
    """Order what may take long, wait as long as it takes, print and give the answer."""
    async with daemon(args) as client:
        answer = await followed(args, client, await client.post(path, wait_s=FIRST_LOOK_S, **body))
    tell(args, answer, text or result_line)
    return answer


async def followed(args: Args, client: DaemonClient, answer: Any) -> Any:
    """
    Wait for the job that an answer names, telling people how far it is; answers what the job found.

    Raises Refusal with the job's own words when it failed. Whoever goes away finds the result under `GET /v1/jobs/NAME`.
    """
    if not isinstance(answer.get("job"), Mapping):
        return answer
    last = ""
    while True:
        job = await client.get(f"/v1/jobs/{part(answer['job']['name'])}")
        if job["state"] == "failed":
            error = job["error"]
            raise Refusal(503, str(error["code"]), str(error["message"]), str(error["hint"]))
        if job["state"] == "done":
            return job["result"]
        if not args.json and (line := _progress_line(job)) != last:
            note(line)
            last = line
        await anyio.sleep(LOOK_EVERY_S)


def _progress_line(job: Mapping[str, Any]) -> str:
    done, of = job["progress"]["done"], job["progress"]["of"]
    return f"{job['name']}: {done}{f' of {of}' if of else ''} records so far" if done else f"{job['name']}: at work"


async def last_phase(args: Args) -> str:
    """Give the phase the ledger tells of when nobody answers any more; "" when there is none."""
    from streamflow.store.sqlite import SqliteLedger  # only when needed

    try:
        async with SqliteLedger.open_readonly(config_of(args).migration.state_dir, clock=SystemClock()) as ledger:
            return phase_name(await ledger.setting(PHASE))
    except StoreError:
        return ""


async def _refuse_purged(args: Args) -> None:
    from streamflow.migration.purge_order import refusal  # only when needed
    from streamflow.store.sqlite import SqliteLedger

    try:
        async with SqliteLedger.open_readonly(config_of(args).migration.state_dir, clock=SystemClock(), whole=False) as ledger:
            purge = await ledger.setting(PURGE)
    except StoreError:
        return
    if purge is not None:
        raise refusal(purge)


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
