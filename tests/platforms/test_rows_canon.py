"""Raw rows to records: one form whichever reader brought the row, nothing lost on the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamflow.model import Record
from streamflow.platforms.leadtrekker.codec import encode_leaves
from streamflow.platforms.leadtrekker.doors import DOORS
from streamflow.platforms.rows.canon import Canon, Pass
from streamflow.platforms.rows.roster import Roster

from .leadtrekker_rig import load_spec

SPEC = load_spec(reader="api")
LEAD: dict[str, Any] = {
    "leadid": "48213", "name": "Thandi", "email": "thandi@example.co.za", "number": "0825550142", "company": "Karoo Solar (Pty) Ltd",
    "address": "14 Loop St", "sourceid": "10452", "source": "Website", "statusid": "3", "status": "Contacted", "userid": "27",
    "owner": "Pieter Nel", "owner_email": "pieter@example.co.za", "groupid": "4", "created": "2026-05-11 09:14:02",
    "updated": "2026-05-13 16:40:55",
    "custom_fields": {"Surname": "Mokoena", "Message": "Quote for 5kW<br>please call", "utm_source": "google"},
}  # fmt: skip
NOTE = {"noteid": "9001", "leadid": "48213", "userid": "27", "created": "2026-05-12 08:05:00", "note": "Left voicemail.\r\nTry Friday"}
FILE_NOTE = {
    "noteid": "9001", "leadid": "48213", "lead_email": "thandi@example.co.za", "user": "Pieter Nel", "user_email": "PIETER@example.co.za ",
    "created": "12/05/2026 08:05:00", "note": "Left voicemail.\nTry Friday",
}  # fmt: skip


def canon(kind: str, reader: str = "api", **override: Any) -> Canon:
    """Give the rules of one stream."""
    spec = load_spec({kind: override}, reader=reader) if override else SPEC
    return Canon(spec.streams[kind], null_words=spec.null_words, region=spec.region, reader=reader, decoders=DOORS.decoders)


def roster() -> Roster:
    """Give one user and one group."""
    found = Roster()
    found.learn("user", [{"userid": "27", "name": "Pieter Nel", "email": "pieter@example.co.za"}])
    found.learn("group", [{"groupid": "4", "name": "Western Cape"}])
    return found


def record(kind: str, raw: dict[str, Any], reader: str = "api", *, known: Roster | None = None, **override: Any) -> Record:
    """Give the record of one row."""
    found = canon(kind, reader, **override).record(raw, roster=known or Roster(), memory=Pass())
    assert found is not None
    return found


def file_lead(**changed: Any) -> dict[str, Any]:
    """Give the lead as an export shows it."""
    kept = {name: value for name, value in LEAD.items() if name not in ("userid", "groupid", "custom_fields")}
    custom = {f"custom:{label}": value for label, value in LEAD["custom_fields"].items()}
    return kept | {"surname": "", "group": "Western Cape", "custom:Budget": ""} | custom | changed


def test_lead_is_the_same_by_api_and_by_files() -> None:
    """Custom columns equal the custom object, damage of a spreadsheet is mended, ids and e-mails name the same owner and group."""
    by_api = record("lead", LEAD, known=roster())
    by_file = record("lead", file_lead(number=825550142, created="11/05/2026 09:14:02"), "files", known=roster())
    assert (by_api.key, by_api.digest) == (by_file.key, by_file.digest)
    assert by_file.data["userid"] == "27"
    assert by_file.data["groupid"] == "4"
    assert by_api.data["group"] == "Western Cape"
    assert by_file.data["_raw"] == {"number": "825550142", "created": "11/05/2026 09:14:02"}
    assert by_api.data["custom"] == by_file.data["custom"]


def test_note_is_the_same_by_api_and_by_files() -> None:
    """A user by id and by untidy e-mail, a lead with and without its e-mail, CRLF and LF: one digest."""
    by_api, by_file = record("note", NOTE, known=roster()), record("note", FILE_NOTE, "files", known=roster())
    assert by_api.digest == by_file.digest
    assert by_api.parent == by_file.parent == "48213"
    assert by_api.data["note"] == "Left voicemail.\r\nTry Friday"


def test_absent_is_not_empty() -> None:
    """What a reader does not carry is absent from the record; what it carries as empty is there as empty."""
    data = record("lead", {"leadid": "1", "email": None, "company": "", "custom_fields": []}).data
    assert data == {"leadid": "1", "email": "", "company": "", "custom": {}}
    assert "custom" not in record("lead", {"leadid": "1"}).data


def test_null_words_are_emptied_in_structured_fields_and_kept_in_free_text() -> None:
    """The words clients store for nothing are nothing, with the original kept; in texts they are what somebody wrote."""
    words = {"company": " null ", "status": "N/A", "address": "-", "name": "Null Island", "custom_fields": {"Contact": "undefined"}}
    data = record("lead", LEAD | words).data
    assert (data["company"], data["status"], data["address"], data["name"], data["custom"]) == ("", "", "", "Null Island", {})
    assert data["_raw"] == {"company": " null ", "status": "N/A", "address": "-", "custom:Contact": "undefined"}
    assert record("note", NOTE | {"note": "null"}).data["note"] == "null"


def test_values_stand_letter_by_letter() -> None:
    """Several e-mails in a cell, odd blanks and bad dates are left for the map to judge."""
    data = record("lead", LEAD | {"email": "a@example.com; B@example.com ", "company": "Acme  ", "created": "soon"}).data
    assert (data["email"], data["company"], data["created"]) == ("a@example.com; B@example.com ", "Acme  ", "soon")


def test_ids_are_text_whatever_they_came_as() -> None:
    """Numbers, floats of a workbook and blanks around digits give one id."""
    assert {record("lead", LEAD | {"leadid": value}).key for value in (48213, 48213.0, " 48213 ", "48213")} == {"48213"}


def test_aliases_give_one_name_and_the_name_itself_goes_first() -> None:
    """Other spellings are understood; where two are filled, the canonical one counts and the other is kept and counted."""
    unknown: Counter[str] = Counter()
    found = canon("lead").record(
        {"id": "7", "Contact Number": "0821112222", "lead_id": "8", "leadid": "9"}, roster=Roster(), memory=Pass(), unknown=unknown
    )
    assert found is not None
    assert found.key == "9"
    assert found.data["number"] == "0821112222"
    assert {found.data["id"], found.data["lead_id"]} == {"7", "8"}
    assert unknown == {"id": 1, "lead_id": 1}


def test_unknown_keys_are_kept_counted_and_part_of_the_digest() -> None:
    """A field nobody told us about is not lost, is reported, and its change is a change."""
    page = canon("lead").page([LEAD | {"score": 5}, LEAD | {"leadid": "2", "score": 6}], next_cursor=None, roster=Roster(), memory=Pass())
    assert page.unknown == {"score": 2}
    assert page.records[0].data["score"] == "5"
    assert record("lead", LEAD | {"score": 5}).digest != record("lead", LEAD | {"score": 6}).digest


def test_labels_are_tidied_and_their_spelling_kept() -> None:
    """Blanks in labels are drift; two spellings with different values both stay."""
    data = record("lead", {"leadid": "1", "custom_fields": {"How  did you ": "Radio", "How did you": "Google", "Empty": ""}}).data
    assert data["custom"] == {"How did you": "Radio", "How did you (2)": "Google"}
    assert data["_raw"]["label:How did you"] == "How  did you "


def test_custom_fields_come_as_json_text_too() -> None:
    """A column of JSON is the same as an object; what is neither is kept and counted."""
    assert record("lead", {"leadid": "1", "custom_fields": '{"Surname": "Nel"}'}, "files").data["custom"] == {"Surname": "Nel"}
    unknown: Counter[str] = Counter()
    found = canon("lead").record({"leadid": "1", "custom_fields": "Nel"}, roster=Roster(), memory=Pass(), unknown=unknown)
    assert found is not None
    assert found.data["custom"] == {"custom_fields": "Nel"}
    assert unknown == {"custom_fields (not an object)": 1}


def test_custom_fields_nested_without_end_are_kept_as_the_text_they_are() -> None:
    """A cell with hundreds of brackets in brackets is a text that somebody typed, and stops nothing."""
    endless = '{"a":' * 500 + "1" + "}" * 500
    assert endless in str(record("lead", LEAD | {"custom_fields": endless}).data)


def test_base64_is_decoded_only_where_the_spec_says_so() -> None:
    """A name that happens to be base64 is left alone; a field told to be base64 that is not is kept and counted."""
    assert record("note", NOTE | {"note": "VGVzdA=="}).data["note"] == "VGVzdA=="
    assert record("note", NOTE | {"note": "VGVzdA=="}, decode={"note": "base64"}).data["note"] == "Test"
    unknown: Counter[str] = Counter()
    odd = canon("note", decode={"note": "base64"}).record(NOTE, roster=Roster(), memory=Pass(), unknown=unknown)
    assert odd is not None
    assert odd.data["note"] == NOTE["note"]
    assert unknown == {"note (not base64, kept as it came)": 1}
    everything = record("lead", encode_leaves(LEAD), decode={"default": "base64"})
    assert everything.digest == record("lead", LEAD).digest
    assert record("lead", file_lead(), "files", decode={"default": "base64"}).data["name"] == "Thandi"


def test_decodings_are_the_platforms_own() -> None:
    """Whatever a platform brings under a name is used for replies of its API, and a name nobody brought leaves values as they came."""
    stream = replace(SPEC.streams["note"], decode={"note": "backwards"})
    backwards = {"backwards": lambda value: value[::-1]}
    for decoders, reader, expected in ((backwards, "api", "cba"), (backwards, "files", "abc"), (DOORS.decoders, "api", "abc")):
        rules = Canon(stream, null_words=SPEC.null_words, region=SPEC.region, reader=reader, decoders=decoders)
        found = rules.record(NOTE | {"note": "abc"}, roster=Roster(), memory=Pass())
        assert found is not None
        assert found.data["note"] == expected


def test_digest_ignores_what_moves_by_itself() -> None:
    """The change date and tracking values make no change; an owner's other names neither; content does."""
    base = record("lead", LEAD).digest
    assert record("lead", LEAD | {"updated": "2027-01-01 00:00:00"}).digest == base
    tracked = LEAD["custom_fields"] | {"utm_source": "bing", "UTM_medium": "x", "gclid": "1"}
    assert record("lead", LEAD | {"custom_fields": tracked}).digest == base
    assert record("lead", LEAD | {"number": "+27 82 555 0142", "name": " Thandi "}).digest == base
    assert record("lead", dict(reversed(LEAD.items()))).digest == base
    for changed in ({"status": "New"}, {"owner_email": "x@example.com"}, {"company": ""}, {"custom_fields": {"Surname": "Nel"}}):
        assert record("lead", LEAD | changed).digest != base


