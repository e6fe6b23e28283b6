"""The runbook as tests read it: its rows, and what it is held against."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass

from tests.hanging import HUNG_S
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


_SEEN = "tests/flow_bad/test_runbook.py::"
_PLATFORM = _SEEN + "test_a_fault_of_a_platform_shows_where_the_runbook_says"
_START = _SEEN + "test_what_a_start_finds_shows"
_ALONE = _SEEN + "test_one_record_that_is_refused_shows_alone"
_ODD = _SEEN + "test_odd_times_a_stage_that_hangs_and_platforms_that_are_gone_show"
_STRUCK = _SEEN + "test_what_strikes_the_process_shows_in_what_follows"
RISES = {
    **dict.fromkeys(("F-12", "F-13", "F-14", "F-21", "F-22", "F-25", "F-27", "F-30", "F-31"), _PLATFORM),
    **dict.fromkeys(("F-02", "F-03", "F-11", "F-23"), _START),
    **dict.fromkeys(("F-01", "F-38", "F-42"), _STRUCK),
    **dict.fromkeys(("F-17", "F-28", "F-33"), _ODD),
    **dict.fromkeys(("F-24", "F-32"), _ALONE),
    "F-15": "tests/flow_bad/test_lies.py::test_a_lasting_lie_stops_one_stream_until_it_is_over",
    "F-18": _SEEN + "test_what_shows_late_is_measured",
    "F-19": _SEEN + "test_what_is_gone_from_the_source_shows_in_the_queue",
    "F-20": _SEEN + "test_what_voids_the_map_shows_at_its_gate",
    "F-26": _SEEN + "test_what_people_do_in_the_destination_shows_in_the_queue",
    "F-29": "tests/security/test_tls.py::test_a_host_that_cannot_prove_itself_is_told_nothing",
    "F-34": _SEEN + "test_settings_that_are_not_taken_show_as_a_warning",
    "F-35": _SEEN + "test_a_flood_of_the_socket_shows_in_the_open_files",
    "F-36": _SEEN + "test_an_attempt_at_the_switch_shows_until_it_is_taken_back",
    "F-37": _SEEN + "test_a_process_that_stood_still_shows_by_its_silence",
    "F-39": "tests/storm/test_machine.py::test_no_more_files",
    "F-43": _SEEN + "test_a_storm_of_scrapes_shows_in_the_open_files",
}
"""Fault -> the test that raises it and sees, in a scrape, that a figure which its row names rises."""
DOWN = {
    **dict.fromkeys(("F-04", "F-06", "F-07"), "tests/storm/test_failing_disk.py::test_the_ledger_cannot_be_written"),
    "F-08": "tests/tools/test_prometheus.py::test_a_daemon_that_ended_is_down",
    "F-09": "tests/flow_bad/test_state.py::test_corrupt_bytes",
    "F-10": "tests/flow_bad/test_state.py::test_second_daemon",
    "F-41": "tests/flow_bad/test_state.py::test_newer_version",
}
"""Fault -> the test that raises it and sees the daemon end: `up` is 0 then, as the test of F-08 sees by a Prometheus."""
UNSEEN = {
    "F-05": "only an emulated machine has its power cut, and nobody scrapes there; for the figure it is F-01",
    "F-16": "pages that overlap and the next complete read cope; what no read misses has nothing to show",
    "F-40": "figures that must stay flat: nothing is to rise",
}
"""Fault -> why no test sees a figure rise under it."""


def assert_named(fault: str, series: str) -> None:
    """See that the row of a fault names that figure, with the label that tells it apart."""
    see = next(row.see for row in ROWS if row.id == fault)
    name, _, labels = series.partition("{")
    assert name in see, (fault, name)
    told = re.findall(rf"{name}\{{(\w+=\"\w+\")\}}", see)
    assert not told or any(each in labels for each in told), (fault, series, told)


def figures(address: str, *, timeout_s: float = HUNG_S) -> dict[str, float]:
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
