"""The runbook as tests read it: its rows, and what it is held against."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.named import ROOT

PAGE = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
ALERT = re.compile(r"\bStreamflow[A-Z]\w+")


@dataclass(frozen=True, slots=True)
class Row:
    """What the runbook says of one fault."""

    id: str
    fault: str
    see: str
    means: str
    do: str
    worry: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Everything but its number."""
        return (self.fault, self.see, self.means, self.do, self.worry)


def _rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if re.match(r"\| F-\d\d ", line)]


ROWS = [Row(*cells) for cells in _rows(PAGE)]
FAULTS = [(cells[0], cells[1]) for cells in _rows((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8"))]
"""(number, name) of each fault that the page of reliability knows."""
