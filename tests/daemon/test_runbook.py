"""The runbook keeps pace with the program: every fault has its row, every alert its paragraph, and what they name exists."""

from __future__ import annotations

import re
import shlex

import pytest

from streamflow.cli.main import parser
from streamflow.daemon.exits import Exit
from streamflow.daemon.metrics import ENDS, GATES, PHASES, STATES, STATUS_CLASSES
from streamflow.wire.verdict import CallVerdict
from tests.named import ROOT, missing
from tests.runbook import ALERT, DOWN, FAULTS, PAGE, RISES, ROWS, RULES, UNSEEN, Row
from tests.test_docs import metric_names, page, table_keys

_FIGURE = re.compile(r"\b((?:streamflow|process)_[a-z_]+[a-z])(?:\{(\w+)=\"(\w+)\"\})?")
_PROCESS = {
    "process_start_time_seconds", "process_open_fds", "process_max_fds", "process_resident_memory_bytes",
}  # fmt: skip
_PROMETHEUS = {"scrape_duration_seconds"}
"""What it notes of each scrape by itself."""
_LABELS = {
    "until": ENDS, "gate": GATES, "phase": PHASES, "state": STATES, "code_class": STATUS_CLASSES, "verdict": tuple(map(str, CallVerdict)),
    "blocking": ("true", "false"), "disposition": ("failed",), "level": ("warning", "error"),
}  # fmt: skip
_COMMAND = re.compile(r"`(streamflow [^`]+)`")


def alerts() -> dict[str, str]:
    """Give the text of each alert in the rules by its name."""
    parts = re.split(r"^ +- alert: (\w+)\n", RULES.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def paragraphs() -> dict[str, str]:
    """Give what the runbook says below the heading of each alert."""
    part = PAGE.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### (\w+)\n", part, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_fault_has_its_row() -> None:
    """The faults are those of the page of reliability, by number and name, in their order, and no cell is empty."""
    assert [(row.id, row.fault) for row in ROWS] == FAULTS
    assert len(ROWS) == 43
    assert [row.id for row in ROWS for cell in row.cells if not cell] == []
    assert len(re.findall(r"^\| F-", PAGE, re.MULTILINE)) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_fault_shows_somewhere(row: Row) -> None:
    """Each row says by which figure a fault is seen, our own or whether there is an answer at all, or that it has none of its own."""
    assert _FIGURE.search(row.see) or re.search(r"`up` (is|was) 0", row.see), row.see


def test_of_every_fault_it_is_said_whether_its_figure_was_seen_to_rise() -> None:
    """Each is seen to rise, seen to end the daemon, or said to be neither, once; who sees it holds the figure to the row of that fault."""
    assert sorted([*RISES, *DOWN, *UNSEEN]) == [fault for fault, _ in FAULTS]
    assert missing(" ".join(f"`{test}`" for test in (*RISES.values(), *DOWN.values()))) == []
    unheld = [fault for fault, test in RISES.items() if f'"{fault}"' not in (ROOT / test.partition("::")[0]).read_text(encoding="utf-8")]
    assert unheld == []
    see = {row.id: row.see for row in ROWS}
    assert [fault for fault in DOWN if "`up` is 0" not in see[fault]] == []


def test_the_page_of_reliability_names_the_faults_whose_figure_nobody_saw_rise() -> None:
    """What it says is not proved is what is not, each with the reason here."""
    [said] = re.findall(r"Not seen to rise is the figure of ([^.;]+)[.;]", page("reliability.md"))
    assert set(re.findall(r"F-\d\d", said)) == set(UNSEEN)
    assert all(UNSEEN.values())


def test_figures_and_their_labels_exist() -> None:
    """No figure is named, on the whole page, that the daemon does not export, nor a label that it does not have."""
    named = _FIGURE.findall(PAGE)
    assert len(named) > 60
    assert {name for name, _, _ in named} - metric_names() - _PROCESS == set()
    assert [(name, label, value) for name, label, value in named if label and value not in _LABELS[label]] == []


def test_every_alert_leads_to_its_paragraph_and_on_to_a_fault() -> None:
    """What is sent to the pager names the paragraph of that alert; each paragraph names the faults it may be."""
    told = paragraphs()
    assert list(told) == list(alerts())
    for name, text in alerts().items():
        assert f'runbook_url: "docs/runbook.md#{name.lower()}"' in text, name
        assert re.search(r"F-\d\d", told[name]) or name == "StreamflowGateWaiting", name
    known = {row.id for row in ROWS}
    assert set(re.findall(r"F-\d+", PAGE)) <= known


def test_alerts_that_are_named_exist_and_lead_back() -> None:
    """Each alert named in a row is one, and the paragraph of that alert names the fault, so that nobody has to read all rows."""
    assert set(ALERT.findall(PAGE)) == set(alerts())
    told = {name: _spelled_out(text) for name, text in paragraphs().items()}
    assert [(row.id, name) for row in ROWS for name in ALERT.findall(row.see) if row.id not in told[name]] == []


def _spelled_out(text: str) -> set[str]:
    found = set(re.findall(r"F-\d\d", text))
    for first, last in re.findall(r"F-(\d\d) to F-(\d\d)", text):
        found |= {f"F-{number:02d}" for number in range(int(first), int(last) + 1)}
    return found


def test_commands_are_understood() -> None:
    """Each command of streamflow that the page shows is one that the parser takes as it stands."""
    given = _COMMAND.findall(PAGE)
    assert len(set(given)) > 15
    for line in given:
        words = ["2" if word == "RATE" else word for word in shlex.split(line)[1:]]
        parser().parse_args(words)


def test_causes_and_exit_codes_exist() -> None:
    """Each cause of the queue in a row is one; each code that the page tells of an end is one."""
    in_items = {word for row in ROWS for word in re.findall(r"`([a-z]+_[a-z_]+)`", row.see) if not word.startswith("process_")}
    assert len(in_items) > 8
    assert in_items - table_keys(page("queue.md")) - metric_names() - _PROMETHEUS == set()
    codes = {int(code) for row in ROWS for code in re.findall(r"(?<![\w.-])(6\d|7\d)(?![\w%])", row.see + row.do)}
    assert codes >= {69, 75, 77, 78}
    assert codes <= {int(each) for each in Exit}


def test_the_page_is_found() -> None:
    """The rules say what their address is relative to, and nothing else in them is a place of somebody's."""
    assert "runbook_url is a path of this project" in RULES.read_text(encoding="utf-8")
    assert "://" not in RULES.read_text(encoding="utf-8")
