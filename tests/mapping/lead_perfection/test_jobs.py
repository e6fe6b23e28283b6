"""Jobs and enquiries: deals with value, outcome, stage and true days; what has no field beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamflow.mapping.compiled import compile_map
from streamflow.mapping.delimited import split
from streamflow.mapping.derived import Context
from streamflow.mapping.document_json import from_json, to_json
from streamflow.mapping.schema import required_fields
from streamflow.model import Fields, Ref
from tests.mapping.blocks import read_block

from .account import IDS, JOB, PAIR, beside, causes, document, job, kin, lead, main, mapper, prospect

MADE = mapper()


def deal(**data: Any) -> Fields:
    """Give the deal of the known job with other values."""
    return main(MADE.drafts(job(**data))).fields


def test_lp_04_a_job_is_a_deal_of_its_person() -> None:
    """Each job is one deal that names the person made of its prospect."""
    drafts = MADE.drafts(job()).drafts
    assert [(draft.kind, draft.part) for draft in drafts] == [("leads", ""), ("notes", "details")]
    assert drafts[0].fields["link:contacts"] == [Ref("prospect", "418207")]
    assert drafts[0].fields["description"] == "ORL-26-1044 – WIN"


def test_lp_05_jobs_of_one_customer_share_the_person() -> None:
    """Two jobs are two deals with one and the same person."""
    links = {str(main(MADE.drafts(job(key))).fields["link:contacts"]) for key in ("1", "2")}
    markers = {main(MADE.drafts(job(key))).marker for key in ("1", "2")}
    assert (len(links), markers) == (1, {"lp:job:1", "lp:job:2"})


def test_lp_06_the_job_id_stands_on_the_deal() -> None:
    """In a field of its own, and in the marker."""
    made = deal()
    assert (made["custom:Source System ID"], made["custom:Streamflow ID"]) == ("58122", "lp:job:58122")


def test_a_job_without_a_prospect_is_held() -> None:
    """A job whose person nobody knows is not written and says what is missing; an id that the nesting gives is enough."""
    derived = MADE.drafts(replace(job(cst_id=""), parent=None))
    assert derived.drafts == ()
    assert ("unknown_parent", "cst_id") in causes(derived)
    assert main(MADE.drafts(replace(job(cst_id=None), parent="7"))).fields["link:contacts"] == [Ref("prospect", "7")]


def test_lp_48_value_stage_and_days_arrive() -> None:
    """The amount is the deal's value; the days it was signed, entered and installed are fields."""
    made = deal()
    assert made["manualValue"] == "14250.00"
    days = {name: made[f"custom:{name}"] for name in ("Contract Date", "Entry Date", "Original Create Date", "Start Date")}
    assert days == {
        "Contract Date": "2026-08-04", "Entry Date": "2026-07-28", "Original Create Date": "2026-08-04", "Start Date": "2026-10-21",
    }  # fmt: skip
    assert made["custom:Original Create Time"] == "2026-08-04T19:32:10-04:00"


@pytest.mark.parametrize(
    ("amount", "value"),
    [("0", "0.00"), ("-1", "-1.00"), ("0.01", "0.01"), ("14,250.00", "14250.00"), ("$1,234", "1234.00"), ("12056.2", "12056.20")],
)
def test_lp_48_amounts_of_any_sort_are_exact(amount: str, value: str) -> None:
    """Nothing, less than nothing, next to nothing and thousands."""
    assert deal(grossamount=amount)["manualValue"] == value
    assert "manualValue" not in deal(grossamount="")


def test_lp_48_more_decimals_than_cents_are_rounded_and_told() -> None:
    """The deal has its value to the cent, and the exact amount stands beside it."""
    derived = MADE.drafts(job(grossamount="28257.335"))
    assert main(derived).fields["manualValue"] == "28257.34"
    assert causes(derived) == [("rounded_money", "grossamount")]
    assert dict(read_block(beside(derived).fields["body"]))["grossamount"] == "28257.335"


