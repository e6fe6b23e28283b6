"""What notes, calls, e-mails, reminders and files become."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.mapping.derived import Context
from streamflow.mapping.marker import marker_in
from streamflow.mapping.shapes.task import in_words
from streamflow.mapping.split import units
from streamflow.model import Ref

from .blocks import read_block
from .builders import CHILDREN, TYPES, child, mapper, only

LEAD = Ref("lead", "48213")
NOTE_HEAD = "[2026-05-12 08:05:00 +02:00 by Pieter Nel]"


def test_a_note_keeps_text_time_and_author() -> None:
    """The note is on its lead's person with original time and author in the first line, text whole, marker last."""
    draft = only(mapper().drafts(child("note")).drafts)
    assert (draft.kind, draft.author, draft.marker) == ("notes", "27", "[sf:lt:note:9001]")
    assert draft.fields == {"body": f"{NOTE_HEAD}\nLeft voicemail.\nTry Friday\n[sf:lt:note:9001]", "link:parent": LEAD}


def test_notes_with_html_and_mentions() -> None:
    """HTML becomes lines; mentions are defused; a word such as null in free text stays."""
    body = only(mapper().drafts(child("note", note="<p>@[Pieter] null &amp; void</p>")).drafts).fields["body"]
    assert body == f"{NOTE_HEAD}\n@ [Pieter] null & void\n[sf:lt:note:9001]"
    assert "\nnull\n" in only(mapper().drafts(child("note", note="null")).drafts).fields["body"]


ADDRESSED = '"Bobbypan, <script>alert(1)</script>" <yusuf@example.com>, B&amp;B <b@example.com>'


@pytest.mark.parametrize("context", [Context(activity_types=TYPES), Context()])
def test_header_lines_of_a_mail_are_kept_to_the_character(context: Context) -> None:
    """What is one line by nature is no HTML, whatever signs are in it: senders, receivers and subject arrive as they were written."""
    data = {"from": ADDRESSED, "to": ADDRESSED, "cc": ADDRESSED, "subject": "Re: <b>5</b> &lt; 6"}
    draft = only(mapper(context=context).drafts(child("email", **data)).drafts)
    told = dict(read_block(draft.fields.get("description") or draft.fields["body"]))
    assert (told["From"], told["To"], told["Cc"], told["Subject"]) == (ADDRESSED, ADDRESSED, ADDRESSED, data["subject"])
    assert draft.fields.get("name", data["subject"]) == data["subject"]


def test_lines_of_other_happenings_are_kept_to_the_character() -> None:
    """The same holds for a call's disposition, the name of a file, and a field of one line that nobody foresaw."""
    call = only(mapper().drafts(child("call", disposition="<b>No</b> &amp; never", notes="<p>rang <b>twice</b></p>")).drafts)
    assert call.fields["name"] == "Outgoing call: <b>No</b> &amp; never"
    told = dict(read_block(call.fields["description"]))
    assert (told["Disposition"], told["Notes"]) == ("<b>No</b> &amp; never", "rang twice")
    file = only(mapper().drafts(child("attachment", name="a&amp;b <i>.pdf")).drafts)
    assert dict(read_block(file.fields["body"]))["File"] == "a&amp;b <i>.pdf"
    odd = child("note", odd="x <del> y", page="<p>one</p><p>two</p>")
    for made in (mapper(), mapper(odd)):
        kept = dict(read_block(only(made.drafts(odd).drafts).fields["body"].replace("Odd:", "odd:").replace("Page:", "page:")))
        assert (kept["odd"], kept["page"].split()) == ("x <del> y", ["one", "two"])


@pytest.mark.parametrize("text", ["", "  \r\n ", "<p></p>", None])
def test_empty_notes_are_filtered_with_a_reason(text: str | None) -> None:
    """A note without text is left out and says why."""
    derived = mapper().drafts(child("note", note=text))
    assert (derived.drafts, derived.filtered) == ((), "an empty note")


