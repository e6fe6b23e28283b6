"""
The end of a state directory: the personal data of a migration that is over goes, by order and for good, while no daemon runs.

Rule: the order is in the ledger before anything goes, and each step is one that the same order, given again after a kill, finds done or
does once more. From the order on nothing else is done with this ledger.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anyio import to_thread

from streamflow.clock import Clock, iso
from streamflow.config import Config
from streamflow.daemon.home import open_home, refuse_foreign
from streamflow.errors import DiskRefused, DoesNotFit, StoreError, is_of_the_disk
from streamflow.ledger_names import PURGE
from streamflow.mapping.files import ARCHIVE
from streamflow.migration.purge_order import BEGUN, DONE, STRIPPED, refuse_unless_over
from streamflow.model import AuditEntry
from streamflow.reports.files import REPORTS
from streamflow.store.audit import SEALED
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, Change, PutSetting
from streamflow.store.files import LEDGER_FILE
from streamflow.store.lock import LOCK_FILE
from streamflow.store.sqlite import SqliteLedger

LIMIT_S = 86_400.0     # of a transaction that takes minutes in a large ledger
GO = (REPORTS, ARCHIVE)
STAY = (LEDGER_FILE, f"{LEDGER_FILE}-wal", f"{LEDGER_FILE}-shm", LOCK_FILE)


async def purge(config: Config, clock: Clock, *, actor: str, dry_run: bool) -> dict[str, Any]:
    """
    Purge, or with *dry_run* only tell what would go.

    Answers {"result": "planned" | "purged" | "already_purged", "tables": {table: {"stay", "bared", "go"}} in rows,
    "files": {folder: files}, "not_ours": names, "open_questions": how many, "known": "SEQ:HASH" of the audit's end}.

    Raises DoesNotFit while the migration is not over, and for a link in place of a folder that goes; ConfigError for a directory of another
    one; and what `open_home` raises.
    """
    folder = config.migration.state_dir
    if not (folder / LEDGER_FILE).exists():
        raise DoesNotFit("there is nothing to purge", hint="the migration begins with the first `streamflow run`")
    async with SqliteLedger.open_readonly(folder, clock=clock) as ledger:     # whoever is refused has touched nothing
        if (held := await _standing(config, ledger))["step"] == DONE:
            return {"result": "already_purged", "at": held["at"], "by": held["by"], "known": await _end(ledger)}
        _refuse_links(folder)
        if dry_run:
            return {"result": "planned", **await _plan(folder, ledger)}
    async with open_home(config, clock, purging=True, limit_s=LIMIT_S) as ledger:
        held = await _standing(config, ledger)
        plan = await _plan(folder, ledger)
        held = {"by": actor, "at": iso(clock.now()), **held, "step": held["step"] or BEGUN}
        await ledger.commit(_told(held, AuditEntry(actor=actor, action="purge.begun")))
        if held["step"] == BEGUN:
            held = {**held, "step": STRIPPED}
            await ledger.purge(lambda print_: _told(held, AuditEntry(actor=actor, action=SEALED, after={"print": print_})))
        await ledger.shrink()
        await to_thread.run_sync(_clear, folder)
        await ledger.commit(_told({**held, "step": DONE}, AuditEntry(actor=actor, action="purge.done", after=plan["files"])))
        return {"result": "purged", **plan, "known": await _end(ledger)}


async def _standing(config: Config, ledger: Ledger) -> dict[str, Any]:
    """Give how far a purge came, {"step": ""} for not begun; refuses what cannot be purged."""
    await refuse_foreign(ledger, config)
    if (held := await ledger.setting(PURGE)) is not None:
        return dict(held)
    await refuse_unless_over(ledger)
    return {"step": ""}


def _refuse_links(folder: Path) -> None:
    """Raise DoesNotFit where a folder that goes is a link: what it leads to may be anybody's."""
    for name in GO:
        if (folder / name).is_symlink():
            hint = "empty that folder by hand, remove the link, and repeat the command"
            raise DoesNotFit(f"{folder / name} leads elsewhere, and what is there is not removed", hint=hint)


def _told(held: dict[str, Any], entry: AuditEntry) -> list[Change]:
    return [PutSetting(name=PURGE, value=held), Audit(entry=entry)]


async def _end(ledger: SqliteLedger) -> str:
    reached = await ledger.audit_length()
    return f"{reached}:{await ledger.audit_hash(reached)}"


async def _plan(folder: Path, ledger: SqliteLedger) -> dict[str, Any]:
    files = {name: sum(1 for path in (folder / name).rglob("*") if not path.is_dir()) for name in GO if (folder / name).exists()}
    others = sorted(path.name for path in folder.iterdir() if path.name not in (*GO, *STAY) and not path.is_socket())
    tables = {name: asdict(share) for name, share in (await ledger.shares()).items()}
    questions = sum(count for (state, _, _), count in (await ledger.queue_counts()).items() if state == "open")
    return {"tables": tables, "files": files, "not_ours": others, "open_questions": questions}


def _clear(folder: Path) -> None:
    """Remove the folders that the daemon made beside its ledger; what else others put there is theirs. Raises StoreError."""
    try:
        for name in GO:
            if (folder / name).exists():
                shutil.rmtree(folder / name)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        family = DiskRefused if is_of_the_disk(error) else StoreError
        hint = "check disk, owner and rights, and repeat the command"
        raise family(f"{error.filename} cannot be removed: {error.strerror}", hint=hint) from error
