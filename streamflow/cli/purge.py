"""`purge`: the personal data of a migration that is over goes, after a preview and a typed name; no daemon is asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from streamflow.cli.asking import tell
from streamflow.cli.output import table
from streamflow.cli.parsing import Adder, Args, config_of
from streamflow.clock import SystemClock
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError

_FOR_GOOD = "afterwards nothing of this migration can be rolled back, read back, traced or resumed"


def register(add: Adder) -> None:
    """Add the command."""
    purge = add("purge", _purge, "remove the personal data that the state directory still holds, once the migration is over")
    purge.add_argument("--dry-run", action="store_true", help="tell what would go and what stays")
    purge.add_argument("--confirm", default="", metavar="NAME", help="the name of the migration, to show that it is meant")


async def _purge(args: Args) -> int:
    from streamflow.daemon.purge import purge  # loads the ledger: only when needed

    config = config_of(args)
    if not args.dry_run and args.confirm != config.migration.name:
        wrong = f'"{args.confirm}" is not the name of this migration' if args.confirm else "a purge must be confirmed"
        raise UsageError(wrong, hint="see what would go with --dry-run, then repeat with --confirm and the name under [migration]")
    answer = await purge(config, SystemClock(), actor=f"uid:{os.geteuid()}", dry_run=args.dry_run)
    tell(args, {**answer, "for_good": _FOR_GOOD} if args.dry_run else answer, _text)
    return Exit.DONE


def _text(answer: Mapping[str, Any]) -> str:
    from streamflow.mapping.files import ARCHIVE  # only when needed

    if answer["result"] == "already_purged":
        return f"already purged at {answer['at']} by {answer['by']}; nothing is left to do\nthe audit ends with {answer['known']}"
    head = ("in the ledger", "stay", "lose their values", "go")
    rows = [(name, share["stay"], share["bared"], share["go"]) for name, share in answer["tables"].items() if any(share.values())]
    lines = [table(head, rows, right=head[1:]), "", *(f"files in {name}/ that go: {count}" for name, count in answer["files"].items())]
    if ARCHIVE in answer["files"] and answer["result"] == "planned":
        lines.append(f"notes in the destination name the files in {ARCHIVE}/, which are nowhere else: keep a copy of what is still needed")
    if answer["open_questions"]:
        lines.append(f"questions that nobody answered, and nobody can answer afterwards: {answer['open_questions']}")
    if answer["not_ours"]:
        lines.append(f"not written by streamflow, and left: {', '.join(answer['not_ours'])}")
    if answer["result"] == "planned":
        return "\n".join([*lines, f"nothing was touched; {_FOR_GOOD}"])
    return "\n".join([*lines, f"purged; the audit ends with {answer['known']}: keep that elsewhere for `audit verify --known`"])