@given(st.integers(1, 700), st.sampled_from(["word ", "para\n\n", "é", "👩🏽‍🚀", "e\u0301"]))
def test_long_notes_arrive_whole_in_parts(count: int, unit: str) -> None:
    """A note that is too long becomes several; each fits, is numbered and marked; together they are the text."""
    text = (unit * count).strip()
    drafts = MAPPER_200.drafts(child("note", note=text)).drafts
    bodies = [draft.fields["body"] for draft in drafts]
    assert all(units(body) <= 200 for body in bodies)
    assert "".join(body.split("\n", 1)[1].rsplit("\n", 1)[0] for body in bodies) == text
    assert [marker_in(body) for body in bodies] == [draft.marker for draft in drafts]
    if len(drafts) > 1:
        assert [draft.part for draft in drafts] == ["", *(f"{n}/{len(drafts)}" for n in range(2, len(drafts) + 1))]
        assert all(f"({n}/{len(drafts)})" in body.split("\n")[0] for n, body in enumerate(bodies, 1))
    assert all(draft.fields["link:parent"] == LEAD for draft in drafts)


MAPPER_200 = mapper(context=Context(activity_types=TYPES, note_max_chars=200))


def test_a_call_is_a_logged_activity() -> None:
    """Type, start and end to the second, participants; duration, disposition and the rest as readable lines."""
    draft = only(mapper().drafts(child("call")).drafts)
    description = draft.fields.pop("description")
    assert draft.fields == {
        "name": "Outgoing call: No answer",
        "activityType": "1-activityTypes",
        "startTime": 1778565790,
        "endTime": 1778565790 + 161,
        "isLogged": True,
        "isAllDay": False,
        "link:participants": [LEAD, Ref("user", "27")],
    }
    assert dict(read_block(description)) == {
        "Direction": "out",
        "Duration": "00:02:41",
        "Disposition": "No answer",
        "Number": "0825550142",
        "Notes": "rang twice\nno voicemail",
    }
    assert description.endswith("\n[sf:lt:call:501]")
    assert draft.marker == "[sf:lt:call:501]"


def test_a_call_with_a_bad_duration_still_arrives() -> None:
    """A duration nobody can read is kept as text and told; the call ends when it starts."""
    derived = mapper().drafts(child("call", duration="a while"))
    draft = only(derived.drafts)
    assert draft.fields["endTime"] == draft.fields["startTime"]
    assert dict(read_block(draft.fields["description"]))["Duration"] == "a while"
    assert [issue.cause for issue in derived.issues] == ["bad_duration"]


@pytest.mark.parametrize(
    ("context", "data"),
    [
        (Context(), {}),
        (Context(activity_types=TYPES, as_={"call": "note"}), {}),
        (Context(activity_types=TYPES), {"created": "yesterday"}),
        (Context(activity_types=TYPES, now_s=1_700_000_000), {}),
    ],
)
def test_calls_that_cannot_be_activities_are_notes(context: Context, data: dict[str, str]) -> None:
    """Without type, without time, in the future, or where the destination takes no past ones, a call is a note with the same lines."""
    draft = only(mapper(context=context).drafts(child("call", **data)).drafts)
    assert draft.kind == "notes"
    assert draft.fields["link:parent"] == LEAD
    assert dict(read_block(draft.fields["body"]))["Disposition"] == "No answer"


def test_future_activities_can_be_sent() -> None:
    """When the operator says so, what is still to come is an activity that is not logged."""
    context = Context(activity_types=TYPES, now_s=1_700_000_000, future_activities="send")
    assert only(mapper(context=context).drafts(child("call")).drafts).fields["isLogged"] is False


@pytest.mark.parametrize("kind", ["call", "email"])
@pytest.mark.parametrize(("ahead_s", "is_logged"), [(300, True), (301, False)])
def test_what_a_fast_clock_noted_has_happened(kind: str, ahead_s: int, is_logged: bool) -> None:
    """A source whose clock is minutes ahead lists calls and e-mails of just now under times to come: they are logged as any other."""
    [usual] = mapper(context=Context(activity_types=TYPES)).drafts(child(kind)).drafts
    [draft] = mapper(context=Context(activity_types=TYPES, now_s=usual.fields["startTime"] - ahead_s)).drafts(child(kind)).drafts
    assert (draft == usual) is is_logged
    assert draft.kind == ("activities" if is_logged else "notes")


