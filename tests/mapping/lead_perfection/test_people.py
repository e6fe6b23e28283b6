"""Prospects become people: names, numbers, addresses, sources, ids and marks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.mapping.delimited import split
from streamflow.mapping.marks import spelled
from streamflow.mapping.rollups import rolled_up
from streamflow.mapping.text import squeeze
from streamflow.model import Fields, Record, Ref
from tests.mapping.blocks import read_block

from .account import PAIR, appointment, causes, job, kin, lead, main, mapper, prospect

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20).map(squeeze)
MADE = mapper()


def fields(*children: Record, former: tuple[Record, ...] = (), **data: Any) -> Fields:
    """Give the person made of the known prospect with other values and these children."""
    return main(MADE.drafts(prospect(**data), kin(*children, former=former))).fields


def test_lp_01_a_prospect_is_a_person_with_the_lead_flag() -> None:
    """Every prospect is one person that says it came as a lead, whatever hangs on it."""
    for children in ((), (lead(),), (lead(), job())):
        derived = MADE.drafts(prospect(), kin(*children))
        assert [draft.kind for draft in derived.drafts] == ["contacts"]
        assert main(derived).fields["custom:Lead Flag"] == "Lead"
        assert main(derived).marker == "lp:prospect:418207"


def test_lp_02_name_email_and_phone() -> None:
    """The three contact fields, from untidy values too."""
    made = fields(firstname="  Dana ", lastname="Whitlock  ", phone1="(407)555-0142")
    assert made["name"] == "Dana Whitlock"
    assert [each["value"] for each in made["emails"]] == ["Dana.Whitlock@Example.com"]
    assert [(each["value"], each["isPrimary"]) for each in made["phones"]] == [("+14075550142", True)]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"firstname": "", "email": ""}, "Whitlock"),
        ({"lastname": "null"}, "Dana"),
        ({"firstname": "", "lastname": "", "email": "dana@x.example"}, "dana"),
        ({"firstname": "", "lastname": " ", "email": ""}, "Unnamed prospect 418207"),
        ({"firstname": "Dana Whitlock"}, "Dana Whitlock"),
    ],
)
def test_lp_02_people_without_a_whole_name_have_one(data: dict[str, str], name: str) -> None:
    """What is blank or the word for nothing is no part of a name; a person without any is told."""
    derived = MADE.drafts(prospect(**data))
    assert main(derived).fields["name"] == name
    assert ("no_name", "firstname") in causes(derived) or name in ("Whitlock", "Dana", "Dana Whitlock")


def test_lp_03_source_and_sub_source_are_kept() -> None:
    """Both can be told from the person, of the newest enquiry that says any; the older ones keep theirs."""
    older = lead("1", dateentered="2025-01-01 10:00:00", source="Radio", sourcesubdescr="WXYZ")
    newest = lead("3", dateentered="2026-09-01 08:00:00", source="", sourcesubdescr="null")
    made = fields(older, lead("2"), newest)
    assert split(made["custom:Lead Source"], " | ") == ("Internet", "Google - Windows")
    assert made["custom:Lead Subsource"] == "Google - Windows"
    told = MADE.drafts(older).drafts[0].fields["body"]
    assert {"Source": "Radio", "Sub-source": "WXYZ"}.items() <= dict(read_block(told)).items()


def test_lp_03_source_and_sub_source_are_of_one_enquiry() -> None:
    """A newest enquiry without a sub-source does not borrow that of an older one."""
    made = fields(lead("1", dateentered="2025-01-01 10:00:00"), lead("2", source="Referral", sourcesubdescr=""))
    assert made["custom:Lead Source"] == "Referral"
    assert "custom:Lead Subsource" not in made


def test_lp_03_people_who_are_one_have_source_and_sub_source_of_one_prospect() -> None:
    """A sub-source is not borrowed from another prospect than the source is of."""
    bare, full = fields(lead(source="Referral", sourcesubdescr="")), fields(lead(), cst_id="2")
    assert "custom:Lead Subsource" not in MADE.combine([bare, full])
    assert MADE.combine([fields(), full])["custom:Lead Subsource"] == "Google - Windows"


def test_lp_03_reports_tell_the_day_alone() -> None:
    """Where an enquiry has no time of entry, its day says which one is the newest."""
    old = lead("9", dateentered=None, entrydate="2026-01-05 00:00:00", source="Radio", sourcesubdescr="")
    new = lead("8", dateentered=None, entrydate="2026-07-28 00:00:00")
    assert fields(old, new)["custom:Lead Status"] == "Sale"
    assert fields(old, new)["custom:Lead Source"].startswith("Internet")


@given(WORDS, WORDS)
def test_lp_21_source_and_sub_source_split_back(source: str, sub: str) -> None:
    """Whatever the two hold, the delimiter too, they come back out of the one field."""
    row = next(row for one in PAIR.objects for row in one.rows if (one.source, row.source) == ("prospect", "lead.source"))
    text = rolled_up(row, kin(lead(source=source, sourcesubdescr=sub)), " | ")
    wanted = tuple("" if text.strip().lower() in ("null", "undefined", "none", "n/a", "-") else text for text in (source, sub))
    assert split(text, " | ") == wanted


def test_lp_22_the_sub_source_stands_alone_as_well() -> None:
    """A delimiter in it stays as it is there."""
    made = fields(lead(sourcesubdescr="Mail | Spring"))
    assert made["custom:Lead Subsource"] == "Mail | Spring"
    assert split(made["custom:Lead Source"], " | ") == ("Internet", "Mail | Spring")


def test_lp_05_and_06_all_jobs_of_a_person_show_on_it() -> None:
    """One person bears the ids of all its jobs, those that vanished too, and two prospects who are one bear the ids of both."""
    made = fields(job("58122"), job("9"), former=(job("700"),))
    assert made["custom:Source System ID"] == "9, 700, 58122"
    other = fields(job("60001"), cst_id="2", email="")
    together = MADE.combine([made, other])
    assert together["custom:Source System ID"] == "9, 700, 58122, 60001"
    assert "custom:Source System ID" not in fields()


def test_lp_06_more_job_ids_than_a_field_holds_are_kept_as_text() -> None:
    """What does not fit is told and stands in the description."""
    derived = MADE.drafts(prospect(), kin(*(job(str(10_000_000 + n)) for n in range(40))))
    assert ("too_long", "job.key") in causes(derived)
    assert "10000039" in main(derived).fields["description"]


def test_lp_07_the_address_arrives_in_parts() -> None:
    """Line, city, state and postal code are the parts of the standard address."""
    (address,) = fields()["addresses"]
    assert address["value"] == {"address_1": "118 Palmetto Ct", "city": "Sanford", "state": "FL", "postalCode": "32771"}
    assert "addresses" not in fields(address1="", city="null", state="", zip="")


def test_two_letters_that_are_no_state_are_told() -> None:
    """They stand in no address, and in the description as they were written."""
    made = main(MADE.drafts(prospect(state="", state_as_written="XX"))).fields
    assert dict(read_block(made["description"])) == {"State as written": "XX"}
    assert "state" not in made["addresses"][0]["value"]


@pytest.mark.parametrize("text", ["Apt 4", "Suite #210, Floor 3", "c/o Smith & Sons"])
def test_lp_08_line_2_goes_to_a_field_of_its_own(text: str) -> None:
    """The text is intact there, and in the address besides; an empty one leaves no trace."""
    made = fields(address2=text)
    assert made["custom:Address Line 2"] == text
    assert made["addresses"][0]["value"]["address_2"] == text
    assert "custom:Address Line 2" not in fields(address2="  ")
    assert "address_2" not in fields()["addresses"][0]["value"]


def test_lp_09_a_number_that_is_none_is_kept_as_written() -> None:
    """A primary number nobody can be reached at is told and not lost."""
    derived = MADE.drafts(prospect(phone1="555-01"))
    assert ("bad_phone", "phone1") in causes(derived)
    assert dict(read_block(main(derived).fields["description"]))["Number as written"] == "555-01"


def test_lp_10_two_further_numbers_bear_their_label() -> None:
    """Label and sort stand before the number as it was written; lists of plain texts are numbered."""
    made = fields(altphones=[{"label": "AltPhone1", "phone": "(407) 555-0199", "type": "Cell"}, "4075550177"])
    assert made["custom:Additional Phone 1"] == "AltPhone1 (Cell): (407) 555-0199"
    assert made["custom:Additional Phone 2"] == "AltPhone2: 4075550177"
    assert [each["value"] for each in made["phones"]] == ["+14075550142"]


def test_lp_11_third_and_further_numbers_are_kept() -> None:
    """They are labelled lines that can be read back."""
    numbers = [{"label": f"AltPhone{n}", "phone": f"40755501{n:02}", "type": ""} for n in range(1, 6)]
    made = fields(altphones=numbers)
    assert dict(read_block(made["description"])) == {f"AltPhone{n}": f"40755501{n:02}" for n in (3, 4, 5)}


def test_lp_10_further_numbers_can_be_native_ones() -> None:
    """A person may say in the map that they go to the standard field; they are read out of their tables then."""
    from dataclasses import replace

    from streamflow.mapping.compiled import compile_map

    from .account import IDS, document

    made = document()
    objects = []
    for one in made.objects:
        rows = [row for row in one.rows if not (one.source == "prospect" and row.source == "altphones" and row.params["slot"] == 2)]
        rows = [
            replace(row, target="phones", transform="phones", params={}) if one.source == "prospect" and row.source == "altphones" else row
            for row in rows
        ]
        objects.append(replace(one, rows=tuple(rows)))
    compiled = compile_map(replace(made, objects=tuple(objects)), PAIR, IDS)
    found = main(compiled.drafts(prospect(altphones=[{"label": "AltPhone1", "phone": "4075550199", "type": "3"}, "4075550177"]))).fields
    assert {each["value"] for each in found["phones"]} == {"+14075550142", "+14075550199", "+14075550177"}


def test_lp_18_a_person_s_owner_is_the_rep_of_the_newest_enquiry() -> None:
    """Owner by name, and the name as it was written beside it; without a rep there is none."""
    older = lead("1", dateentered="2025-01-01 10:00:00", rep="Ruiz, Ana", salesrepname="Ruiz, Ana")
    made = fields(older, lead())
    assert made["link:owner"] == Ref("rep", "Okafor, Ben")
    assert made["custom:Original Owner"] == "Okafor, Ben - OFFICE"
    assert "link:owner" not in fields(lead(rep="", salesrepname=""))


def test_lp_31_the_day_it_was_entered_is_kept() -> None:
    """A day without a time is a day, in whatever zone."""
    assert fields(dateadded="2026-03-08 00:00:00")["custom:Original Create Date"] == "2026-03-08"


@pytest.mark.parametrize("day", ["2206-01-01 00:00:00", "1905-05-05 00:00:00"])
def test_absurd_days_are_told_and_kept(day: str) -> None:
    """Days outside 1990 to five years ahead are written as they stand, and flagged."""
    derived = MADE.drafts(prospect(dateadded=day))
    assert main(derived).fields["custom:Original Create Date"] == day[:10]
    assert causes(derived) == [("implausible_date", "dateadded")]


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ("C", "C (call)"), ("CT", "C (call), T (text)"), ("CMTEP", "C (call), M (mail), T (text), E (e-mail), P"), ("CMZ", "CMZ"),
        ("c, m", "c (call), m (mail)"), ("P", "P"), ("X-9", "X-9"),
    ],
)
def test_marks_not_to_contact_are_spelled_out(codes: str, words: str) -> None:
    """Each mark stands there with what it means; one that nobody knows stays as it is."""
    assert fields(dnc=codes)["custom:Do Not Contact"] == words
    assert "custom:Do Not Contact" not in fields(dnc="")


@given(st.text(st.sampled_from("CMTEPXcm, ;/0"), max_size=12))
def test_no_mark_is_lost(text: str) -> None:
    """Every sign of the marks is there again, whatever stands between them."""
    words = {"c": "call", "m": "mail", "t": "text", "e": "e-mail", "p": ""}
    shown = spelled(text, words)
    for word in filter(None, words.values()):
        shown = shown.replace(f"({word})", "")
    assert set(shown) - set(", ") == set(text) - set(", ;/")


def test_a_second_address_that_appointments_tell_is_on_the_person() -> None:
    """By file it is an address of the person; what appointments alone tell is a field."""
    assert [each["value"] for each in fields(email2="dw@home.example")["emails"]] == ["Dana.Whitlock@Example.com", "dw@home.example"]
    assert fields(appointment(), appointment("2"))["custom:Additional Email"] == "dw@home.example"


def test_what_is_quarantined_or_unknown_is_not_lost() -> None:
    """A field nobody foresaw is a labelled line, and told."""
    derived = MADE.drafts(prospect(loyalty="gold"))
    assert dict(read_block(main(derived).fields["description"])) == {"loyalty": "gold"}
    assert causes(derived) == [("unmapped_field", "loyalty")]


def test_shared_people_keep_a_note_of_the_second_prospect() -> None:
    """A prospect that joins another one's person leaves every value in a note, under labels that people can read."""
    (note,) = MADE.merged_notes(prospect("2", dnc="C"))
    told = dict(read_block(note.fields["body"]))
    assert {"Prospect": "2", "Phone": "4075550142", "Do not contact": "C", "Address": "118 Palmetto Ct"}.items() <= told.items()
    assert told["Date added"].startswith("2026-03-02")
    assert "phone: 4075550199; type: Cell" in told["Altphones"]
    assert note.fields["body"].startswith("[2026-03-02 00:00:00 -05:00] Another prospect of the same person in Lead Perfection")
