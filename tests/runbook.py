"""The runbook as tests read it: its rows, and what it is held against."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass

from tests.named import ROOT

PAGE = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
MOST_SERIES = 400
"""Of one daemon, of either pair, however long it runs."""
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


def assert_named(fault: str, series: str) -> None:
    """See that the row of a fault names that figure, with the label that tells it apart."""
    see = next(row.see for row in ROWS if row.id == fault)
    name, _, labels = series.partition("{")
    assert name in see, (fault, name)
    told = re.findall(rf"{name}\{{(\w+=\"\w+\")\}}", see)
    assert not told or any(each in labels for each in told), (fault, series, told)


def figures(address: str, *, timeout_s: float = 30.0) -> dict[str, float]:
    """
    Scrape a daemon as Prometheus does; gives the value of each series.

    Raises:
        OSError: Nobody answers (TimeoutError: not in time), which is `up` at 0.
    """
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{address}/metrics", timeout=timeout_s) as answer:
        return values(answer.read().decode())


def values(text: str) -> dict[str, float]:
    """Give the value of each series of a scrape."""
    return {series: float(value) for series, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}
