"""`cutover`: the switch, its dry run, its cancelling, and waiting for its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio

from streamflow.cli.asking import daemon, last_phase, order, result_line, tell
from streamflow.cli.output import say
from streamflow.cli.parsing import Adder, Args
from streamflow.cli.render import status_line
from streamflow.daemon.client import DaemonClient, DaemonNotRunning
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError

POLL_S = 0.25
SWITCHED = ("watch", "done")


def register(add: Adder) -> None:
    """Add the command."""
    cutover = add("cutover", _cutover, "switch over to the destination")
    cutover.add_argument("action", nargs="?", choices=["cancel"], help="cancel: go back to tailing")
    cutover.add_argument("--freeze-confirmed", action="store_true", help="people have stopped writing to the source")
    cutover.add_argument("--dry-run", action="store_true", help="only the precheck, with reasons")
    cutover.add_argument("--wait", action="store_true", help="wait until switched, or back in tailing")


async def _cutover(args: Args) -> int:
    if args.action == "cancel":
        if args.freeze_confirmed or args.dry_run or args.wait:
            raise UsageError("`cutover cancel` takes no further options", hint="it answers at once; `status` shows where it went back to")
        return await order(args, "/v1/cutover/cancel")
    if args.wait and args.dry_run:
        raise UsageError("--wait and --dry-run do not go together", hint="a dry run answers at once")
    async with daemon(args) as client:
        answer = await client.post("/v1/cutover", freeze_confirmed=args.freeze_confirmed, dry_run=args.dry_run)
        if not args.wait or answer.get("ok") is False:
            tell(args, answer, cutover_text)
            return Exit.OPEN_ITEMS if answer.get("ok") is False else Exit.DONE
        return await _wait(args, client, answer)


async def _wait(args: Args, client: DaemonClient, answer: Mapping[str, Any]) -> int:
    if not args.json:
        say(cutover_text(answer))
    last, was_cutover = "", False
    while True:
        try:
            status = await client.get("/v1/status")
        except DaemonNotRunning:
            return await _ended(args)
        phase = str(status["phase"])
        was_cutover = was_cutover or phase == "cutover"
        if not args.json and (line := status_line(status)) != last:
            say(line)
            last = line
        if phase in SWITCHED:
            tell(args, {"result": "switched", "phase": phase}, result_line)
            return Exit.DONE
        if was_cutover and phase != "cutover" and status["state"] != "paused":
            tell(args, {"result": "not_switched", "phase": phase, "reason": status["reason"]}, result_line)
            return Exit.TRY_AGAIN
        await anyio.sleep(POLL_S)


async def _ended(args: Args) -> int:
    """Tell from the ledger how it ended when the daemon is gone, as it is when nothing is watched after the switch."""
    phase = await last_phase(args)
    if phase in SWITCHED:
        tell(args, {"result": "switched", "phase": phase}, result_line)
        return Exit.DONE
    raise DaemonNotRunning("the daemon ended during the cutover", hint="see its log; `streamflow run` goes on where it was")


def cutover_text(answer: Mapping[str, Any]) -> str:
    """Lay out the precheck's reasons and notes, or what was started."""
    if "ok" not in answer:
        return result_line(answer)
    head = "ready to cut over" if answer["ok"] else "not ready to cut over:"
    notes = (f"note: {note}" for note in answer.get("notes", []))
    return "\n".join([head, *(f"  {reason}" for reason in answer.get("reasons", [])), *notes])