def test_rows_without_id_get_a_lasting_key_and_twins_stay_two() -> None:
    """The key is made of what identifies the row; the second equal row is #2; the same rows give the same keys again."""
    rows = [{key: value for key, value in NOTE.items() if key != "noteid"}] * 2 + [NOTE | {"noteid": "", "note": "other"}]
    rules = canon("note")
    first = [found.key for found in rules.page(rows, next_cursor=None, roster=Roster(), memory=Pass()).records]
    again = [found.key for found in rules.page(rows, next_cursor=None, roster=Roster(), memory=Pass()).records]
    assert first == again
    assert len(set(first)) == 3
    assert first[1] == f"{first[0]}#2"


def test_made_keys_are_the_same_by_both_readers() -> None:
    """Without ids, a user by id and by e-mail make one key."""
    def bare(raw: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in raw.items() if name != "noteid"}

    assert record("note", bare(NOTE), known=roster()).key == record("note", bare(FILE_NOTE), "files", known=roster()).key


def test_rows_that_nothing_identifies_are_rejected_without_personal_data() -> None:
    """A lead without its id is set aside with its place, and its values are not told."""
    page = canon("lead").page([LEAD, {"leadid": "", "name": "Secret"}], next_cursor="2", roster=Roster(), memory=Pass(), first_row=501)
    assert [found.key for found in page.records] == ["48213"]
    assert [row.reason for row in page.rejects] == ["row 502 of lead: no leadid, and nothing to make a key of"]
    assert "Secret" not in repr(page.rejects)


