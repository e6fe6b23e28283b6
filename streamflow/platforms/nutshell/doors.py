"""Opening a Nutshell account: its session, its two faces, its flags."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from yarl import URL

from streamflow.clock import Clock
from streamflow.platforms.entry import DestinationSettings, Wire
from streamflow.platforms.nutshell.client import Nutshell
from streamflow.platforms.nutshell.dialect.refusals import explain
from streamflow.platforms.nutshell.flags import Flags
from streamflow.wire.credentials import BasicCredentials, Masked
from streamflow.wire.limiter import Limiter
from streamflow.wire.message import AttemptHook
from streamflow.wire.session import SessionSettings, open_session

RPC_PATH = "/api/v1/json"


@asynccontextmanager
async def connect(
    *, base_url: str, username: str, api_key: str | Masked, limiter: Limiter, clock: Clock, rpc_url: str | None = None,
    flags: Flags | None = None,
    impersonate: bool = False, hook: AttemptHook | None = None, ca_file: str | Path | None = None, settings: SessionSettings | None = None,
) -> AsyncIterator[Nutshell]:  # fmt: skip
    """
    Open a Nutshell account as a `Destination`; its connections are closed at the end. Nothing is asked yet.

    Args:
        base_url: The REST base, ending in /rest.
        api_key: As `Masked` it may be renewed while the account is open.
        rpc_url: The JSON-RPC address; the same host's /api/v1/json when left out.
        impersonate: Write notes and the like in their authors' names, once a probe saw that the key can (flag impersonation).
        hook: Hears of each attempt; give `wire.message.combined(...)` for several listeners (metrics, `AdaptivePace`).
    """
    rpc = rpc_url or str(URL(base_url).with_path(RPC_PATH))
    credentials = BasicCredentials(username, api_key if isinstance(api_key, Masked) else Masked(api_key))
    async with open_session(
        platform="nutshell", base_url=base_url, also=(rpc,), credentials=credentials, limiter=limiter, clock=clock, hook=hook,
        explain=explain, ca_file=ca_file, settings=settings,
    ) as session:  # fmt: skip
        yield Nutshell(session, rpc_url=rpc, username=username, impersonate=impersonate, clock=clock, flags=flags or Flags())


class NutshellDoors:
    """What the catalogue of platforms opens an account by."""

    def check(self, settings: DestinationSettings) -> None:
        """Raise ConfigError for every unknown flag and every value out of range."""
        Flags().with_(settings.flags)

    @asynccontextmanager
    async def connect(self, settings: DestinationSettings, wire: Wire) -> AsyncIterator[Nutshell]:
        """Open an account; nothing is asked yet."""
        flags = Flags().with_(settings.flags)
        async with connect(
            base_url=settings.text("base_url"), username=settings.text("username"), api_key=settings.secret("api_key"),
            limiter=wire.limiter, clock=wire.clock, rpc_url=settings.text("rpc_url") or None, flags=flags,
            impersonate=settings.flag("impersonate"), hook=wire.hook, ca_file=settings.ca_file,
            settings=SessionSettings(total_s=flags.timeout_s),
        ) as account:  # fmt: skip
            yield account
