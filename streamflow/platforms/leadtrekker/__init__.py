"""
Leadtrekker as a source: `connect` opens it from plain values, `platform` describes it for the catalogue of platforms.

Files here: `streams.toml` says what there is, `dialect` and `codec` how it is asked. All else is done by the readers of every platform:
`api`, `files`, `rows`, and `spec_source` that joins them. `drafting` and `probing` find out what an account's functions are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from streamflow.clock import Clock, SystemClock
from streamflow.errors import ConfigError
from streamflow.model import Kind
from streamflow.platforms.api import answers
from streamflow.platforms.api.reader import ApiReader
from streamflow.platforms.files.inbox import Inbox
from streamflow.platforms.files.reader import FilesReader
from streamflow.platforms.leadtrekker.codec import decode_leaves
from streamflow.platforms.leadtrekker.dialect import LeadtrekkerDialect
from streamflow.platforms.rows.canon import Canon
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.spec import PlatformSpec
from streamflow.platforms.spec_source import SpecSource
from streamflow.platforms.spec_toml import load
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import HeaderCredentials, Masked
from streamflow.wire.limiter import Limiter, PacedLimiter
from streamflow.wire.message import AttemptHook
from streamflow.wire.session import Session, SessionSettings, open_session

NAME = "leadtrekker"
DECODERS = {"base64": decode_leaves}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the catalogue of platforms knows of one."""

    name: str
    role: str                  # "source" | "destination"
    readers: tuple[str, ...]
    kinds: tuple[Kind, ...]
    connect: Callable[..., Any]


def platform() -> Description:
    """Describe the platform; for the entry point."""
    return Description(name=NAME, role="source", readers=("api", "files"), kinds=tuple(load_spec().streams), connect=connect)


def load_spec(
    streams: Mapping[str, Mapping[str, Any]] | None = None, *, reader: str = "files", timezone: str = "", date_formats: Sequence[str] = ()
) -> PlatformSpec:
    """Give the shipped spec with the operator's overrides. Raises ConfigError with all faults."""
    shipped = files(__package__).joinpath("streams.toml").read_text(encoding="utf-8")
    defaults = {"reader": reader, "timezone": timezone, "date_formats": tuple(date_formats)}
    return load(shipped, streams or {}, defaults=defaults, decodings=tuple(DECODERS))


@asynccontextmanager
async def connect(
    *, base_url: str = "", api_key: str | Masked = "", inbox: str | Path | None = None, reader: str = "api",
    streams: Mapping[str, Mapping[str, Any]] | None = None, timezone: str = "", date_formats: Sequence[str] = (),
    limiter: Limiter | None = None, clock: Clock | None = None, hook: AttemptHook | None = None, ca_file: str | Path | None = None,
    dice: Callable[[], float] | None = None,
) -> AsyncIterator[SpecSource]:  # fmt: skip
    """
    Open an account for reading; nothing is asked yet.

    Args:
        base_url: Ends in /api/; needed when a stream is read by API.
        inbox: Folder of snapshots; needed when a stream is read from files, and for attachments.
        reader: "api" or "files", for streams that do not say otherwise.
        streams: Overrides of the shipped spec by kind, as under [source.streams].
        timezone: Zone of the account's clock, instead of the shipped one.
        date_formats: strptime forms tried before the shipped ones.
        limiter: The pace; without one, one call a second, one at a time (leadtrekker.md 1).

    Raises:
        ConfigError: lists every fault of the overrides and what is missing for the chosen readers.
    """
    spec = load_spec(streams, reader=reader, timezone=timezone, date_formats=date_formats)
    key = api_key if isinstance(api_key, Masked) else Masked(api_key)
    by_api = [kind for kind, stream in spec.streams.items() if stream.enabled and stream.reader == "api"]
    by_files = [kind for kind, stream in spec.streams.items() if stream.enabled and stream.reader == "files" and stream.role != "file"]
    _check_needs(by_api, by_files, base_url=base_url, key=key, inbox=inbox)
    time = clock or SystemClock()
    canons = {
        kind: Canon(stream, null_words=spec.null_words, region=spec.region, reader=stream.reader, decoders=DECODERS)
        for kind, stream in spec.streams.items()
    }
    roster = Roster()
    async with AsyncExitStack() as stack:
        api = None
        if by_api:
            pace = limiter or PacedLimiter(time, rate_per_s=1.0, max_in_flight=1)
            session = await stack.enter_async_context(_session(spec, base_url, key, pace, time, hook, ca_file, dice))
            api = ApiReader(session, spec, canons, roster, dialect=LeadtrekkerDialect(spec), clock=time)
        exports = FilesReader(Inbox(Path(inbox)), spec, canons, roster) if inbox is not None else None
        yield SpecSource(spec, api=api, files=exports, roster=roster)


@asynccontextmanager
async def _session(
    spec: PlatformSpec, base_url: str, key: Masked, limiter: Limiter, clock: Clock, hook: AttemptHook | None, ca_file: str | Path | None,
    dice: Callable[[], float] | None,
) -> AsyncIterator[Session]:  # fmt: skip
    credentials = HeaderCredentials(spec.key_header, key, also=spec.legacy_header)
    settings = SessionSettings(
        total_s=spec.timeout_s, read_s=spec.timeout_s, body_cap_bytes=spec.body_cap_bytes,
        patience=Patience(attempts=spec.attempts, base_s=spec.base_s, cap_s=spec.cap_s),
    )  # fmt: skip
    async with open_session(
        platform=NAME, base_url=base_url, credentials=credentials, limiter=limiter, clock=clock, settings=settings, hook=hook,
        explain=answers.explain, ca_file=ca_file, dice=dice,
    ) as session:  # fmt: skip
        yield session


def _check_needs(by_api: Sequence[Kind], by_files: Sequence[Kind], *, base_url: str, key: Masked, inbox: str | Path | None) -> None:
    faults: list[str] = []
    if by_api and not base_url:
        faults.append(f"source.base_url: needed, since {', '.join(by_api)} are read by api")
    if by_api and not key.reveal():
        faults.append(f"source.api_key: needed, since {', '.join(by_api)} are read by api")
    if by_files and inbox is None:
        faults.append(f"source.inbox: needed, since {', '.join(by_files)} are read from files")
    if faults:
        raise ConfigError(faults)