def test_a_row_that_nothing_identifies_is_known_again_by_what_it_says() -> None:
    """In another place and another reading it is the same one; another text, another parent, or an equal one beside it is another."""
    def rejected(*names: str, parent: str | None = None) -> list[str]:
        rows = [{"leadid": "", "name": name} for name in names]
        return [row.digest for row in canon("lead").page(rows, next_cursor=None, roster=Roster(), memory=Pass(), parent=parent).rejects]

    first, second, twin = rejected("Anna", "Ben", "Anna")
    assert rejected("Ben", "Anna") == [second, first]
    assert twin == f"{first}#2"
    assert not {first, second} & {*rejected("Anna", parent="48213"), *rejected("Carl")}


@pytest.mark.parametrize("odd", [["48213"], {"id": "48213"}, [None], True])
def test_an_id_that_is_no_text_identifies_nothing(odd: Any) -> None:
    """A list or an object in the place of an id costs that row alone; in the place of a parent or a date it names none."""
    page = canon("lead").page([LEAD | {"leadid": odd}, LEAD], next_cursor=None, roster=Roster(), memory=Pass())
    assert [found.key for found in page.records][-1:] == ["48213"]
    assert all(isinstance(found.key, str) for found in page.records)
    found = record("note", NOTE | {"leadid": odd, "created": odd})
    assert (found.key, isinstance(found.parent, str | None), isinstance(found.changed_at, str | None)) == ("9001", True, True)


