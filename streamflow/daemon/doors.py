"""Opening both platforms from the configuration, and steering how fast they are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from streamflow.clock import Clock
from streamflow.config import Config, PaceSection, Secret
from streamflow.daemon.preflight import overrides
from streamflow.platforms import leadtrekker, nutshell
from streamflow.platforms.base import Attachments, Destination, Source
from streamflow.wire.credentials import Masked
from streamflow.wire.limiter import PacedLimiter
from streamflow.wire.message import Attempt, AttemptHook, combined
from streamflow.wire.pace import AdaptivePace, PacePolicy
from streamflow.wire.session import SessionSettings


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


class Keys:
    """The API keys as they go on each request; a re-read file renews them in place."""

    def __init__(self, config: Config) -> None:
        self.source = Masked(_text(config.source.api_key))
        self.destination = Masked(config.destination.api_key.reveal())

    def adopt(self, source: Secret | None, destination: Secret) -> None:
        """Take the keys of a re-read file, from the next request on."""
        self.source.renew(_text(source))
        self.destination.renew(destination.reveal())


def _text(secret: Secret | None) -> str:
    return secret.reveal() if secret is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Both platforms, opened, and their paces."""

    source: Source
    attachments: Attachments | None
    destination: Destination
    paces: Paces
    keys: Keys


@asynccontextmanager
async def open_doors(config: Config, clock: Clock, hook: AttemptHook) -> AsyncIterator[Doors]:
    """Open both platforms; nothing is asked yet. Raises ConfigError for what cannot be opened."""
    source, destination = config.source, config.destination
    paces = Paces({source.platform: config.pace_source, destination.platform: config.pace_destination}, clock)
    flags = nutshell.Flags().with_(destination.flags)
    hear, keys = combined(paces, hook), Keys(config)
    async with AsyncExitStack() as stack:
        left = await stack.enter_async_context(leadtrekker.connect(
            base_url=source.base_url or "", api_key=keys.source, inbox=source.inbox,
            reader=source.reader, streams=overrides(config), timezone=source.timezone, date_formats=source.date_formats,
            limiter=paces.limiters[source.platform], clock=clock, hook=hear, ca_file=source.ca_file,
        ))
        right = await stack.enter_async_context(nutshell.connect(
            base_url=destination.base_url, rpc_url=destination.rpc_url, username=destination.username, api_key=keys.destination,
            limiter=paces.limiters[destination.platform], clock=clock, flags=flags, impersonate=destination.impersonate, hook=hear,
            ca_file=destination.ca_file, settings=SessionSettings(total_s=flags.timeout_s),
        ))
        yield Doors(source=left, attachments=left.attachments, destination=right, paces=paces, keys=keys)
