"""What people see: pure functions from data to lines."""

from __future__ import annotations

from datetime import UTC, datetime

from daemon.fake_operator import SNAPSHOT
from hypothesis import given
from hypothesis import strategies as st

from streamflow.cli.asking import phase_name
from streamflow.cli.output import fitted, safe, table, tree
from streamflow.cli.queue import from_csv, guarded, to_csv, unguarded
from streamflow.cli.render import span, status_line, status_text, streams_table
from streamflow.cli.setup import check_text
from streamflow.daemon.checks import CheckReport, Finding
from streamflow.daemon.exits import Exit
from streamflow.migration.life import Phase, State


@given(st.text())
def test_guard_round_trip(text: str) -> None:
    """A guarded text never starts as a formula, and comes back as it was."""
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d"))
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
    assert status_text(document).startswith("map for ")
    assert status_text(document).split("\n")[0].endswith(": waiting: map not confirmed")
    assert status_line(document) == (
        "map       waiting: map not confirmed  done 5/10  backlog 5  calls leadtrekker 7, nutshell 3  gate map"
    )
    assert SNAPSHOT.line() == "map: waiting (map not confirmed), backlog 5, queue 1"


def test_no_line_says_a_thing_twice() -> None:
    """A reason that is only the phase's name is left out, a pause comes first, and one call is no calls."""
    done = {**SNAPSHOT.to_json(), "state": "done", "phase": "done", "reason": "done", "gate": None, "calls": {"nutshell": 1}}
    moment = datetime(2026, 11, 22, 4, 1, tzinfo=UTC)
    assert status_text(done, now=moment).split("\n")[0] == "done for 60s"
    assert " 1 call," in status_text(done, now=moment)
    paused = {**done, "state": "paused", "phase": "tail", "reason": "by the operator: lunch"}
    assert status_text(paused, now=moment).split("\n")[0] == "PAUSED in tail for 60s: by the operator: lunch"


def test_eighty_columns_are_enough() -> None:
    """In a narrow terminal the table fits with seven-figure sums, and every line that is drawn over is one line, few enough for it."""
    stream = {**SNAPSHOT.to_json()["streams"]["lead"], "read": 1_234_567, "created": 1_200_000, "verified": 1_199_999}
    document = {**SNAPSHOT.to_json(), "streams": dict.fromkeys(("company", "lead", "attachment"), stream)}
    for columns in (80, 100, 140):
        text = streams_table(document["streams"], width=columns)
        assert max(map(len, text.split("\n"))) <= columns
        assert ("merged" in text) == (columns == 140)
    drawn = fitted(status_text(document, width=80), 80, 12)
    assert (len(drawn), max(map(len, drawn)) <= 80) == (12, True)
    assert fitted("x" * 200, 80) == ["x" * 80, "    " + "x" * 76, "    " + "x" * 44]


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
