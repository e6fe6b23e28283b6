"""Opening both platforms from the configuration, and steering how fast they are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from streamflow.clock import Clock
from streamflow.config import Config, PaceSection, Secret
from streamflow.daemon.accounts import destination_settings, renew, source_settings
from streamflow.platforms.catalog import destination_of, source_of
from streamflow.platforms.destination import Destination
from streamflow.platforms.entry import DestinationSettings, SourceSettings, Wire
from streamflow.platforms.source import Attachments, Source
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Attempt, AttemptHook, combined
from streamflow.wire.pace import AdaptivePace, PacePolicy


class Paces:
    """
    The pace of each platform: a limiter and the search that steers it; an attempt hook.

    Rule: what the operator said goes before the file until it is taken back.
    """

    def __init__(self, sections: Mapping[str, PaceSection], clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._sections = dict(sections)
        self.limiters = {
            name: PacedLimiter(clock, rate_per_s=each.rate_per_s, max_in_flight=each.max_in_flight) for name, each in sections.items()
        }
        self._searches = {name: self._search(name) for name in sections}

    def __call__(self, attempt: Attempt) -> None:
        """Hear of one attempt."""
        search = self._searches.get(attempt.platform)
        if search is not None:
            search(attempt)

    def tell(self, name: str, rate_per_s: float) -> None:
        """Take the operator's cap for a platform."""
        self._told[name] = rate_per_s
        self._searches[name].set_cap(rate_per_s)

    def adopt(self, name: str, section: PaceSection) -> None:
        """Take the caps of a re-read file; the search begins anew only where more than the rate changed."""
        before, self._sections[name] = self._sections[name], section
        if (before.max_in_flight, before.adaptive) != (section.max_in_flight, section.adaptive):
            self._searches[name] = self._search(name)
        elif name not in self._told:
            self._searches[name].set_cap(section.rate_per_s)

    def _search(self, name: str) -> AdaptivePace:
        section = self._sections[name]
        policy = PacePolicy(cap_per_s=self._told.get(name, section.rate_per_s), cap_in_flight=section.max_in_flight)
        return AdaptivePace(self.limiters[name], self._clock, policy, adaptive=section.adaptive)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Both platforms, opened, and their paces."""

    source: Source
    attachments: Attachments | None
    destination: Destination
    paces: Paces
    source_settings: SourceSettings
    destination_settings: DestinationSettings

    def renew(self, source: Mapping[str, Secret], destination: Mapping[str, Secret]) -> None:
        """Take the secrets of a re-read file, from the next request on."""
        renew(self.source_settings, source)
        renew(self.destination_settings, destination)


@asynccontextmanager
async def open_doors(config: Config, clock: Clock, hook: AttemptHook) -> AsyncIterator[Doors]:
    """Open both platforms; nothing is asked yet. Raises ConfigError for what cannot be opened."""
    left, right = source_of(config.source.platform), destination_of(config.destination.platform)
    leaving, entering = source_settings(config), destination_settings(config)
    paces = Paces({left.name: config.pace_source, right.name: config.pace_destination}, clock)
    wires = [Wire(limiter=paces.limiters[name], clock=clock, hook=combined(paces, hook)) for name in (left.name, right.name)]
    async with (
        left.doors().connect(leaving, wires[0]) as source,
        right.doors().connect(entering, wires[1]) as destination,
    ):
        yield Doors(
            source=source, attachments=source.attachments, destination=destination, paces=paces, source_settings=leaving,
            destination_settings=entering,
        )  # fmt: skip
