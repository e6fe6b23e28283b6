"""Opening a platform that has a spec: the settings are seen to be whole, and session, readers and roster put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Generic, Protocol, TypeVar

from streamflow.clock import Clock
from streamflow.errors import ConfigError
from streamflow.model import Kind
from streamflow.options import Option
from streamflow.platforms.api import answers
from streamflow.platforms.api.forms import Companion, Dialect
from streamflow.platforms.api.reader import ApiReader
from streamflow.platforms.entry import SourceSettings, Wire
from streamflow.platforms.files.inbox import Inbox
from streamflow.platforms.files.reader import FilesReader
from streamflow.platforms.rows.canon import Canon, Decode, Mend
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.spec import PlatformSpec
from streamflow.platforms.spec_source import SpecSource
from streamflow.platforms.spec_toml import load
from streamflow.wire.backoff import Patience
from streamflow.wire.credentials import Credentials
from streamflow.wire.refusal import Explain
from streamflow.wire.session import Session, SessionSettings, open_session

ADDRESS = "base_url"
"""The option under which every platform with an API has its address."""


_Dialect = TypeVar("_Dialect", bound=Dialect)


class MakeReader(Protocol):
    """How the reader by API is made; a platform that needs another hands in its own."""

    def __call__(
        self, session: Session, spec: PlatformSpec, canons: Mapping[Kind, Canon], roster: Roster, *, dialect: Dialect, clock: Clock,
        companion: Companion | None = None,
    ) -> ApiReader: ...  # fmt: skip


def _no_mends(spec: PlatformSpec) -> Mapping[Kind, Mend]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecDoors(Generic[_Dialect]):
    """What is particular to one platform beside its spec, and how it is opened by that."""

    shipped: Traversable  # the TOML of the spec
    options: tuple[Option, ...]
    dialect: Callable[[PlatformSpec], _Dialect]
    credentials: Callable[[PlatformSpec, SourceSettings, Clock], Credentials]
    decoders: Mapping[str, Decode] = field(default_factory=dict)  # what the spec may take values out of
    explain: Explain = answers.explain
    api_path: str = ""  # calls are made below base_url + this
    reader: MakeReader = ApiReader
    mends: Callable[[PlatformSpec], Mapping[Kind, Mend]] = _no_mends  # what the values of each kind need before they are values
    companion: Callable[[_Dialect, Clock], Companion] | None = None  # what looks up beside the rows what they lack

    def load_spec(self, settings: SourceSettings) -> PlatformSpec:
        """Give the shipped spec with the operator's overrides. Raises ConfigError with all faults."""
        defaults = {"reader": settings.reader, "timezone": settings.timezone, "date_formats": tuple(settings.date_formats)}
        return load(self.shipped.read_text(encoding="utf-8"), settings.streams, defaults=defaults, decodings=tuple(self.decoders))

    @asynccontextmanager
    async def connect(self, settings: SourceSettings, wire: Wire) -> AsyncIterator[SpecSource]:
        """Open an account for reading; nothing is asked yet. Raises ConfigError with every fault of overrides and settings."""
        spec = self.load_spec(settings)
        by_api = [kind for kind, stream in spec.streams.items() if stream.enabled and stream.reader == "api"]
        by_files = [kind for kind, stream in spec.streams.items() if stream.enabled and stream.reader == "files" and stream.role != "file"]
        self._check_needs(by_api, by_files, settings)
        mends = self.mends(spec)
        canons = {
            kind: Canon(
                stream, null_words=spec.null_words, region=spec.region, reader=stream.reader, decoders=self.decoders, mend=mends.get(kind)
            )
            for kind, stream in spec.streams.items()
        }
        roster = Roster()
        async with AsyncExitStack() as stack:
            api = None
            if by_api:
                patience = Patience(attempts=spec.attempts, base_s=spec.base_s, cap_s=spec.cap_s)
                session = await stack.enter_async_context(self.session(spec, settings, wire, patience))
                dialect = self.dialect(spec)
                companion = self.companion(dialect, wire.clock) if self.companion is not None else None
                api = self.reader(session, spec, canons, roster, dialect=dialect, clock=wire.clock, companion=companion)
            exports = FilesReader(Inbox(settings.inbox), spec, canons, roster) if settings.inbox is not None else None
            yield SpecSource(spec, api=api, files=exports, roster=roster, canons=canons)

    @asynccontextmanager
    async def session(self, spec: PlatformSpec, settings: SourceSettings, wire: Wire, patience: Patience) -> AsyncIterator[Session]:
        """Open the session of an account alone."""
        bounds = SessionSettings(total_s=spec.timeout_s, read_s=spec.timeout_s, body_cap_bytes=spec.body_cap_bytes, patience=patience)
        credentials = self.credentials(spec, settings, wire.clock)
        async with open_session(
            platform=spec.platform, base_url=self._address(settings), credentials=credentials, limiter=wire.limiter,
            clock=wire.clock, settings=bounds, hook=wire.hook, explain=self.explain, ca_file=settings.ca_file, dice=wire.dice,
        ) as session:  # fmt: skip
            yield session

    def _address(self, settings: SourceSettings) -> str:
        given = settings.text(ADDRESS)
        return given.rstrip("/") + self.api_path if self.api_path else given

    def _check_needs(self, by_api: Sequence[Kind], by_files: Sequence[Kind], settings: SourceSettings) -> None:
        faults: list[str] = []
        for reader, kinds in (("api", by_api), ("files", by_files)):
            missing = [each.name for each in self.options if reader in each.required_for and not _is_given(each, settings)]
            missing += ["inbox"] if reader == "files" and settings.inbox is None else []
            read = f"read {'by api' if reader == 'api' else 'from files'}"
            faults += [f"source.{name}: needed, since {', '.join(kinds)} are {read}" for name in missing if kinds]
        if faults:
            raise ConfigError(faults)


def _is_given(option: Option, settings: SourceSettings) -> bool:
    return bool(settings.secret(option.name).reveal() if option.form == "secret" else settings.text(option.name))
