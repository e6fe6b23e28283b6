"""`rollback`: undo what was done, after a preview and a typed name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from streamflow.cli.asking import long_order, tell
from streamflow.cli.output import tree
from streamflow.cli.parsing import Adder, Args, config_of, config_path
from streamflow.clock import SystemClock
from streamflow.daemon.client import DaemonNotRunning
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError


def register(add: Adder) -> None:
    """Add the command."""
    rollback = add("rollback", _rollback, "undo: delete what was created and nobody touched, restore what was changed, list the rest")
    rollback.add_argument("--scope", default="run", metavar="SCOPE", help="run (all of it), phase:NAME, kind:KIND or record:KIND:KEY")
    rollback.add_argument("--dry-run", action="store_true", help="tell what would be undone, and name it in a report")
    rollback.add_argument("--confirm", default="", metavar="NAME", help="the name of the migration, to show that it is meant")


async def _rollback(args: Args) -> int:
    name = config_of(args).migration.name
    if not args.dry_run and args.confirm != name:
        wrong = f'"{args.confirm}" is not the name of this migration' if args.confirm else "a rollback must be confirmed"
        raise UsageError(wrong, hint="see what it would do with --dry-run, then repeat with --confirm and the name under [migration]")
    try:
        await long_order(args, "/v1/rollback", _text, scope=args.scope, dry_run=args.dry_run, confirm=args.confirm)
        return Exit.DONE
    except DaemonNotRunning:
        if args.dry_run:
            raise
        return await _note(args)


async def _note(args: Args) -> int:
    """Note the wish in the ledger when no daemon runs, as after the end of a migration; the next start carries it out."""
    from streamflow.daemon.home import note_rollback  # loads the ledger: only when needed

    config = config_of(args)
    result = await note_rollback(config, SystemClock(), actor=f"uid:{os.geteuid()}", scope=args.scope)
    answer = {"result": result, "scope": args.scope}
    if result != "noted":
        tell(args, answer, lambda _: f"{result.replace('_', ' ')}; nothing is left to do")
        return Exit.DONE
    answer["next"] = f"streamflow -c {config_path(args)} run"
    tell(args, answer, lambda _: f"{result.replace('_', ' ')}; no daemon runs now\n  next: `{answer['next']}` carries it out")
    return Exit.DONE


def _text(answer: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in answer.items() if key != "result"}
    return str(answer.get("result", "done")).replace("_", " ") + ("\n" + tree(rest, indent=1) if rest else "")