def test_an_email_is_an_activity_of_its_type() -> None:
    """Subject as name, header lines, body as plain text below them, sent time to the second."""
    draft = only(mapper().drafts(child("email")).drafts)
    assert (draft.kind, draft.fields["name"], draft.fields["activityType"], draft.fields["startTime"]) == (
        "activities",
        "Your quote",
        "9-activityTypes",
        1778683200,
    )
    head, body = draft.fields["description"].split("\n\n", 1)
    assert dict(read_block(head)) == {"From": "pieter@example.co.za", "To": "thandi@example.co.za", "Subject": "Your quote"}
    assert body == "Hi Thandi\n\nSee this\n[sf:lt:email:77]"


def test_an_email_is_a_note_while_its_type_is_missing() -> None:
    """Without an e-mail type in the account the mail is a note with a header, and the missing type is told."""
    derived = mapper(context=Context(activity_types={"phone call": "1-activityTypes"})).drafts(child("email", subject="null"))
    draft = only(derived.drafts)
    assert (draft.kind, [issue.cause for issue in derived.issues]) == ("notes", ["missing_activity_type"])
    assert draft.fields["body"].startswith("[2026-05-13 16:40:00 +02:00 by user 27] null\nFrom: pieter@example.co.za\n")
    assert only(mapper(context=Context(activity_types=TYPES, as_={"mail": "note"})).drafts(child("email")).drafts).kind == "notes"


def test_long_mails_go_on_in_notes() -> None:
    """What does not fit into an activity's description follows in notes on the same person; nothing is cut off."""
    body = "\n\n".join(f"paragraph {n}" for n in range(60))
    drafts = MAPPER_200.drafts(child("email", body=body)).drafts
    assert [draft.kind for draft in drafts] == ["activities", *["notes"] * (len(drafts) - 1)]
    texts = [draft.fields.get("description") or draft.fields["body"] for draft in drafts]
    assert "".join(text.split("\n", 1)[1].rsplit("\n", 1)[0] for text in texts).endswith(body)
    assert [draft.part for draft in drafts][1:] == [f"{n}/{len(drafts)}" for n in range(2, len(drafts) + 1)]


@pytest.mark.parametrize(
    ("data", "parent"),
    [
        ({"lead_email": "THANDI@example.co.za "}, LEAD),
        ({"lead_email": "x@y.org"}, LEAD),
        ({"to": "other@x.org, second@home.example"}, LEAD),
        ({"to": "other@x.org", "from": "nobody@x.org"}, None),
        ({"to": "thandi@example.co.za, sipho@x.org"}, None),
    ],
)
def test_mails_find_their_lead_by_address(data: dict[str, str], parent: Ref | None) -> None:
    """Without a lead id its address decides, then the only lead among the mail's addresses; two leads are not guessed."""
    known = {"thandi@example.co.za": "48213", "second@home.example": "48213", "sipho@x.org": "9"}
    made = mapper(context=Context(activity_types=TYPES, person_by_email=known.get))
    record = child("email", leadid="", **data)
    derived = made.drafts(record)
    assert made.addresses(record)
    if parent is None:
        assert derived.drafts == ()
        assert [(issue.cause, issue.is_blocking) for issue in derived.issues] == [("unknown_parent", True)]
    else:
        assert only(derived.drafts).fields["link:participants"][0] == parent


def test_happenings_that_name_their_lead_need_no_address() -> None:
    """The source id goes before any address."""
    made = mapper(context=Context(activity_types=TYPES, person_by_email=lambda address: "1"))
    assert made.addresses(child("email")) == ()
    assert only(made.drafts(child("note")).drafts).fields["link:parent"] == LEAD


