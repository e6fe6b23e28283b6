"""Opening a Lead Perfection account for reading."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from streamflow.clock import Clock, SystemClock
from streamflow.model import Kind
from streamflow.platforms.api import answers
from streamflow.platforms.api.reader import ApiReader
from streamflow.platforms.files.inbox import Inbox
from streamflow.platforms.files.reader import FilesReader
from streamflow.platforms.leadperfection.dialect import LeadPerfectionDialect
from streamflow.platforms.leadperfection.diary import Diary
from streamflow.platforms.leadperfection.mends import mends
from streamflow.platforms.rows.canon import Canon
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.spec import PlatformSpec
from streamflow.platforms.spec_source import SpecSource
from streamflow.platforms.spec_toml import load
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import Masked
from streamflow.wire.limiter import Limiter, PacedLimiter
from streamflow.wire.message import AttemptHook
from streamflow.wire.session import SessionSettings, open_session
from streamflow.wire.token import PasswordToken

TOKEN_CAP_S = 82_800.0      # 23 hours, whatever the answer says (lead-perfection.md 1.2)
TOKEN_UNSAID_S = 3_600.0


def load_spec(
    streams: Mapping[str, Mapping[str, Any]] | None = None, *, reader: str = "api", timezone: str = "", date_formats: Sequence[str] = ()
) -> PlatformSpec:
    """Give the shipped spec with the operator's overrides. Raises ConfigError with all faults."""
    shipped = files(__package__).joinpath("streams.toml").read_text(encoding="utf-8")
    return load(shipped, streams or {}, defaults={"reader": reader, "timezone": timezone, "date_formats": tuple(date_formats)})


@asynccontextmanager
async def connect(
    *, base_url: str = "", username: str = "", password: str | Masked = "", clientid: str = "", appkey: str | Masked = "",
    inbox: str | Path | None = None, reader: str = "api", streams: Mapping[Kind, Mapping[str, Any]] | None = None, timezone: str = "",
    limiter: Limiter | None = None, clock: Clock | None = None, hook: AttemptHook | None = None, dice: Callable[[], float] | None = None,
    timeout_s: float | None = None,
) -> AsyncIterator[SpecSource]:  # fmt: skip
    """Open an account for reading; nothing is asked yet. *base_url* is the server the customer was assigned."""
    base_url = base_url.rstrip("/")
    spec = load_spec(streams, reader=reader, timezone=timezone)
    spec = spec if timeout_s is None else replace(spec, timeout_s=timeout_s)
    time = clock or SystemClock()
    fixes = mends(spec)
    canons = {
        kind: Canon(stream, null_words=spec.null_words, region=spec.region, reader=stream.reader, mend=fixes.get(kind))
        for kind, stream in spec.streams.items()
    }
    roster = Roster()
    async with AsyncExitStack() as stack:
        api = None
        if any(stream.enabled and stream.reader == "api" for stream in spec.streams.values()):
            form: dict[str, str | Masked] = {
                "grant_type": "password", "username": username, "password": password, "clientid": clientid, "appkey": appkey,
            }  # fmt: skip
            token = PasswordToken(f"{base_url}/token", form, clock=time, cap_s=TOKEN_CAP_S, unsaid_s=TOKEN_UNSAID_S)
            settings = SessionSettings(
                total_s=spec.timeout_s, read_s=spec.timeout_s, body_cap_bytes=spec.body_cap_bytes,
                patience=Patience(attempts=spec.attempts, base_s=spec.base_s, cap_s=spec.cap_s),
            )  # fmt: skip
            session = await stack.enter_async_context(open_session(
                platform=spec.platform, base_url=f"{base_url}/api/", credentials=token, clock=time, settings=settings, hook=hook, dice=dice,
                limiter=limiter or PacedLimiter(time, rate_per_s=4.0, max_in_flight=2), explain=answers.explain,
            ))  # fmt: skip
            dialect = LeadPerfectionDialect(spec)
            api = ApiReader(session, spec, canons, roster, dialect=dialect, clock=time, companion=Diary(dialect, time))
        exports = FilesReader(Inbox(Path(inbox)), spec, canons, roster) if inbox is not None else None
        yield SpecSource(spec, api=api, files=exports, roster=roster, canons=canons)
