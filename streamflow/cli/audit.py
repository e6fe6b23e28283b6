"""`audit verify`: walk the chain of the audit in the ledger, whether or not the daemon runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.cli.asking import tell
from streamflow.cli.parsing import Adder, Args, config_of, group
from streamflow.clock import SystemClock
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError


def register(add: Adder) -> None:
    """Add the command."""
    of_audit = group(add, "audit", "the audit of every operation, decision and command")
    of_audit("verify", _verify, "check that no entry was changed or removed")


async def _verify(args: Args) -> int:
    from streamflow.store.sqlite import SqliteLedger  # only when needed

    folder = config_of(args).migration.state_dir
    if not folder.is_dir():
        raise UsageError(f"there is no state folder {folder} yet", hint="the audit begins with the first `streamflow run`")
    async with SqliteLedger.open_readonly(folder, clock=SystemClock()) as ledger:
        entries, broken = await ledger.verify_audit()
    answer = {"result": "whole" if broken is None else "broken", "entries": entries, "first_broken": broken}
    tell(args, answer, _text)
    return Exit.DONE if broken is None else Exit.OPEN_ITEMS


def _text(answer: Mapping[str, Any]) -> str:
    if answer["first_broken"] is None:
        return f"the audit is whole: {answer['entries']} entries"
    return f"the audit is BROKEN at entry {answer['first_broken']}\n  keep the state folder as it is and compare it with a backup"
