"""
What a platform registers under the entry point group "streamflow.platforms", and what it is opened with.

Rule of this file: it imports no reader and no session, so that a command line may look at every platform for its form alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from streamflow.clock import Clock
from streamflow.model import Kind
from streamflow.options import Form, Option
from streamflow.platforms.destination import Destination
from streamflow.platforms.source import Attachments, Source
from streamflow.platforms.spec import PlatformSpec
from streamflow.wire.credentials import Masked
from streamflow.wire.limiter import Limiter
from streamflow.wire.message import AttemptHook

Given: TypeAlias = MutableMapping[str, str | bool | Masked]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """What the operator says of the account being left; secrets are renewed in place."""

    reader: str = "api"  # "api" | "files", for streams that do not say otherwise
    timezone: str = ""  # of the account's clock, instead of the shipped one
    date_formats: tuple[str, ...] = ()  # strptime forms tried before the shipped ones
    inbox: Path | None = None  # folder of snapshots; needed when a stream is read from files, and for attachments
    ca_file: Path | None = None
    options: Given = field(default_factory=dict)  # by the names of the platform's form
    streams: Mapping[Kind, Mapping[str, Any]] = field(default_factory=dict)  # overrides of the shipped spec, as under [source.streams]

    def text(self, name: str) -> str:
        """Give an option that is a text; "" when it was not given."""
        return _text(self.options, name)

    def secret(self, name: str) -> Masked:
        """Give an option that is a secret; an empty one when it was not given."""
        return _secret(self.options, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationSettings:
    """What the operator says of the account being entered; secrets are renewed in place."""

    ca_file: Path | None = None
    options: Given = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)  # overrides of capability flags

    def text(self, name: str) -> str:
        """Give an option that is a text; "" when it was not given."""
        return _text(self.options, name)

    def secret(self, name: str) -> Masked:
        """Give an option that is a secret; an empty one when it was not given."""
        return _secret(self.options, name)

    def flag(self, name: str) -> bool:
        """Give an option that is on or off; off when it was not given."""
        return self.options.get(name) is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What calls go through: the pace, the clock, and who hears of each attempt."""

    limiter: Limiter
    clock: Clock
    hook: AttemptHook | None = None
    dice: Callable[[], float] | None = None  # 0 to 1, for the jitter of waits


class OpenSource(Source, Protocol):
    """An account that was opened, and the door to the bytes of its files; None where no inbox was named."""

    @property
    def attachments(self) -> Attachments | None: ...


class SourceDoors(Protocol):
    """The machinery of a platform that is left; `spec_doors.SpecDoors` for every platform that has a spec."""

    def load_spec(self, settings: SourceSettings) -> PlatformSpec:
        """Give the shipped spec with the operator's overrides. Raises ConfigError with all faults."""
        ...

    def connect(self, settings: SourceSettings, wire: Wire) -> AbstractAsyncContextManager[OpenSource]:
        """Open an account for reading; nothing is asked yet. Raises ConfigError for faults of the settings."""
        ...


class DestinationDoors(Protocol):
    """The machinery of a platform that is entered."""

    def check(self, settings: DestinationSettings) -> None:
        """Raise ConfigError for every unknown flag and every value out of range."""
        ...

    def connect(self, settings: DestinationSettings, wire: Wire) -> AbstractAsyncContextManager[Destination]:
        """Open an account; nothing is asked yet."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """What a probe of read functions found."""

    answers: Mapping[str, Any]  # the form of each answer, without values, and what it means
    toml: str  # overrides of the spec as far as they were confirmed
    confirmed: Mapping[Kind, bool]


class Drafting(Protocol):
    """Finds out how an account is read where the platform publishes no functions; asks only what an operator names."""

    def assumed(self, settings: SourceSettings) -> tuple[str, ...]:
        """Give the functions that the shipped spec assumes."""
        ...

    def refuse_writes(self, functions: Sequence[str]) -> None:
        """Raise UsageError for a list that is empty or holds a name that is none, or is named like a write; before anything is sent."""
        ...

    def draft(self, functions: Sequence[str], settings: SourceSettings, clock: Clock, heard: Callable[[str], None]) -> Awaitable[Drafted]:
        """Ask each function once; *heard* is told of each answer in a line. Raises AccessRefused, PlatformUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlatform:
    """A platform that can be left. What costs time to import stands behind `doors` and `drafting`."""

    name: str  # as under source.platform
    title: str
    options: tuple[Option, ...]
    sign_in: str  # in words, for the scope report
    pairs: Mapping[str, Traversable]  # destination -> the TOML of the pair
    doors: Callable[[], SourceDoors]
    drafting: Callable[[], Drafting] | None = None  # None: its functions are known
    rate_per_s: float = 1.0  # the pace where the file says nothing
    max_in_flight: int = 1

    @property
    def form(self) -> Form:
        """What the configuration asks for it."""
        return Form(options=self.options, rate_per_s=self.rate_per_s, max_in_flight=self.max_in_flight)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationPlatform:
    """A platform that can be entered."""

    name: str
    title: str
    options: tuple[Option, ...]
    sign_in: str
    doors: Callable[[], DestinationDoors]
    rate_per_s: float = 10.0
    max_in_flight: int = 8

    @property
    def form(self) -> Form:
        """What the configuration asks for it."""
        return Form(options=self.options, rate_per_s=self.rate_per_s, max_in_flight=self.max_in_flight)


def _text(options: Given, name: str) -> str:
    found = options.get(name)
    return found if isinstance(found, str) else ""


def _secret(options: Given, name: str) -> Masked:
    found = options.get(name)
    return found if isinstance(found, Masked) else Masked("")
