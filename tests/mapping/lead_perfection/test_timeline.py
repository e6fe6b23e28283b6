"""Appointments, notes and calls: what happened, when, by whom, and on whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamflow.mapping.derived import Context
from streamflow.model import Draft, Ref
from tests.mapping.blocks import read_block

from .account import IDS, appointment, call, causes, main, mapper, note

MADE = mapper()


def meeting(**data: Any) -> Draft:
    """Give the meeting of the known appointment with other values."""
    return main(MADE.drafts(appointment(**data)))


def lines(text: str) -> dict[str, str]:
    """Read the labelled lines of a text."""
    return dict(read_block(text))


def test_lp_12_an_appointment_is_a_meeting_on_the_person() -> None:
    """Of type meeting, with the person of its prospect and the rep as participants."""
    made = meeting()
    assert (made.kind, made.fields["activityType"], made.fields["isLogged"]) == ("activities", "3-activityTypes", True)
    assert made.fields["link:participants"] == [Ref("prospect", "418207"), Ref("rep", "87")]
    assert made.marker == "[sf:lp:appointment:771204]"


def test_lp_13_summary_text_start_and_end_are_kept() -> None:
    """Start to the second in the tenant's zone, the end two hours later and said to be derived, summary composed, texts whole."""
    made = meeting()
    assert (made.fields["startTime"], made.fields["endTime"] - made.fields["startTime"]) == (1785877200, 7200)
    assert made.fields["name"] == "Appointment – WIN DOR – Ben Okafor"
    told = lines(made.fields["description"])
    assert told["End (derived)"] == "2026-08-04 19:00:00 -04:00, 2 h after the start"
    assert (told["Presentation notes"], told["Gross sale amounts"]) == ("Wants white\nframes", "14250\n900.5")
    assert "9 windows, gate code 1180" in made.fields["description"]


def test_lp_13_the_length_is_a_setting() -> None:
    """What the customer says an appointment takes goes before two hours."""
    made = main(mapper(meeting_s=5400).drafts(appointment())).fields
    assert made["endTime"] - made["startTime"] == 5400


@pytest.mark.parametrize(
    ("start", "unix_s", "mark"),
    [("2026-11-01 01:30:00", 1793511000, "ambiguous_time"), ("2026-03-08 02:30:00", 1772955000, "nonexistent_time")],
)
def test_lp_13_hours_around_the_change_of_the_clock(start: str, unix_s: int, mark: str) -> None:
    """An hour that came twice is the first one, an hour that never was is told; both keep their text."""
    derived = MADE.drafts(appointment(apptdate=start, fold_ambiguous="apptdate"))
    assert main(derived).fields["startTime"] == unix_s
    assert (mark, "apptdate") in causes(derived)
    assert mark.removesuffix("_time") in main(derived).fields["description"].partition("\n")[0]


@pytest.mark.parametrize("key", ["", "null", None])
def test_lp_14_an_appointment_without_a_contact_is_flagged_and_not_written(key: str | None) -> None:
    """It has no drafts and asks for the prospect it belongs to; an address or a number on it is nobody's word."""
    derived = MADE.drafts(replace(appointment(cst_id=key, email="dana.whitlock@example.com"), parent=None))
    assert derived.drafts == ()
    (issue,) = [issue for issue in derived.issues if issue.is_blocking]
    assert (issue.cause, issue.field, issue.suggestion) == ("unknown_parent", "cst_id", "name the prospect it belongs to")
    assert MADE.addresses(appointment(cst_id="")) == ()


def test_an_appointment_to_come_is_a_note() -> None:
    """Nobody is invited by the migration; an absurd year is told."""
    derived = MADE.drafts(appointment(apptdate="2206-04-01 10:00:00"))
    assert main(derived).kind == "notes"
    assert ("implausible_date", "apptdate") in causes(derived)
    assert "End (derived)" in main(derived).fields["body"]


def test_an_appointment_with_next_to_nothing_is_a_meeting() -> None:
    """Where one call alone tells of it, there is no text; the name says what it is."""
    bare = replace(appointment(), data={"lds_id": "603915", "cst_id": "418207", "apptdate": "2026-08-04 17:00:00", "disposition": "Sale"})
    made = main(MADE.drafts(replace(bare, key="~9f"))).fields
    assert (made["name"], made["link:participants"]) == ("Appointment", [Ref("prospect", "418207")])
    assert lines(made["description"])["Disposition"] == "Sale"


def test_without_a_meeting_type_it_is_a_note_and_told() -> None:
    """Nothing is written as something it is not."""
    derived = mapper(context=Context(now_s=IDS.now_s)).drafts(appointment())
    assert main(derived).kind == "notes"
    assert ("missing_activity_type", "kind") in causes(derived)


