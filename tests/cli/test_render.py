"""What people see: pure functions from data to lines."""

from __future__ import annotations

from daemon.fake_operator import SNAPSHOT
from hypothesis import given
from hypothesis import strategies as st

from streamflow.cli.asking import phase_name
from streamflow.cli.output import safe, table, tree
from streamflow.cli.queue import from_csv, guarded, to_csv, unguarded
from streamflow.cli.render import span, status_line, status_text
from streamflow.cli.setup import check_text
from streamflow.daemon.checks import CheckReport, Finding
from streamflow.daemon.exits import Exit
from streamflow.migration.life import Phase, State


@given(st.text())
def test_guard_round_trip(text: str) -> None:
    """A guarded text never starts as a formula, and comes back as it was."""
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(guarded(text)) == text


@given(st.lists(st.tuples(st.text(min_size=1).map(str.strip).filter(bool), st.sampled_from(["two", "merge"])), max_size=5))
def test_table_round_trip(items: list[tuple[str, str]]) -> None:
    """Ids of any shape survive export and import."""
    ids = [id.replace("\r", "").replace("\n", "").replace("\0", "").strip() or "x" for id, _ in items]
    text = to_csv([{"id": id} for id in ids])
    lines = text.split("\r\n")
    decided = "\r\n".join([lines[0], *(line + "two" for line in lines[1:] if line)])
    assert from_csv(decided) == [(id, "two") for id in ids]


@given(st.text())
def test_terminal_is_not_repainted(text: str) -> None:
    """No control character of foreign data reaches the terminal."""
    assert all(letter.isprintable() or letter == "\t" for letter in safe(text))
    assert "\x1b" not in table(("a",), [[text]]) + tree({"a": [text, {"b": text}]})


def test_spans() -> None:
    """Spans of time stay short at every size."""
    assert [span(value) for value in (None, 0, 59.9, 150, 11_100, 190_000)] == ["-", "0s", "59s", "2m", "3h05m", "2d4h"]


def test_status_texts() -> None:
    """A state always comes with its reason, in the page and in the line."""
    document = SNAPSHOT.to_json()
    assert status_text(document).startswith("map: waiting: map not confirmed for ")
    assert status_line(document) == (
        "map       waiting: map not confirmed  done 5/10  backlog 5  calls leadtrekker 7, nutshell 3  gate map"
    )
    assert SNAPSHOT.line() == "map: waiting (map not confirmed), backlog 5, queue 1"


def test_check_report() -> None:
    """The exit code follows the gravest finding, warnings aside; failed findings show their hint."""
    fine = Finding(subject="source", question="sign-in", ok=True)
    refused = Finding(subject="destination", question="sign-in", ok=False, code="access", hint="make a new key")
    away = Finding(subject="source", question="stream note", ok=False, code="unavailable")
    warning = Finding(subject="destination", question="plan", ok=False, is_warning=True, code="config")
    assert CheckReport(findings=(fine, warning)).exit_code is Exit.DONE
    assert CheckReport(findings=(fine, away)).exit_code is Exit.UNAVAILABLE
    report = CheckReport(findings=(fine, refused, away))
    assert report.exit_code is Exit.REFUSED
    assert "FAIL  destination: sign-in\n      hint: make a new key" in check_text(report)


def test_phase_names() -> None:
    """The ledger's phase is read as the daemon writes it, and its absence is no phase."""
    written = Phase(state=State.WATCH, reason="switched", since="2026-11-22T04:00:00Z").to_json()
    assert [phase_name(value) for value in (written, None)] == ["watch", ""]
