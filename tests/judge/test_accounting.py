"""The account that a run gives of itself: whole in silence, and never silent when something in it does not hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.judge.accounting import Told, read_told, unaccounted
from tests.judge.corrupting import drop
from tests.judge.small_pair import after
from tests.judge.states import Question, destination_of

Book = dict[str, Any]


def _row(kind: str, **fates: int) -> Book:
    names = ("created", "updated", "merged", "matched", "filtered", "flagged", "failed", "pending")
    return {"kind": kind, "read": sum(fates.values()), **{name: fates.get(name, 0) for name in names}}


def _line(kind: str, key: str, rid: str, relation: str = "ours", part: str = "") -> Book:
    return {"source_kind": kind, "source_key": key, "part": part, "destination_id": rid, "relation": relation}


def _book() -> Book:
    """Tell of the small account what a whole run would."""
    return {
        "kinds": [_row("lead", created=2, merged=1), _row("note", created=1, filtered=1, flagged=1)],
        "writes": {"confirmed": 4, "parked": 1, "meant": 0, "in_doubt": 0},
        "doubts": ["doubt:1-0000007"],
        "crosswalk": [
            _line("lead", "1", "5-contacts"), _line("lead", "2", "5-contacts", "merged"), _line("lead", "3", "9-contacts"),
            _line("note", "11", "6-notes"),
            *(_line("other", rid, rid) for kind, rows in after().items() if kind in ("accounts", "contacts", "leads", "notes",
              "activities", "tasks") for rid in (row["id"] for row in rows) if rid not in ("5-contacts", "9-contacts", "6-notes")),
        ],
    }  # fmt: skip


PLANTED: dict[str, tuple[str, Callable[[Book], Any]]] = {
    "a record without a fate": ("note", lambda book: book["kinds"][1].update(filtered=0, pending=1)),
    "a record with no fate at all": ("note", lambda book: book["kinds"][1].update(filtered=0)),
    "a record with two fates": ("lead", lambda book: book["kinds"][0].update(updated=1)),
    "a record said to be there": ("note", lambda book: book["kinds"][1].update(created=2, flagged=0)),
    "more records than were read": ("lead", lambda book: book["crosswalk"].append(_line("lead", "4", "5-contacts", "merged"))),
    "a write of which nobody knows": ("writes", lambda book: book["writes"].update(in_doubt=1)),
    "a write left where a crash left it": ("writes", lambda book: book["writes"].update(meant=1)),
    "a write left to nobody": ("writes", lambda book: book["doubts"].clear()),
    "two lines of one record": ("note 11", lambda book: book["crosswalk"].append(_line("note", "11", "8-notes", "matched"))),
    "one record made twice": ("5-contacts", lambda book: book["crosswalk"][1].update(relation="ours")),
    "a line of nothing": ("99-notes", lambda book: book["crosswalk"].append(_line("other", "x", "99-notes"))),
    "a record without a line": ("6-notes", lambda book: book["crosswalk"].pop(3)),
}


def _found(book: Book) -> list[tuple[str, str]]:
    return [(each.verdict, each.what) for each in unaccounted(Told(**book), destination_of(after()), prefix="lt")]


def test_a_whole_account_passes_in_silence() -> None:
    """Nothing is found where the book holds."""
    assert _found(_book()) == []


@pytest.mark.parametrize("name", PLANTED)
def test_each_gap_is_found(name: str) -> None:
    """What the book does not account for is unexplained, and named."""
    what, plant = PLANTED[name]
    book = _book()
    plant(book)
    assert ("unexplained", what) in _found(book)


def test_what_people_took_away_is_accounted_for() -> None:
    """A record that a person deleted may be named still; one that is gone by itself may not."""
    dump = after()
    drop("6-notes")(dump)
    told, left = Told(**_book()), destination_of(dump)
    assert [each.what for each in unaccounted(told, left, prefix="lt")] == ["6-notes"]
    assert list(unaccounted(told, left, prefix="lt", deleted=frozenset({"6-notes"}))) == []


def test_the_account_is_read_from_the_reports(tmp_path: Path) -> None:
    """The files of the reports hold all of it; of the queue, what asks about writes, and every question with a removed record beside it."""
    book = _book()
    asked = {"cause": "in_doubt", "kind": "lead", "key": "2", "state": "resolved"}
    items: list[dict[str, str]] = [
        {"id": "doubt:1-0000007", **asked, "reason": "this may be it: 7-notes", "decision": "recreate"},
        {"id": "doubt:1-0000008", **asked, "reason": "this may be it: 7-notes", "decision": "adopt:7-notes"},
        {"id": "doubt:1-0000009", **asked, "reason": "2 records carry the marker: 7-notes", "decision": "recreate"},
        {"id": "gone:lead:1::9-contacts", "cause": "deleted_at_destination", "kind": "lead", "key": "1", "reason": "it was deleted",
         "state": "resolved", "decision": "waive"},
        {"id": "conflict:note:3:~notes", "cause": "conflict", "kind": "note", "key": "3", "reason": "no longer asks for 6-notes",
         "state": "open", "decision": ""},
    ]  # fmt: skip
    data = {"kinds": book["kinds"], "writes": book["writes"], "queue_items": items}
    (tmp_path / "reconciliation.json").write_text(json.dumps({"data": data}), encoding="utf-8")
    rows = [",".join(book["crosswalk"][0]), *(",".join(line.values()) for line in book["crosswalk"])]
    (tmp_path / "crosswalk.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    questions = [
        Question(cause="in_doubt", kind="lead", key="2", others=frozenset({"7-notes"}), name="doubt:1-0000007", is_over=True),
        *(Question(cause="in_doubt", kind="lead", key="2", name=f"doubt:1-000000{number}", is_over=True) for number in (8, 9)),
        Question(cause="deleted_at_destination", kind="lead", key="1", others=frozenset({"9-contacts"}), name="gone:lead:1::9-contacts"),
        Question(cause="conflict", kind="note", key="3", others=frozenset({"6-notes"}), name="conflict:note:3:~notes"),
    ]
    book["doubts"] = [f"doubt:1-000000{number}" for number in (7, 8, 9)]
    assert read_told(tmp_path) == Told(**book, questions=questions)