def test_lp_48_an_amount_that_is_none_is_told_and_kept() -> None:
    """In another currency, or no number at all, it stands beside the deal as written."""
    for amount, cause in (("about 9k", "bad_money"), ("€ 900", "foreign_currency")):
        derived = MADE.drafts(job(grossamount=amount))
        assert (cause, "grossamount") in causes(derived)
        assert dict(read_block(beside(derived).fields["body"]))["grossamount"] == amount


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("Paid In Full", "1-outcomes"), ("paid in full ", "1-outcomes"), ("Installed & Unpaid", "1-outcomes"), ("Dead Deal", "2-outcomes"),
        ("Credit Decline", "2-outcomes"), ("Cancelled By Mgt", "3-outcomes"), ("Awaiting Product", None), ("Hold - HOA", None),
    ],
)  # fmt: skip
def test_lp_48_the_outcome_follows_from_the_status(status: str, outcome: str | None) -> None:
    """By value map; the words themselves always stand in a field."""
    made = deal(jobstatus=status)
    assert made.get("outcome") == outcome
    assert made["custom:Job Status"] == status.strip()


def test_lp_48_a_retired_status_changes_nothing_and_is_told() -> None:
    """A status that no map knows leaves the deal open, stands in its field, and is flagged once."""
    derived = MADE.drafts(job(jobstatus="Old System Import", jbs_id="X9"))
    assert main(derived).fields["custom:Job Status"] == "Old System Import"
    assert {"outcome", "stage"}.isdisjoint(main(derived).fields)
    assert causes(derived) == [("unmapped_value", "jobstatus")]
    assert "jobstatus" not in dict(read_block(beside(derived).fields["body"]))


def test_lp_48_stages_are_what_the_map_says() -> None:
    """Each of the two value maps of a status is its own: the outcome's and the stage's; only the latter names pipelines."""
    tables = {"job.jobstatus": {"Awaiting Product": "won"}, "job.jobstatus.stage": {"awaiting product": "Field/Ordered"}}
    made = main(mapper(values=tables).drafts(job())).fields
    assert (made["outcome"], made["stageset"], made["stage"]) == ("1-outcomes", "2-stagesets", "7-stages")
    derived = mapper(context=Context(now_s=IDS.now_s), values=tables).drafts(job())
    assert {("unknown_outcome", "outcome"), ("unknown_stage", "stage")} <= set(causes(derived))
    assert main(derived).fields["custom:Job Status"] == "Awaiting Product"


def test_milestones_are_days_and_a_list() -> None:
    """What happened is a field, what is only estimated is not; the whole list stands beside the deal."""
    derived = MADE.drafts(job())
    assert "custom:Install End Date" not in main(derived).fields
    listed = dict(read_block(beside(derived).fields["body"]))["Milestones"]
    assert "estdate: 2026-10-25 00:00:00" in listed
    assert "enteredby: Lowe, Kim" in listed


def test_milestones_of_reports_have_words_alone() -> None:
    """Where a report tells the name of the step in place of its code, the name serves."""
    made = deal(milestones=[{"datetype": "Completion", "date": "2026-11-02 00:00:00"}, {"datetype": "Measure", "date": "8/7/2026"}])
    assert (made["custom:Completion Date"], made["custom:Measure Date"]) == ("2026-11-02", "2026-08-07")


def test_what_a_milestone_is_called_goes_before_its_code() -> None:
    """Where a tenant's code means something else, its day stands under no other step's name; the code serves where no name is told."""
    day = {"actdate": "2026-08-07 00:00:00"}
    derived = MADE.drafts(job(milestones=[{"mdt_id": "M", "datetype": "Mailing", **day}]))
    assert "custom:Measure Date" not in main(derived).fields
    assert "datetype: Mailing" in dict(read_block(beside(derived).fields["body"]))["Milestones"]
    assert deal(milestones=[{"mdt_id": "Q7", "datetype": " measure ", **day}])["custom:Measure Date"] == "2026-08-07"
    assert deal(milestones=[{"mdt_id": "M", "datetype": "", **day}])["custom:Measure Date"] == "2026-08-07"


@pytest.mark.parametrize("day", ["2206-04-01 00:00:00", "1987-01-01 00:00:00"])
def test_absurd_days_of_milestones_and_contracts_are_told(day: str) -> None:
    """They are written as they stand and flagged; a second day of one step is kept beside the deal."""
    step = {"mdt_id": "S", "datetype": "Start", "actdate": day}
    derived = MADE.drafts(job(milestones=[step, {**step, "actdate": "2026-01-01 00:00:00"}], contractdate=day))
    assert causes(derived) == [("implausible_date", "contractdate"), ("implausible_date", "milestones")]
    assert main(derived).fields["custom:Start Date"] == day[:10]
    assert dict(read_block(beside(derived).fields["body"]))["milestones Start"] == "2026-01-01 00:00:00"


