"""What a figure is, and how all of them are shown and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number beside what it should be; *at_most* and *at_least* are None where nothing was promised."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        """Say whether the aim is met, None when there is none."""
        if self.at_most is None and self.at_least is None:
            return None
        return (self.at_most is None or self.value <= self.at_most) and (self.at_least is None or self.value >= self.at_least)

    @property
    def aim(self) -> str:
        """Give the aim as text."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return f">= {self.at_least:g}" if self.at_least is not None else ""


def shown(figures: Sequence[Figure]) -> str:
    """Lay the figures out as one table."""
    words = {True: "met", False: "MISSED", None: ""}
    width = max((len(figure.name) for figure in figures), default=0)
    lines = [f"{'figure':{width}}  {'value':>9}  {'unit':12}  {'aim':10}"]
    lines += [f"{f.name:{width}}  {f.value:9.3f}  {f.unit:12}  {f.aim:10}  {words[f.holds]}".rstrip() for f in figures]
    return "\n".join(lines)


def keep(figures: Sequence[Figure], path: Path, about: Mapping[str, Any]) -> None:
    """Write the figures with their details as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{**asdict(figure), "holds": figure.holds} for figure in figures]
    path.write_text(json.dumps({"about": dict(about), "figures": rows}, indent=1), encoding="utf-8")
