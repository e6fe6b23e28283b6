"""Profiles of faults: what misbehaves and how much, in TOML, one table for each platform and `all` for what they share."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

PLATFORMS = ("nutshell", "leadtrekker", "lead_perfection")
SHIPPED = ("calm", "slow", "flaky", "hostile", "lying")
_FOLDER = Path(__file__).parent


class ProfileError(ValueError):
    """No such profile, or none that can be read; the text says why."""


def read_profile(name: str | Path) -> dict[str, dict[str, Any]]:
    """Give the switches of a profile for each platform, those of `all` included; *name* is one of SHIPPED or a path."""
    path = _FOLDER / f"{name}.toml" if str(name) in SHIPPED else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        shipped = ", ".join(SHIPPED)
        raise ProfileError(f"cannot read faults from {path}: {error.strerror}; a path, or one of {shipped}") from error
    except ValueError as error:
        raise ProfileError(f"cannot read faults from {path}: {error}") from error
    unknown = sorted(document.keys() - {"all", *PLATFORMS})
    if unknown or not all(isinstance(values, dict) for values in document.values()):
        wrong = ", ".join(unknown or document)
        raise ProfileError(f"{path} must hold tables of switches for {', '.join(('all', *PLATFORMS))}, not {wrong}")
    shared: dict[str, Any] = document.get("all", {})
    return {platform: {**shared, **document.get(platform, {})} for platform in PLATFORMS}
