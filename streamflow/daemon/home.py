"""The state directory of a migration: opened for one process, proved to belong to this migration, refused as it is when in doubt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from anyio import to_thread

from streamflow.clock import Clock, iso
from streamflow.config import Config, identity
from streamflow.daemon.exits import AlreadyRunning
from streamflow.errors import ConfigError, DiskRefused, DoesNotFit, StoreError, is_of_the_disk
from streamflow.ledger_names import IDENTITY, PHASE, PURGE
from streamflow.migration.life import State
from streamflow.migration.purge_order import refusal
from streamflow.migration.rollback_order import ALREADY_ORDERED, ordered, standing
from streamflow.migration.scopes import accepted, checked
from streamflow.model import AuditEntry
from streamflow.platforms.catalog import pair_of
from streamflow.store.base import Ledger
from streamflow.store.change import Audit, PutSetting
from streamflow.store.connection import LedgerHeld
from streamflow.store.files import LEDGER_FILE, own_tree
from streamflow.store.keeping import ACCOUNTS
from streamflow.store.lock import DirectoryInUse
from streamflow.store.sqlite import SqliteLedger

SHOWN_NAMES = 3
ALWAYS_KNOWN = ("source.platform", "source.timezone")
"""All else that says which account is left may come later: it is not needed while everything is read from files."""


@asynccontextmanager
async def open_home(config: Config, clock: Clock, *, purging: bool = False, limit_s: float = 60.0) -> AsyncIterator[SqliteLedger]:
    """
    Hold the ledger of this migration until the block ends; makes one in an empty place, and closes the folder to others.

    One whose purge was begun is for *purging* alone. *limit_s* bounds each transaction.

    Raises:
        DoesNotFit: its personal data was purged, or is being purged.
        AlreadyRunning: another daemon holds it.
        LedgerHeld: another program holds its file.
        DiskRefused: its disk is full, fails, or became read-only since it was first used.
        ConfigError: it belongs to somebody else, is damaged or cannot be used; it stays as it was.
    """
    folder = config.migration.state_dir
    refuse_shared(folder)
    async with AsyncExitStack() as stack:
        try:
            ledger = await stack.enter_async_context(SqliteLedger.open(folder, clock=clock, limit_s=limit_s))
            if (purge := await ledger.setting(PURGE)) is None:
                await claim(ledger, config)
            elif not purging:
                raise refusal(purge)
            await to_thread.run_sync(own_tree, folder)
        except DirectoryInUse as error:
            raise AlreadyRunning(error.message, hint=error.hint) from error
        except LedgerHeld:
            raise
        except DiskRefused as error:     # a start that has room will do
            raise DiskRefused(f"migration.state_dir: {error}", hint=error.hint) from error
        except StoreError as error:
            raise ConfigError([f"migration.state_dir: {error}"], hint=error.hint) from error
        yield ledger


def refuse_shared(folder: Path) -> None:
    """Refuse a folder that others use too: it would be closed to them. Raises ConfigError, or DiskRefused where it cannot be read."""
    try:
        if not folder.is_dir() or (folder / LEDGER_FILE).exists() or not folder.stat().st_mode & 0o077:
            return
        strangers = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        fault = f"migration.state_dir: {folder} cannot be looked at: {error.strerror}"
        if is_of_the_disk(error):
            raise DiskRefused(fault, hint="check disk, owner and rights") from error
        raise ConfigError([fault], hint="check its owner and rights") from error
    if strangers:
        shown = ", ".join(strangers[:SHOWN_NAMES]) + (", …" if len(strangers) > SHOWN_NAMES else "")
        raise ConfigError(
            [f"migration.state_dir: {folder} holds other things ({shown}) and no ledger, and others may look into it"],
            hint=f"name a folder that is empty or not there yet; if it is this one, chmod 700 {folder}",
        )


async def claim(ledger: Ledger, config: Config) -> None:
    """Write on a new ledger which accounts it joins, or see that it is these. Raises ConfigError; the ledger stays as it was."""
    mine, stored = dict(identity(config)), await refuse_foreign(ledger, config)
    known = {**mine, **{name: value for name, value in (stored or {}).items() if value}}
    if known != stored:
        await ledger.commit([PutSetting(name=IDENTITY, value=known)])


async def refuse_foreign(ledger: Ledger, config: Config) -> dict[str, str] | None:
    """Give what the ledger says of the accounts it joins, None for nothing. Raises ConfigError where they are others."""
    stored: dict[str, str] | None = await ledger.setting(IDENTITY)
    is_purged = await ledger.setting(PURGE) is not None
    mine = {name: value for name, value in identity(config).items() if not is_purged or name in ACCOUNTS}
    if stored is not None and (faults := foreign(mine, stored)):
        raise ConfigError(faults, hint="name another migration.state_dir, or correct the file; the state was not touched")
    return stored


def foreign(mine: dict[str, str], stored: dict[str, str]) -> list[str]:
    """Say in what a ledger belongs to another migration; empty when it is this one's."""
    open_ones = [name for name in mine if name.startswith("source.") and name not in ALWAYS_KNOWN]
    unknown = {name for name in open_ones if not (mine[name] and stored.get(name))}
    return [
        f"{name}: the state directory belongs to {stored.get(name)!r}, the file says {value!r}"
        for name, value in mine.items() if name not in unknown and stored.get(name) != value
    ]  # fmt: skip


async def note_rollback(config: Config, clock: Clock, *, actor: str, scope: str) -> str:
    """
    Keep an operator's wish for a rollback while no daemon runs; answers "noted" or "already_rolled_back".

    Raises UsageError for a scope that is none or names an unknown record, DoesNotFit where nothing can be undone or another part is being
    undone, and what `open_home` raises.
    """
    pair = pair_of(config.source.platform, config.destination.platform)
    checked(scope, pair)
    if not (config.migration.state_dir / LEDGER_FILE).exists():
        raise DoesNotFit("nothing has been written yet", hint="the migration begins with the first `streamflow run`")
    async with open_home(config, clock) as ledger:
        scope = await accepted(ledger, pair, scope)
        stored = await ledger.setting(PHASE)
        state = State(stored["state"]) if stored else State.PROBE
        if known := await standing(ledger, scope=scope, state=state):
            return "noted" if known == ALREADY_ORDERED else known     # no daemon runs: the next start carries it out
        entry = AuditEntry(actor=actor, action="rollback.requested", note=scope)
        await ledger.commit([*await ordered(ledger, scope=scope, by=actor, at=iso(clock.now()), state=state), Audit(entry=entry)])
    return "noted"


async def present(config: Config, clock: Clock) -> list[str]:
    """
    Look into the state directory without holding it or writing; answers in what it belongs to another migration.

    Raises ConfigError when it cannot be used, as `open_home` would, and DiskRefused when its disk fails.
    """
    folder = config.migration.state_dir
    refuse_shared(folder)
    if not (folder / LEDGER_FILE).exists():
        if folder.exists() and not folder.is_dir():
            raise ConfigError([f"migration.state_dir: {folder} is not a folder"], hint="name a folder that is empty or not there yet")
        return []
    try:
        async with SqliteLedger.open_readonly(folder, clock=clock) as ledger:
            if (purge := await ledger.setting(PURGE)) is not None:
                return [str(refusal(purge))]
            return foreign(dict(identity(config)), await ledger.setting(IDENTITY) or dict(identity(config)))
    except DiskRefused as error:
        raise DiskRefused(f"migration.state_dir: {error}", hint=error.hint) from error
    except StoreError as error:
        raise ConfigError([f"migration.state_dir: {error}"], hint=error.hint) from error
