"""What a platform asks of the configuration: its own keys under [source] or [destination], as values the loader reads by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One key of a platform. A secret is written as `<name>_env` or `<name>_file`; all else under its name."""

    name: str
    form: str = "text"  # "text" | "url" | "email" | "secret" | "flag"
    required_for: tuple[str, ...] = ()  # the readers ("api", "files") that cannot do without it
    ends: str | None = None  # of a url: "" is the host alone, "/api/" what its path must end with, None anything
    default: str = ""
    identifies: bool = False  # says which account it is: a state folder belongs to one value of it
    says: str = "text"  # what is expected, in words for whoever left it out

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys as they stand in the file."""
        return (f"{self.name}_env", f"{self.name}_file") if self.form == "secret" else (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What one platform asks for, and the pace it is asked at where the file says nothing."""

    options: tuple[Option, ...] = ()
    rate_per_s: float = 1.0
    max_in_flight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Forms:
    """The platforms a configuration may name, by name."""

    sources: Mapping[str, Form] = field(default_factory=dict)
    destinations: Mapping[str, Form] = field(default_factory=dict)