def test_times_at_the_change_of_the_clock_are_told() -> None:
    """An hour that the clock shows twice is read as the first, and flagged."""
    derived = MADE.drafts(job(dateentered="2026-11-01 01:30:00", fold_ambiguous="dateentered"))
    assert main(derived).fields["custom:Original Create Time"] == "2026-11-01T01:30:00-04:00"
    assert causes(derived) == [("ambiguous_time", "dateentered")]


def test_lp_21_the_deal_bears_source_and_native_source() -> None:
    """Both words in one field that splits back, the sub-source alone, and the native source."""
    made = deal(sourcesubdescr="Mail | Spring")
    assert split(made["custom:Lead Source"], " | ") == ("Internet", "Mail | Spring")
    assert (made["custom:Lead Subsource"], made["link:sources"]) == ("Mail | Spring", [Ref("source", "Internet")])
    assert "link:sources" not in deal(source=None, sourcesubdescr=None)


def test_lp_18_the_owner_is_the_rep() -> None:
    """By id where there is one, else by name; his name as written besides."""
    assert deal()["link:owner"] == Ref("rep", "87")
    assert deal(salesrepid="")["link:owner"] == Ref("rep", "Okafor, Ben")
    assert deal()["custom:Original Owner"] == "Okafor, Ben"
    assert "link:owner" not in deal(salesrepid="", rep="", salesrepname="")


def test_a_field_of_a_job_is_nowhere_lost() -> None:
    """Every filled field of the known job stands on the deal, beside it, or is not moved with a reason."""
    derived = MADE.drafts(job(installer2="Crew 9", finco="GreenSky", finmonths="24", productid2="DOR", netamount="14000", totalpaid="5000"))
    text = str([draft.fields for draft in derived.drafts])
    stays = {row.source for one in PAIR.objects if one.source == "job" for row in one.rows if row.target is None}
    values = {**JOB, "installer2": "Crew 9", "finco": "GreenSky", "finmonths": "24", "productid2": "DOR", "totalpaid": "5000"}
    lost = [name for name, value in values.items() if isinstance(value, str) and name not in stays and value[:10] not in text]
    assert lost == []
    assert derived.issues == ()


def test_lp_23_custom_fields_go_by_purpose() -> None:
    """What tells of the work is the deal's, what tells of the customer the person's, by the newest job; each keeps its own as well."""
    jobs = [job(str(n), custom={"HOA Required": "Yes", "Spouse Name": "Ana", "Job Type": "Retrofit"}) for n in range(9)]
    rows = {(one.source, row.source): row for one, row in document(*jobs).rows()}
    assert (rows["job", "custom:HOA Required"].target, rows["job", "custom:Job Type"].target) == ("custom:HOA Required", "custom:Job Type")
    assert rows["job", "custom:Spouse Name"].target == "details"
    assert rows["job", "custom:Spouse Name"].alternatives[0].target == "custom:Spouse Name"
    assert rows["prospect", "job.custom:Spouse Name"].target == "custom:Spouse Name"
    made = mapper(*jobs)
    assert main(made.drafts(prospect(), kin(*jobs))).fields["custom:Spouse Name"] == "Ana"
    assert main(made.drafts(jobs[0])).fields["custom:HOA Required"] == "Yes"


def test_lp_24_types_follow_from_the_values() -> None:
    """Text, number, date, amount and choice by what the values are; one that does not fit is told and kept beside the deal."""
    fixed = {"Sq Ft": "1,250", "Permit Expiration": "8/7/2026", "Estimate Amount": "$9,900.00"}
    custom = [
        {**fixed, "Roof": "Tile" if n % 2 else "Metal", "Remarks": f"n {n}"} for n in range(12)
    ]
    jobs = [job(str(n), custom=each) for n, each in enumerate(custom)]
    families = {need.label: need.family for need in required_fields(document(*jobs)) if need.entity == "leads"}
    wanted = {"Sq Ft": "number", "Permit Expiration": "date", "Estimate Amount": "money", "Roof": "choice", "Remarks": "text"}
    assert wanted.items() <= families.items()
    made = main(mapper(*jobs).drafts(jobs[0])).fields
    assert (made["custom:Permit Expiration"], made["custom:Sq Ft"], made["custom:Estimate Amount"]) == ("2026-08-07", "1250", "9900.00")
    derived = mapper(*jobs).drafts(job("99", custom={"Permit Expiration": "soon", "Roof": "Thatch"}))
    assert {("bad_date", "custom:Permit Expiration"), ("unknown_choice", "custom:Roof")} <= set(causes(derived))
    assert {"Permit Expiration": "soon", "Roof": "Thatch"}.items() <= dict(read_block(beside(derived).fields["body"])).items()