def test_lp_15_a_note_is_on_the_person() -> None:
    """Its parent is the person of its prospect, whatever it was written for."""
    for data in ({}, {"lds_id": None}, {"job_id": "58122"}):
        made = main(MADE.drafts(note(**data)))
        assert (made.kind, made.fields["link:parent"]) == ("notes", Ref("prospect", "418207"))
    assert MADE.drafts(replace(note(cst_id=""), parent=None)).drafts == ()


def test_lp_16_text_and_appointment_are_in_the_note() -> None:
    """Line breaks stay; the appointment it belongs to, the enquiry and the job stand above it."""
    body = main(MADE.drafts(note(job_id="58122"))).fields["body"]
    assert body.endswith("\n\nHOA letter needed.\nCall after 5\n[sf:lp:note:990311]")
    told = lines(body)
    assert (told["Appointment"], told["Appointment disposition"]) == ("2026-08-04 17:00:00 -04:00", "Sale")
    assert (told["Enquiry"], told["Job"], told["Category"]) == ("603915", "58122", "HOA")


def test_lp_17_original_times_and_authors_are_readable() -> None:
    """In the first line, and as labelled lines that a program can read back."""
    body = main(MADE.drafts(note())).fields["body"]
    assert body.startswith("[2026-08-06 18:14:08 -04:00 by Ruiz, Ana]\n")
    told = lines(body)
    assert told["Original created"] == "2026-08-06 18:14:08 -04:00"
    assert (told["Original updated"], told["Updated by"]) == ("2026-08-07 09:00:00 -04:00", "Lowe, Kim")
    assert main(MADE.drafts(note())).author == "Ruiz, Ana"


def test_a_line_says_so_where_the_clock_showed_its_time_twice_or_never() -> None:
    """Of a time in the first line as well as of one in a line below it."""
    body = main(MADE.drafts(note(updatedon="2026-11-01 01:24:02"))).fields["body"]
    assert lines(body)["Original updated"] == "2026-11-01 01:24:02 -04:00 (ambiguous)"
    body = main(MADE.drafts(note(enteredon="2026-03-08 02:30:00"))).fields["body"]
    assert body.startswith("[2026-03-08 02:30:00 -05:00 (nonexistent) by Ruiz, Ana]\n")
    assert lines(body)["Original created"] == "2026-03-08 02:30:00 -05:00 (nonexistent)"


def test_a_mark_of_importance_stands_only_where_it_is_set() -> None:
    """A flag that says nothing is no line."""
    assert "Important" not in lines(main(MADE.drafts(note())).fields["body"])
    assert lines(main(MADE.drafts(note(important="true"))).fields["body"])["Important"] == "true"


def test_a_bare_text_is_a_note() -> None:
    """Notes that come as a text alone have no time and no author, and say so; an empty one is left out with a reason."""
    bare = replace(note(), key="~ab", data={"cst_id": "418207", "note": "null and void\r\nsee file"})
    body = main(MADE.drafts(bare)).fields["body"]
    assert body == "[time unknown]\nnull and void\nsee file\n[sf:lp:note:~ab]"
    empty = MADE.drafts(replace(note(), data={"cst_id": "418207", "note": " "}))
    assert (empty.drafts, empty.filtered) == ((), "an empty note")


def test_calls_are_logged_at_their_time() -> None:
    """Type call, start to the second, result in the name, who called by name; an agent's number is no rep's."""
    made = main(MADE.drafts(call())).fields
    assert (made["activityType"], made["startTime"], made["name"]) == ("1-activityTypes", 1785961211, "Outgoing call: No Answer")
    assert made["link:participants"] == [Ref("prospect", "418207"), Ref("rep", "Ruiz, Ana")]
    told = lines(made["description"])
    assert (told["Agent"], told["Result code"], told["Number"], told["Call type"]) == ("212", "NA", "4075550142", "O")
    assert main(MADE.drafts(call(calltypedescr="Inbound", resultdescr=""))).fields["name"] == "Incoming call"


def test_order_of_a_timeline_is_that_of_the_source() -> None:
    """Starts follow each other as the clock of the tenant did, over the change of the clock too."""
    times = ["2026-10-31 23:00:00", "2026-11-01 00:30:00", "2026-11-01 03:00:00", "2026-11-02 09:00:00"]
    starts = [main(MADE.drafts(call(calldatetime=time))).fields["startTime"] for time in times]
    assert starts == sorted(starts)
    assert starts[2] - starts[1] == 3.5 * 3600
