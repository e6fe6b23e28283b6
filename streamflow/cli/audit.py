"""`audit verify` and `audit export`: walk the chain of the audit in the ledger, whether or not the daemon runs."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamflow.cli.asking import tell
from streamflow.cli.new_file import new_file
from streamflow.cli.parsing import Adder, Args, config_of, group
from streamflow.clock import SystemClock
from streamflow.daemon.exits import Exit
from streamflow.errors import UsageError

if TYPE_CHECKING:
    from streamflow.store.sqlite import SqliteLedger


DIGITS = 15     # of the number of an entry


def register(add: Adder) -> None:
    """Add the commands."""
    of_audit = group(add, "audit", "the audit of every operation, decision and command")
    verify = of_audit("verify", _verify, "check that no entry was changed or removed")
    verify.add_argument(
        "--known", metavar="SEQ:HASH", help="an entry as the log told it (audit.walked: seq, digest), to see that it is still that one"
    )
    export = of_audit("export", _export, "write every entry with its hash as JSON lines")
    export.add_argument("file", metavar="FILE", help="holds personal data: it is made for your eyes alone, and never written over")


async def _verify(args: Args) -> int:
    known = _known(args.known) if args.known is not None else None
    async with _ledger(args) as ledger:
        entries, broken = await ledger.verify_audit()
        if known is not None and broken is None and await ledger.audit_hash(known[0]) != known[1]:
            broken = known[0]
        bare, sealed = await ledger.audit_purged()
    answer = _verdict(entries, broken, bare)
    if known is not None and broken is None and known[0] < sealed:     # what is left of bare entries is in no hash but that of their seal
        answer["result"] = "unproven"
    tell(args, answer, _text)
    return Exit.DONE if answer["result"] == "whole" else Exit.OPEN_ITEMS


def _known(text: str) -> tuple[int, str]:
    """Read an entry's number and hash. Raises UsageError."""
    seq, _, digest = text.strip().partition(":")
    if not (seq.isascii() and seq.isdecimal() and len(seq) <= DIGITS and re.fullmatch("[0-9a-f]{64}", digest)):
        raise UsageError(f"{text[:80]!r} is no entry with its hash", hint="say for example 1234:9f86d0…, as `audit.walked` in the log does")
    return int(seq), digest


async def _export(args: Args) -> int:
    path = Path(args.file)
    async with _ledger(args) as ledger:
        entries, broken = await ledger.verify_audit()
        bare, _ = await ledger.audit_purged()
        written = await _write(ledger, path)
    answer = {**_verdict(entries, broken, bare), "written": written, "path": str(path.absolute())}
    tell(args, answer, lambda answer: f"wrote {written} entries to {path}\n{_text(answer)}")
    return Exit.DONE if broken is None else Exit.OPEN_ITEMS


@asynccontextmanager
async def _ledger(args: Args) -> AsyncIterator[SqliteLedger]:
    from streamflow.store.sqlite import SqliteLedger  # only when needed

    folder = config_of(args).migration.state_dir
    if not folder.is_dir():
        raise UsageError(f"there is no state folder {folder} yet", hint="the audit begins with the first `streamflow run`")
    async with SqliteLedger.open_readonly(folder, clock=SystemClock()) as ledger:
        yield ledger


async def _write(ledger: SqliteLedger, path: Path) -> int:
    """Write {"previous", "hash", "entry"} a line; the entry is the very text that was hashed, after the hash before it and a line end."""
    with new_file(path, hint="name a file in a folder that you can write, with room for it") as descriptor:
        return await _fill(descriptor, ledger)


async def _fill(descriptor: int, ledger: SqliteLedger) -> int:
    written = 0
    from streamflow.store.audit import AS_KEPT  # only when needed

    with os.fdopen(descriptor, "w", encoding="utf-8", errors=AS_KEPT, newline="") as file:
        async for page in ledger.audit_lines():
            file.writelines(f'{{"previous":"{previous}","hash":"{line.hash}","entry":{line.text}}}\n' for previous, line in page)
            written += len(page)
    return written


def _verdict(entries: int, broken: int | None, bare: int) -> dict[str, Any]:
    return {"result": "whole" if broken is None else "broken", "entries": entries, "first_broken": broken, "purged": bare}


def _text(answer: Mapping[str, Any]) -> str:
    if answer["result"] == "unproven":
        return (
            f"the audit fits that entry, but later a purge took the values of {answer['purged']} entries: what is left is not proved\n"
            "  say the entry that the purge printed as its end"
        )
    if answer["first_broken"] is None:
        bare = f", of which {answer['purged']} lost their values in a purge, and stand as it left them" if answer["purged"] else ""
        return f"the audit is whole: {answer['entries']} entries{bare}"
    return f"the audit is BROKEN at entry {answer['first_broken']}\n  keep the state folder as it is and compare it with a backup"