# --------------------------------------------------------------------------------------------------- enquiries


def test_an_enquiry_is_told_on_the_person() -> None:
    """By default it is no deal: a note with all its values, its own time and sender; it says which job is the deal."""
    derived = MADE.drafts(lead(), kin(heirs=("58122",)))
    (note,) = derived.drafts
    assert (note.kind, note.part, note.fields["link:parent"]) == ("notes", "details", Ref("prospect", "418207"))
    assert note.fields["body"].startswith("[2026-07-28 09:41:55 -04:00] Enquiry 603915 in Lead Perfection\n")
    told = dict(read_block(note.fields["body"]))
    assert told["Sales rep"] == "Okafor, Ben - OFFICE"
    wanted = {"Sold": "true", "Verified": "false", "Set by": "Ruiz, Ana", "Promoter": "Internet, Vendor", "Log number": "WEB-7781"}
    assert wanted.items() <= told.items()
    assert derived.yielded_to == "58122"


def test_an_enquiry_of_a_report_shows_its_day() -> None:
    """Reports tell no time of entry."""
    (note,) = MADE.drafts(lead(dateentered=None)).drafts
    assert note.fields["body"].startswith("[2026-07-28 00:00:00 -04:00] Enquiry")


def test_an_enquiry_can_be_an_open_deal_until_a_job_comes() -> None:
    """Where the settings want it, it is a deal with its source, owner, value and day; once a job names it, a note again."""
    made = mapper(unqualified="lead", rule="status is Set|Cnf")
    fields = main(made.drafts(lead(disposition="Set"))).fields
    assert (fields["custom:Streamflow ID"], fields["manualValue"], fields["link:owner"]) == (
        "lp:lead:603915", "14250.00", Ref("rep", "Okafor, Ben"),
    )  # fmt: skip
    assert (fields["link:sources"], fields["custom:Disposition"]) == ([Ref("source", "Internet")], "Set")
    assert [draft.kind for draft in made.drafts(lead(disposition="Set"), kin(heirs=("58122",))).drafts] == ["notes"]
    assert [draft.kind for draft in made.drafts(lead(disposition="NI")).drafts] == ["notes"]


def test_the_map_reads_back() -> None:
    """What is proposed can be written down, read and compiled again."""
    made = document(job("1", custom={"HOA Required": "Yes"}))
    assert from_json(to_json(made), PAIR) == made
    assert main(compile_map(made, PAIR, IDS).drafts(job())).fields["manualValue"] == "14250.00"


def test_what_reports_alone_tell_stands_with_job_and_enquiry() -> None:
    """X-24: the newest note, in plain text, district, manager and financiers with the job; calls, codes and net amount with the enquiry."""
    told = {"district": "North", "manager": "Lowe, Kim", "finco2": "Bank 2", "finco3": "Bank 3", "mostrecentnotehoa": "<b>HOA</b><br>now"}
    lines = dict(read_block(str(beside(MADE.drafts(job(**told))).fields["body"])))
    named = [lines.get(name) for name in ("District", "Manager", "Finance company 2", "Finance company 3", "Most recent note")]
    assert named == ["North", "Lowe, Kim", "Bank 2", "Bank 3", "HOA\nnow"]
    counted = {"numdials": "3", "lastresult": "NA", "lastcalldescr": "No Answer", "netamount": "900", "clq_id": "7", "jobstatus": "Hold"}
    lines = dict(read_block(str(beside(MADE.drafts(lead(**counted))).fields["body"])))
    named = [lines.get(name) for name in ("Times dialed", "Last call result", "Last call", "Net amount", "Call queue")]
    assert named == ["3", "NA", "No Answer", "900", "7"]
    assert "Hold" not in lines.values()