def test_parent_is_the_one_that_was_asked() -> None:
    """A child listed under a lead belongs to it, also when it still names the lead that was merged away."""
    found = canon("note").record(NOTE | {"leadid": "1"}, roster=Roster(), memory=Pass(), parent="48213")
    assert found is not None
    assert (found.parent, found.data["leadid"]) == ("48213", "1")


def test_members_are_named_alike() -> None:
    """Ids and e-mails of members give one list; unknown ones stay as they are."""
    by_api = record("group", {"groupid": "4", "name": "W", "members": [27, "99"]}, known=roster())
    by_file = record("group", {"groupid": "4", "name": "W", "members": ["99", "Pieter@example.co.za"]}, "files", known=roster())
    assert by_api.data["members"] == by_file.data["members"] == ["27", "99"]
    assert by_api.digest == by_file.digest


def test_namesakes_name_nobody() -> None:
    """A name that two users share completes nothing."""
    known = Roster()
    known.learn("user", [{"userid": str(n), "name": "Sipho", "email": f"{letter}@x.example"} for n, letter in ((1, "a"), (2, "b"))])
    assert "userid" not in record("note", {"noteid": "1", "user": "Sipho"}, "files", known=known).data
    assert record("note", {"noteid": "1", "user": "Sipho", "user_email": "b@x.example"}, "files", known=known).data["userid"] == "2"


@settings(deadline=None)      # the first example pays for imports
@given(st.dictionaries(st.text(min_size=1, max_size=12), st.none() | st.text(max_size=20) | st.integers() | st.booleans(), max_size=8))
def test_no_filled_value_is_ever_lost(raw: dict[str, Any]) -> None:
    """Whatever keys come, each filled value is in the data, in the custom fields or among the originals; and the digest is stable."""
    rules = canon("lead")
    found = rules.record({**raw, "leadid": "1"}, roster=Roster(), memory=Pass())
    assert found is not None
    kept = [value for name, value in found.data.items() if isinstance(value, str)]
    kept += [*found.data.get("custom", {}).values(), *found.data.get("_raw", {}).values()]
    for name, value in raw.items():
        text = "" if value is None else ("true" if value is True else "false" if value is False else str(value))
        assert name == "leadid" or not text.strip() or any(text.strip() == str(other).strip() for other in kept)
    assert rules.digest(found.data) == found.digest


@pytest.mark.parametrize("kind", ["lead", "note", "call", "email", "reminder", "user", "group", "source", "status", "attachment"])
def test_every_kind_makes_records(kind: str) -> None:
    """Each shipped stream turns a row with nothing but its id into a record."""
    spec = SPEC.streams[kind]
    assert record(kind, {spec.key: "5"}).key == "5"