def test_an_open_reminder_is_a_task() -> None:
    """Title, due time to the second, assignee, person; the repeat pattern in words."""
    draft = only(mapper().drafts(child("reminder")).drafts)
    description = draft.fields.pop("description")
    assert draft.kind == "tasks"
    assert draft.fields == {"title": "Call back", "dueTime": 1778832000, "link:relatedEntity": LEAD, "link:assignee": Ref("user", "27")}
    assert dict(read_block(description))["Repeat"] == "every week (set up by hand)"
    assert description.startswith("Call back\n")
    assert marker_in(description) == draft.marker == "[sf:lt:reminder:310]"


@pytest.mark.parametrize("done", ["1", "true", "Yes", "done"])
def test_a_completed_reminder_is_a_note(done: str) -> None:
    """Tasks cannot be completed by the API, so what is done is a note that says so."""
    draft = only(mapper().drafts(child("reminder", done=done)).drafts)
    assert draft.kind == "notes"
    assert draft.fields["body"].startswith("Completed reminder\nDue: 2026-05-15 10:00:00 +02:00\n")
    assert "Call back" in draft.fields["body"]


def test_a_reminder_without_user_or_date_still_arrives() -> None:
    """Missing parts are left out, unreadable ones kept as text and told."""
    derived = mapper().drafts(child("reminder", userid="", due="next week", note=""))
    draft = only(derived.drafts)
    assert draft.fields["title"] == "Reminder"
    assert {"dueTime", "link:assignee"}.isdisjoint(draft.fields)
    assert dict(read_block(draft.fields["description"]))["Due"] == "next week"
    assert [issue.cause for issue in derived.issues] == ["bad_date"]


def test_repeat_patterns_in_words() -> None:
    """Known patterns are said in words, others as they stand."""
    assert in_words("Monthly") == "every month (set up by hand)"
    assert in_words("2nd Tue of the month") == "2nd Tue of the month (set up by hand)"


def test_a_file_leaves_a_note_with_its_place() -> None:
    """The note tells name, size, checksum and where the archive keeps the file."""
    body = only(mapper().drafts(child("attachment")).drafts).fields["body"]
    assert dict(read_block(body)) == {"File": "quote.pdf", "Size": "1204 bytes", "SHA-256": "ab" * 32, "Archived at": "files/48213/a1"}


def test_ambiguous_times_are_marked_in_the_text() -> None:
    """An hour the clock shows twice is marked where people read it, and told."""
    derived = mapper(zone="Europe/Berlin").drafts(child("note", created="2026-10-25 02:30:00"))
    assert "(ambiguous)" in only(derived.drafts).fields["body"].split("\n")[0]
    assert [issue.cause for issue in derived.issues] == ["ambiguous_time"]


def test_unknown_keys_of_a_happening_are_kept() -> None:
    """A key the map does not know becomes a labelled line, and is told."""
    derived = mapper().drafts(child("note", mood="grim"))
    assert "mood: grim" in only(derived.drafts).fields["body"]
    assert [issue.field for issue in derived.issues] == ["mood"]


KINDS = ["note", "call", "email", "reminder", "attachment"]


@given(st.sampled_from(KINDS), st.data())
def test_any_happening_arrives_or_says_why(kind: str, data: st.DataObject) -> None:
    """Whatever is in the cells, a happening has drafts that carry its marker, or a reason."""
    cells: dict[str, Any] = {
        name: data.draw(st.one_of(st.none(), st.text(max_size=20), st.just(value))) for name, value in CHILDREN[kind].items()
    }
    record = child(kind, **{**cells, next(iter(CHILDREN[kind])): "9"})
    derived = MAPPER_200.drafts(record)
    assert derived.drafts or derived.filtered or any(issue.is_blocking for issue in derived.issues)
    for draft in derived.drafts:
        text = draft.fields.get("body") or draft.fields["description"]
        assert text.endswith(draft.marker)
        assert draft.marker.startswith(f"[sf:lt:{kind}:9")
        assert "@[" not in text
