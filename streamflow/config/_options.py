"""The values of a section's keys that belong to the platform it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from streamflow.config._secret import Secret

OptionValue: TypeAlias = str | bool | Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What stands in the file under the keys of a platform, by the names of its form; keys that are not given are missing."""

    values: Mapping[str, OptionValue] = field(default_factory=dict)
    identifying: tuple[str, ...] = ()  # those that say which account it is

    def text(self, name: str) -> str:
        """Give a text or an address; "" when it is not given."""
        found = self.values.get(name)
        return found if isinstance(found, str) else ""

    def secrets(self) -> Mapping[str, Secret]:
        """Give the secrets by name."""
        return {name: value for name, value in self.values.items() if isinstance(value, Secret)}

    def account(self) -> Mapping[str, str]:
        """Give what says which account it is; "" for what is not known."""
        return {name: self.text(name) for name in self.identifying}

    def renewed(self, secrets: Mapping[str, Secret]) -> Options:
        """Give these with other secrets."""
        kept = {name: value for name, value in self.values.items() if not isinstance(value, Secret)}
        return replace(self, values={**kept, **secrets})


def every_secret(*given: Options) -> Iterator[tuple[str, Secret]]:
    """Yield every secret with the user name beside it, "" where there is none."""
    for options in given:
        for secret in options.secrets().values():
            yield options.text("username"), secret
