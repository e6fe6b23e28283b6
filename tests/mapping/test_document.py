"""The map document, its proposal, the schema it needs and what it is judged by."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.errors import ConfigError
from streamflow.mapping.document import MapDocument, digest
from streamflow.mapping.document_json import from_json, read, to_json, validate
from streamflow.mapping.estimate import Pace, compatibility, estimate, grade
from streamflow.mapping.labels import merge_labels
from streamflow.mapping.observe import MAX_DISTINCT, Observation
from streamflow.mapping.proposal import Account, ExistingField, propose
from streamflow.mapping.schema import NeededField, required_fields
from streamflow.model import Record

from .builders import CHILDREN, PAIR, bare_lead, lead, observed, proposed
from .porch import PORCH

TRACKING = ["utm_source", "UTM_Campaign", "gclid", "IP", "IP Address", "Page URL", "fbclid", "user_agent"]


def rows_of(document: MapDocument, source: str) -> list[Any]:
    """Give the rows of a source field of leads into people."""
    one = document.of("lead", "contacts")
    assert one is not None
    return [row for row in one.rows if row.source == source]


def typed_account(records: int = 60) -> Observation:
    """Give what an account with typed custom fields shows."""
    dice = random.Random(3)
    records_seen = (bare_lead(str(n), custom=typed_values(n, dice)) for n in range(records))
    return observed(*records_seen)


def typed_values(n: int, dice: random.Random) -> dict[str, str]:
    """Give the custom fields of one such lead."""
    return {
        "Budget": f"R {dice.randint(1, 90)} 000.00",
        "Move date": f"{dice.randint(1, 28):02d}/05/2026",
        "Panels": str(dice.randint(1, 40)),
        "Roof": dice.choice(["Tile", "Flat", "Zinc"]),
        "Story": "x" * 300,
        "Meter no": f"0{dice.randint(10**8, 10**9 - 1)}",
        "Town": f"town {n}",
        "How Did You Hear About Us" if n % 3 else "How did you hear": f"friend {n}",
    }


def test_every_known_field_has_a_row() -> None:
    """Each field of the source contract has a target or a reason, for every kind, in the shipped template."""
    template = PAIR
    rows: dict[str, set[str]] = {}
    for one in template.objects:
        rows.setdefault(one.source, set()).update(row.source for row in one.rows)
    for kind, data in {**CHILDREN, "lead": lead().data}.items():
        assert {name for name in data if name != "custom"} <= rows[kind], kind
    assert "surname" in rows["lead"]


def test_every_observed_field_has_a_disposition() -> None:
    """Whatever fields an account shows, each has a target or an explicit reason, unknown ones too; the proposal is valid."""
    odd = [bare_lead("7", favourite="tea", custom=dict.fromkeys(("Odd / one", "Lead Source", *TRACKING), "x"))]
    document = propose(PAIR, Account(observation=(seen := observed(*odd))))
    assert validate(document, PAIR, seen.schema()) == []
    assert all(row.target or row.not_moved for _, row in document.rows())
    assert rows_of(document, "favourite")[0].is_low


def test_tracking_fields_stay_behind_with_a_reason() -> None:
    """Advertisement and visitor parameters are not moved by default, say why, and offer the field as an alternative."""
    document = proposed(bare_lead("7", custom=dict.fromkeys(TRACKING, "x")))
    for label in TRACKING:
        (row,) = rows_of(document, f"custom:{label}")
        assert row.target is None
        assert "ledger" in row.not_moved
        assert row.alternatives[0].target


def test_proposal_is_reviewable() -> None:
    """Each proposed pair has confidence, reason and samples; a thin guess is marked low."""
    rare = [bare_lead(str(n), custom={"Common": f"v{n}"}) for n in range(200)] + [bare_lead("900", custom={"Rare": "x"})]
    document = proposed(*rare)
    (common,), (thin,) = rows_of(document, "custom:Common"), rows_of(document, "custom:Rare")
    assert common.samples == ("v0", "v1", "v2")
    assert not common.is_low
    assert thin.is_low
    assert all(row.reason or row.not_moved for _, row in document.rows())


def test_samples_of_nested_values_are_words() -> None:
    """A list of labelled numbers is shown as what it holds, not as the program writes it."""
    seen = Observation(PAIR)
    phones = [{"label": "AltPhone1", "phone": "9042095028", "type": None}, {"label": "AltPhone2", "phone": "8135550100"}]
    seen.add([Record(kind="lead", key="1", data={"altphones": phones}, digest="")])
    assert seen.kinds["lead"]["altphones"].samples == ["AltPhone1 9042095028; AltPhone2 8135550100"]


def test_families_come_from_values() -> None:
    """Dates, money, numbers, choices and long texts are told by their values; numbers with leading zeros are texts."""
    document = propose(PAIR, Account(observation=typed_account()))
    families = {row.source: row.family for row in (document.of("lead", "contacts") or document.objects[0]).rows}
    assert [families[f"custom:{label}"] for label in ("Budget", "Move date", "Panels", "Roof", "Story", "Meter no", "Town")] == [
        "money",
        "date",
        "number",
        "choice",
        "long",
        "text",
        "text",
    ]
    assert rows_of(document, "custom:Roof")[0].params["choices"]


def test_families_follow_the_ways_of_the_account() -> None:
    """The same texts are days, amounts and numbers where the account writes them so, and stay texts where they would be guessed at."""
    texts = [{"Day": f"5/{13 + n}/2026", "Worth": f"$1,{n}50", "Panels": f"1,{n}00"} for n in range(9)]
    for pair, kind, families in ((PORCH, "client", ["date", "money", "number"]), (PAIR, "lead", ["text", "text", "text"])):
        seen = Observation(pair)
        seen.add(Record(kind=kind, key=str(n), digest="", data={"custom": custom}) for n, custom in enumerate(texts))
        assert [seen.fields(kind)[f"custom:{label}"].family for label in ("Day", "Worth", "Panels")] == families


def test_drifted_labels_share_one_field() -> None:
    """Labels that drifted from form to form are one destination field; labels filled together are not joined by likeness."""
    document = propose(PAIR, Account(observation=typed_account()))
    targets = {rows_of(document, f"custom:{label}")[0].target for label in ("How Did You Hear About Us", "How did you hear")}
    assert targets == {"custom:How Did You Hear About Us"}
    assert merge_labels({"Delivery address one": 5, "Delivery address ones": 3}, {("Delivery address one", "Delivery address ones"): 2})[
        "Delivery address ones"
    ] == ("Delivery address ones", 1.0)
    assert merge_labels({"Phone 2": 4, "Phone 3": 3})["Phone 3"][0] == "Phone 3"


def test_drifted_choices_are_one_list() -> None:
    """What either spelling of a label holds is an option of the joined field, so that no value is refused."""
    seen = observed(
        *(bare_lead(str(n), custom={"Roof type": f"kind {n % 3}"} if n % 4 else {"roof  type": f"other {n % 3}"}) for n in range(48))
    )
    document = propose(PAIR, Account(observation=seen))
    (need,) = (need for need in required_fields(document) if need.label == "Roof type")
    assert set(need.choices) == {f"kind {n}" for n in range(3)} | {f"other {n}" for n in range(3)}
    assert "other 1" in rows_of(document, "custom:roof  type")[0].params["choices"]


def test_further_addresses_join_the_person() -> None:
    """A second address in a custom field becomes an address of the person, and stays as it was written besides."""
    rows = rows_of(proposed(bare_lead("1", custom={"Alternative email": "b@x.org"})), "custom:Alternative email")
    assert [row.target for row in rows] == ["emails", "custom:Alternative email"]


def test_the_ladder_prefers_what_exists() -> None:
    """An existing destination field is used: the same label first, then the same words; another type is not forced."""
    existing = [
        ExistingField(entity="contacts", label=label, family=family)
        for label, family in (("Town", "text"), ("MOVE DATE", "date"), ("Panel", "text"), ("Budget", "choice"))
    ]
    document = propose(PAIR, Account(observation=typed_account(), existing=existing))
    (town,), (move,), (budget,) = (rows_of(document, f"custom:{label}") for label in ("Town", "Move date", "Budget"))
    assert (town.target, town.confidence) == ("custom:Town", 0.98)
    assert (move.target, move.confidence) == ("custom:MOVE DATE", 0.92)
    assert budget.confidence <= 0.85
    assert budget.family != "choice" or budget.is_low


def test_round_trip_keeps_everything() -> None:
    """Writing and reading a map changes nothing, its digest included."""
    document = propose(PAIR, Account(observation=typed_account(), companies={"Acme": "none"}))
    assert from_json(to_json(document), PAIR) == document
    assert digest(from_json(to_json(document), PAIR)) == digest(document)


def test_digest_names_behaviour_only() -> None:
    """Samples, confidence and texts do not change the digest; a target, a setting or a decision does."""
    document = proposed()
    one = document.of("lead", "contacts")
    assert one is not None

    def with_row(**changes: Any) -> MapDocument:
        rows = tuple(replace(row, **changes) if row.source == "email" else row for row in one.rows)
        return replace(document, objects=tuple(replace(each, rows=rows) if each is one else each for each in document.objects))

    assert digest(with_row(samples=("x",), confidence=0.1, reason="y")) == digest(document)
    assert digest(replace(document, version=9)) == digest(document)
    assert digest(with_row(target=None, transform="none", not_moved="no")) != digest(document)
    assert digest(replace(document, settings={**document.settings, "unqualified": "lead"})) != digest(document)
    assert digest(replace(document, companies={"Acme": "none"})) != digest(document)


def test_all_faults_are_listed_at_once() -> None:
    """A broken map file gives every fault with its path and a near miss, not just the first."""
    data = copy.deepcopy(to_json(proposed()))
    person = next(place for place, one in enumerate(data["objects"]) if one["destination"] == "contacts")
    rows = data["objects"][person]["rows"]
    rows[3]["transfrom"] = "x"
    rows[4]["family"] = "blob"
    rows[5]["target"] = 7
    data["objects"][0]["cardinality"] = "2:2"
    with pytest.raises(ConfigError) as caught:
        from_json(data, PAIR)
    text = "\n".join(caught.value.faults)
    assert len(caught.value.faults) == 4
    assert f"objects[{person}].rows[3].transfrom" in text
    assert "did you mean 'transform'" in text
    assert caught.value.hint


def test_faults_of_form_and_of_sense_are_told_together() -> None:
    """Wrong form in one row does not hide an unknown target, an unknown field, a missing row or another family elsewhere."""
    data = copy.deepcopy(to_json(proposed()))
    person = next(place for place, one in enumerate(data["objects"]) if one["destination"] == "contacts")
    rows = data["objects"][person]["rows"]
    rows[0]["confidence"], rows[0]["target"] = 7, "nowhere"
    rows[1]["transfrom"] = "x"
    data["objects"][0]["cardinality"] = "2:2"
    data["settings"] = {**data["settings"], "zone": "Mars/Base"}
    rows.append({"source": "custom:Surnam", "target": "custom:X"})
    seen = observed(bare_lead("1", custom={"New field": "x"})).schema()
    text = "\n".join(read(data, PAIR, seen, {"contacts": {"Original created": "text"}})[1])
    for words in ("confidence", "nowhere", "transfrom", "2:2", "zone", "custom:Surnam", "New field", "Original created"):
        assert words in text, (words, text)
    data["objects"][person]["rows"] = 5
    _, faults = read(data, PAIR, seen)
    assert [fault for fault in faults if "without a row" in fault and fault.startswith("lead.")] == [], "told once, as a list that is none"


def test_the_shown_form_is_read() -> None:
    """What the map gate prints as a whole is taken as the document in it; anything else around it is a fault."""
    document = proposed()
    shown = {"digest": digest(document), "state": "proposed", "document": to_json(document)}
    assert from_json(shown, PAIR) == document
    with pytest.raises(ConfigError, match="comment: unknown key"):
        from_json({**shown, "comment": "mine"}, PAIR)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"transform": "emial"}, "did you mean 'emails'"),
        ({"target": "emial"}, "unknown target"),
        ({"target": "phones"}, "cannot fill"),
        ({"target": None, "transform": "none"}, "must give the reason"),
        ({"target": "custom:", "transform": "text"}, "unknown target"),
        ({"target": "custom:X", "transform": "text", "family": "choice", "params": {"choices": 5}}, "params.choices: expected a list"),
        ({"target": "custom:X", "transform": "pair_text", "params": {"with": "x", "delimiter": []}}, "params.delimiter: expected a text"),
        ({"target": "custom:X", "transform": "text", "family": "date", "params": {"date_order": "year"}}, "params.date_order: expected"),
        ({"target": "custom:X", "transform": "text", "family": "money", "params": {"thousands": ";"}}, "params.thousands: expected one of"),
        ({"target": "custom:X", "transform": "text", "family": "money", "params": {"currency": 5}}, "params.currency: expected a text"),
        ({"target": "custom:X", "transform": "reference_id", "params": {"kind": "grop"}}, "the source has no 'grop'; did you mean 'group'"),
        ({"target": "custom:X", "transform": "reference_text", "params": {"kind": ["group"]}}, "the source has no .'group'."),
        ({"target": "custom:X", "transform": "text", "params": {"conflict": "mine"}}, "params.conflict: 'mine' is none of"),
        ({"params": {"conflict": "take"}}, "params.conflict: emails is added to"),
    ],
)
def test_rows_that_cannot_work_are_faults(changes: dict[str, Any], words: str) -> None:
    """A row with an unknown transform or target, or without either target or reason, is refused."""
    data = to_json(proposed())
    row = next(row for one in data["objects"] if one["destination"] == "contacts" for row in one["rows"] if row["source"] == "email")
    row.update(changes)
    with pytest.raises(ConfigError, match=words):
        from_json(data, PAIR)


def test_a_parent_of_a_kind_that_nothing_hangs_on_is_a_fault() -> None:
    """What a row says its parent is of must be a person, company or deal of the source: else every record of it would wait forever."""
    data = to_json(proposed())
    row = next(row for one in data["objects"] for row in one["rows"] if row["transform"] == "parent")
    for kind, words in (("leed", "nothing hangs on records of kind 'leed'; did you mean 'lead'"), ("note", "nothing hangs on .* 'note'")):
        row["params"] = {"kind": kind}
        with pytest.raises(ConfigError, match=rf"params\.kind: {words}"):
            from_json(data, PAIR)
    row["params"] = {"kind": "lead"}
    assert from_json(data, PAIR)


def test_unknown_and_missing_source_fields_are_faults() -> None:
    """A map must cover the observed schema, and may not name fields that nobody has seen."""
    document = proposed()
    seen = observed(bare_lead("1", custom={"New field": "x"})).schema()
    assert any("custom:New field" in fault for fault in validate(document, PAIR, seen))
    data = to_json(document)
    next(one for one in data["objects"] if one["destination"] == "contacts")["rows"].append(
        {"source": "custom:Surnam", "target": "custom:X"}
    )
    assert any("did you mean 'custom:Surname'" in fault for fault in validate(from_json(data, PAIR), PAIR, observed().schema()))
    assert any("text" in fault for fault in validate(document, PAIR, existing={"contacts": {"Original created": "text"}}))


@pytest.mark.parametrize(
    "settings", [{"zone": "Mars/Base"}, {"rule": "feels wrong"}, {"unqualified": "maybe"}, {"colour": "red"}, {"intent_fields": "Budget"}]
)
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    """A setting that means nothing is a fault with its name."""
    (fault,) = validate(replace(proposed(), settings=settings), PAIR)
    assert fault.startswith(f"settings.{next(iter(settings))}")


def test_required_fields_cover_the_map() -> None:
    """The schema phase gets every custom field with family and choices, each once; open leads only when they are made."""
    document = propose(PAIR, Account(observation=typed_account()))
    needed = required_fields(document)
    assert len({(need.entity, need.label) for need in needed}) == len(needed)
    by_label = {(need.entity, need.label): need for need in needed}
    for entity, label, family in (
        ("accounts", "Streamflow ID", "text"),
        ("contacts", "Streamflow ID", "text"),
        ("contacts", "Lead Status", "text"),
        ("contacts", "Lead Source", "text"),
        ("contacts", "Original created", "date"),
        ("contacts", "Original owner", "text"),
        ("contacts", "Original created at", "text"),
        ("contacts", "Budget", "money"),
    ):
        assert by_label[entity, label] == NeededField(entity=entity, label=label, family=family)
    assert set(by_label["contacts", "Roof"].choices) == {"Tile", "Flat", "Zinc"}
    assert not any(need.entity == "leads" for need in needed)
    with_leads = replace(document, settings={**document.settings, "unqualified": "lead"})
    assert any(need == NeededField(entity="leads", label="Streamflow ID", family="text") for need in required_fields(with_leads))


def test_too_many_fields_fold_into_the_description() -> None:
    """Where the plan allows fewer fields, the least filled ones become labelled lines; what streamflow needs stays."""
    free = propose(PAIR, Account(observation=typed_account()))
    limit = len(required_fields(free)) - 3
    tight = propose(PAIR, Account(observation=typed_account(), custom_field_limit=limit))
    assert len(required_fields(tight)) == limit
    folded = [row for _, row in tight.rows() if row.transform == "block"]
    assert len(folded) >= 3
    assert all(row.source.startswith("custom:") and str(limit) in row.reason for row in folded)
    assert validate(tight, PAIR) == []


def test_observation_is_bounded_and_resumable() -> None:
    """Any number of values costs bounded memory, and counting goes on from what was kept."""
    seen = Observation(PAIR)
    seen.add(bare_lead(str(n), custom={"Town": f"town {n}" * 50}) for n in range(MAX_DISTINCT * 3))
    town = Observation.from_json(seen.to_json(), PAIR).fields("lead")["custom:Town"]
    assert len(town.distinct) == MAX_DISTINCT
    assert town.is_capped
    assert (town.count, town.filled, len(town.samples)) == (MAX_DISTINCT * 3, MAX_DISTINCT * 3, 3)
    assert max(map(len, town.distinct)) <= 120


def test_proposals_are_deterministic() -> None:
    """The same account gives the same map, so that its digest means something."""
    one, other = (propose(PAIR, Account(observation=typed_account())) for _ in range(2))
    assert to_json(one) == to_json(other)


def test_compatibility_is_counted_from_the_map() -> None:
    """The summary and its tags equal an independent count."""
    document = proposed()
    summary = compatibility(document)
    tags = [one.cardinality for one in document.objects]
    assert summary.text() == f"{sum(tag != 'reference-only' for tag in tags)} of {len(tags)} objects"
    assert {tag: tags.count(tag) for tag in set(tags)} == {tag: count for tag, count in summary.tags.items() if count}
    assert summary.rows == sum(len(one.rows) for one in document.objects)


def test_grades_fall_with_size_and_constraints() -> None:
    """More records and more that the destination cannot do never give a better grade."""
    document = proposed()
    easy, hard = grade(document, 5_000, 0), grade(document, 5_000_000, 12)
    assert easy.letter < hard.letter
    assert easy.volume == 1.0


@given(st.integers(0, 3_000_000), st.integers(1, 500))
def test_estimates_follow_the_counts(leads: int, multi_get: int) -> None:
    """One write a record plus shared reads, whatever the counts; more than two million asks for an override."""
    found = estimate(proposed(), PAIR, {"lead": leads}, Pace(multi_get=multi_get)) if leads else estimate(proposed(), PAIR, {}, Pace())
    assert leads <= sum(found.destination_calls.values()) <= 2 * leads + 1
    assert found.needs_override == (leads > 2_000_000)


def test_estimates_come_from_counts_and_pace() -> None:
    """Calls and hours come from counts and pace alone; kinds asked per parent take a call each, derived ones none."""
    counts = {"lead": 1_000, "company": 100, "note": 500}
    found = estimate(
        proposed(unqualified="lead"),
        PAIR,
        counts,
        Pace(child_streams=("note",)),
        unqualified=120,
    )
    assert found.source_calls == {"lead": 10, "note": 1_000}
    assert found.destination_calls == {"company": 102, "lead": 1_020, "note": 510, "open lead": 123}
    assert found.hours == pytest.approx(max(1_010 / 3600, 1_755 / 10 / 3600))
