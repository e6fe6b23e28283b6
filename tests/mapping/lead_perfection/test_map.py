"""The map itself: every field has a place or a reason, the proposal is valid, and an account with fields nobody foresaw has a map too."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import pytest

from streamflow.mapping.catalogue import DOCUMENTS
from streamflow.mapping.document_json import validate
from streamflow.mapping.pair import Role
from streamflow.mapping.schema import required_fields
from streamflow.mapping.uplinks import uplinks_of
from streamflow.platforms.spec_toml import load

from .account import PAIR, REFERENCES, document, job, mapper, note, observed, prospect, reference


def test_every_field_that_is_read_has_a_place_or_a_reason() -> None:
    """The map has a row for every field that the readers know, so that an account of known fields has no unknown ones."""
    spec = load(files("streamflow.platforms.leadperfection").joinpath("streams.toml").read_text(encoding="utf-8"), {})
    mended = {"altphone1", "altphone1type", "altphone2", "altphone2type", "altphone3", "altphone3type"}     # made into altphones
    taken_in = {f"productid{n}" for n in ("", *range(1, 6))} | {f"gsa{n}" for n in range(1, 6)}         # made into products, gsas
    for kind, stream in spec.streams.items():
        known = {row.source for one in PAIR.objects if one.source == kind for row in one.rows}
        made = mended if kind == "prospect" else taken_in if kind == "appointment" else set()
        assert set(stream.fields) - known - made == set(), kind


def test_the_proposal_is_valid_and_covers_what_was_seen() -> None:
    """What is proposed for observed records has no fault, and no field of theirs is without a row."""
    made = document()
    assert validate(made, PAIR, observed().schema()) == []
    assert {one.source for one in made.objects} == set(PAIR.order)


def test_an_account_with_unknown_fields_has_a_map() -> None:
    """Unknown fields of jobs become fields of the deal, unknown ones elsewhere labelled lines, and all of it is valid."""
    odd = [job(str(n), custom={"Crew Color": "red", "Attic R/Value": "R38"}, zone="7") for n in range(9)]
    strange = (*odd, prospect("2", loyalty="gold"), note("5", mood="good"), reference("rep"))
    made = document(*strange)
    assert validate(made, PAIR, observed(*strange).schema()) == []
    rows = {(one.source, row.source): row for one, row in made.rows()}
    assert rows["job", "custom:Crew Color"].target == "custom:Crew Color"
    assert rows["job", "custom:Attic R/Value"].target == "custom:Attic R Value"
    assert (rows["job", "zone"].target, rows["prospect", "loyalty"].target) == ("details", "description")
    assert (rows["note", "mood"].target, rows["note", "mood"].is_low) == ("body", True)
    assert "gold" in str(mapper(*strange).drafts(prospect(loyalty="gold")))


def test_lp_28_and_31_the_fields_of_the_promise_are_in_the_schema() -> None:
    """All are there with their types before the first record, on person and deal, and the fields of the trade on the deal."""
    made = document(*(job(str(n), custom={"Job Type": "Retrofit"}) for n in range(9)))
    need = {(each.entity, each.label): each.family for each in required_fields(made)}
    texts = ("Lead Source", "Lead Subsource", "Additional Phone 1", "Additional Phone 2", "Source System ID")
    assert {need["contacts", label] for label in texts} == {"text"}
    assert (need["contacts", "Original Create Date"], need["leads", "Original Create Date"]) == ("date", "date")
    assert (need["leads", "Source System ID"], need["leads", "Job Type"]) == ("text", "text")


def test_lp_25_26_and_47_what_stays_behind_is_said() -> None:
    """Scheduling, workflows and payments are out of scope with what is done instead, and rules have lines to fill in."""
    said = " ".join(PAIR.out_of_scope)
    names = ("sales rep scheduling", "workflows", "payments", "e-mails", "documents", "notes written to a job", "users: never created")
    for words in names:
        assert words in said
    assert {"lead routing", "assignment rule", "follow-up trigger"} <= {rule.type for rule in PAIR.blank_rules}
    assert {one.source for one in PAIR.objects if one.destination == DOCUMENTS} == {"code", "origin", "schedule"}
    assert {"automations", "deal-values", "lead-sources", "appointment-history", "quality-score"} <= set(PAIR.reports)


def test_reference_kinds_are_looked_up_and_not_written() -> None:
    """Reps, sources, statuses, codes and the timetable end with a reason."""
    made = mapper()
    for kind in REFERENCES:
        assert made.drafts(reference(kind)).filtered == "looked up, not written"


def test_lp_19_every_kind_with_a_rep_is_at_the_owner_gate() -> None:
    """Enquiries, jobs, appointments, notes and calls name owners or authors, best first."""
    assert PAIR.owned == ("lead", "job", "appointment", "note", "call")
    assert PAIR.of("job").owner[0] == "salesrepid"


def test_lp_33_the_sample_spans_all_of_them() -> None:
    """Every kind that is written has strata of fields that its readers know."""
    for kind in PAIR.written:
        known = {row.source for one in PAIR.objects if one.source == kind for row in one.rows}
        strata = {name.rstrip("?") for names in PAIR.of(kind).strata for name in names.split("|")}
        assert strata
        assert strata - known <= {"custom"}, kind


def test_parents_follow_their_children() -> None:
    """Enquiries, jobs and appointments reopen the person they show on; a job reopens the enquiry it takes the place of."""
    found = uplinks_of(document(), PAIR)
    assert set(found.parents) == {"lead", "job", "appointment"}
    assert found.yielding == {"job": (("lead", "lds_id"),)}
    assert PAIR.in_role(Role.DEAL) == ("lead", "job")


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"delimiter": " "}, "params.delimiter"), ({"pick": "best"}, "params.pick")],
)
def test_roll_ups_that_cannot_work_are_faults(changes: dict[str, object], words: str) -> None:
    """What a row of the map cannot do is said when it is read."""
    made = document()
    objects = tuple(
        replace(one, rows=tuple(replace(row, params={**row.params, **changes}) if row.source == "lead.source" else row for row in one.rows))
        for one in made.objects
    )
    (fault,) = validate(replace(made, objects=objects), PAIR)
    assert words in fault


def test_what_a_tenant_made_up_is_to_be_looked_at() -> None:
    """Outcome, stage and the days of milestones go by codes of the tenant's own: a person is asked to look before the map is confirmed."""
    low = {(one.source, row.target) for one, row in document().rows() if row.is_low}
    days = ("Ready", "Measure", "Ordered", "Permit", "Start", "Install End", "Completion")
    assert low >= {("job", "outcome"), ("job", "stage"), *(("job", f"custom:{day} Date") for day in days)}
