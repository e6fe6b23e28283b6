"""The commented configuration that `streamflow init` writes."""

from __future__ import annotations

from importlib import resources

from streamflow.errors import UsageError
from streamflow.spelling import near

PAIRS = ("leadtrekker-nutshell", "lead-perfection-nutshell")


def starter(pair: str) -> str:
    """Give the starter configuration of a pair of platforms as TOML text. Raises UsageError for an unknown pair."""
    if pair not in PAIRS:
        raise UsageError(f'"{pair}" is not a pair of platforms{near(pair, PAIRS)}', hint="known pairs: " + ", ".join(PAIRS))
    return (resources.files("streamflow.config") / "starters" / f"{pair}.toml").read_text(encoding="utf-8")
