"""The Nutshell destination: all doors over one session, and the flags they share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.clock import Clock
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.feed import NutshellFeed
from streamflow.platforms.nutshell.flags import Flags
from streamflow.platforms.nutshell.labels import Labels
from streamflow.platforms.nutshell.listing import Listings
from streamflow.platforms.nutshell.people import Directory
from streamflow.platforms.nutshell.prober import NutshellProber
from streamflow.platforms.nutshell.reader import NutshellReader
from streamflow.platforms.nutshell.schema import NutshellSchema
from streamflow.platforms.nutshell.writer import NutshellWriter
from streamflow.wire.session import Session


class Nutshell:
    """One Nutshell account as a destination."""

    def __init__(self, session: Session, *, rpc_url: str, username: str, impersonate: bool, clock: Clock, flags: Flags) -> None:
        self._flags = flags
        self.session = session
        calls = Calls(session, rpc_url, lambda: self._flags, self.adopt, clock)
        listings = Listings(calls, clock)
        directory = Directory(calls, listings, username, impersonate=impersonate)
        labels = Labels(listings)
        self._feed = NutshellFeed(calls, labels, directory, clock)
        self._writer = NutshellWriter(calls, directory)
        self._reader = NutshellReader(calls, listings, self._feed, clock)
        self._schema = NutshellSchema(calls, listings, labels, directory, clock)
        self._prober = NutshellProber(calls, directory, self._writer, self._reader, self._schema, clock)

    @property
    def name(self) -> str:
        """Give the platform's name."""
        return "nutshell"

    @property
    def writer(self) -> NutshellWriter:
        """Give the door for single writes."""
        return self._writer

    @property
    def reader(self) -> NutshellReader:
        """Give the door for reading back."""
        return self._reader

    @property
    def feed(self) -> NutshellFeed:
        """Give the door to the events."""
        return self._feed

    @property
    def schema(self) -> NutshellSchema:
        """Give the door to reference data and definitions."""
        return self._schema

    @property
    def prober(self) -> NutshellProber:
        """Give the write probes."""
        return self._prober

    @property
    def flags(self) -> Flags:
        """Give the capability flags as they are now; some are learned while working."""
        return self._flags

    def adopt(self, flags: Mapping[str, Any]) -> None:
        """Take flag values learned by probes or set by the operator. Raises ConfigError for unknown flags and bad values."""
        self._flags = self._flags.with_(flags)

    def forgive(self) -> None:
        """Let calls through again after refused credentials stopped them."""
        self.session.forgive()
