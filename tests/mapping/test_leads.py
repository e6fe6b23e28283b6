"""What leads and companies become."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.errors import InvariantBroken
from streamflow.mapping.companies import Companies, cluster_key
from streamflow.mapping.compiled import compile_map
from streamflow.mapping.derived import Context
from streamflow.mapping.document import MapDocument, ObjectMap, Row
from streamflow.model import Draft, Record, Ref

from .blocks import read_block
from .builders import PAIR, bare_lead, child, lead, mapper, only, proposed


def issues_of(record: Record, **settings: Any) -> dict[str, str]:
    """Give cause -> field of a lead's issues."""
    return {issue.cause: issue.field for issue in mapper(record, **settings).drafts(record).issues}


def person(record: Record, *others: Record, **settings: Any) -> Draft:
    """Give the person's draft of a lead."""
    return only(mapper(record, *others, **settings).drafts(record).drafts)


def test_a_lead_becomes_a_person_with_everything() -> None:
    """Every field of the contract's example arrives where the map says."""
    draft = person(lead())
    assert (draft.kind, draft.part, draft.marker, draft.author) == ("contacts", "", "lt:lead:48213", "27")
    assert draft.fields == {
        "name": "Thandi Mokoena",
        "emails": [{"name": "work", "value": "thandi@example.co.za", "isPrimary": True}],
        "phones": [{"name": "mobile", "value": "+27825550142", "isPrimary": True}],
        "addresses": [{"name": "main", "isPrimary": True, "value": {"address_1": "14 Loop St", "city": "Cape Town", "postalCode": "8001"}}],
        "custom:Streamflow ID": "lt:lead:48213",
        "custom:Lead Source": "Website - Quote form",
        "custom:Lead Status": "Contacted",
        "custom:Group": "Western Cape",
        "custom:Original owner": "Pieter Nel",
        "custom:Original created": "2026-05-11",
        "custom:Original created at": "2026-05-11T09:14:02+02:00",
        "custom:Message": "Quote for 5kW\nplease call",
        "link:owner": Ref("user", "27"),
        "link:accounts": [Ref("company", cluster_key("Karoo Solar"))],
    }


TAGGED = "<b>A</b> &amp; <script>B</script>"
ONE_LINE = ("name", "company", "source", "status", "group", "owner", "address")


def test_what_is_one_line_is_kept_to_the_character() -> None:
    """Names, labels, addresses and custom values of one line are no HTML: every sign of them arrives, also where leads are merged."""
    record = lead(custom={"Suburb": TAGGED, "Message": "<p>Call <b>me</b></p>", "Wish": "one<br>two"}, **dict.fromkeys(ONE_LINE, TAGGED))
    made = mapper(record)
    fields = only(made.drafts(record).drafts).fields
    assert fields["name"] == TAGGED
    assert fields["addresses"][0]["value"] == {"address_1": TAGGED}
    for label in ("Lead Source", "Lead Status", "Group", "Original owner", "Suburb"):
        assert fields[f"custom:{label}"] == TAGGED
    assert (fields["custom:Message"], fields["custom:Wish"]) == ("Call me", "one\ntwo")
    kept = dict(read_block(only(made.merged_notes(record)).fields["body"]))
    assert {kept[name.capitalize()] for name in ONE_LINE} == {kept["Suburb"]} == {TAGGED}
    assert (kept["Message"], kept["Wish"]) == ("Call me", "one\ntwo")


def test_a_value_without_a_field_is_kept_to_the_character() -> None:
    """A value the map has no row for, or that does not fit its field, stands in the description as it was written; a page becomes text."""
    record = bare_lead("7", custom={"Odd": TAGGED, "Wish": "<p>one</p><p>two</p>"}, extra=TAGGED)
    kept = dict(read_block(only(mapper().drafts(record).drafts).fields["description"]))
    assert (kept["Odd"], kept["extra"], kept["Wish"].split()) == (TAGGED, TAGGED, ["one", "two"])


def test_a_company_is_called_as_it_was_written() -> None:
    """Signs that HTML knows are letters in the name of a company and in its spellings."""
    companies = Companies()
    key = companies.add(TAGGED)
    assert key is not None
    (cluster,) = companies.clusters()
    fields = only(mapper().drafts(cluster.record()).drafts).fields
    assert (fields["name"], fields["custom:Original spellings"]) == (TAGGED, TAGGED)


def test_both_readers_give_the_same_owner_and_labels() -> None:
    """A lead that knows ids only and one that knows names only end alike, by the reference data."""
    labels = {
        ("status", "3"): "Contacted",
        ("source", "10452"): "Website - Quote form",
        ("group", "4"): "Western Cape",
        ("user", "27"): "Pieter Nel",
    }
    context = Context(label_of=lambda kind, key: labels.get((kind, key)))
    by_id = only(mapper(context=context).drafts(lead(status="", source="", group="", owner="")).drafts).fields
    assert {name: by_id[f"custom:{name}"] for name in ("Lead Status", "Lead Source", "Group", "Original owner")} == {
        "Lead Status": "Contacted",
        "Lead Source": "Website - Quote form",
        "Group": "Western Cape",
        "Original owner": "Pieter Nel",
    }
    unknown = person(lead(status="", source=None)).fields
    assert (unknown["custom:Lead Status"], unknown["custom:Lead Source"]) == ("Status 3", "Source 10452")
    assert person(lead(userid="", owner="")).fields["link:owner"] == Ref("user", "pieter@example.co.za")
    assert "link:owner" not in person(lead(userid="", owner="", owner_email="null")).fields


def test_several_addresses_of_a_cell_all_arrive() -> None:
    """All valid addresses arrive, the first as primary; what is none is kept as text and told."""
    record = lead(email="A@x.org; b@x.org, nonsense@", number="call after 5")
    fields = person(record).fields
    assert [(item["value"], item["isPrimary"]) for item in fields["emails"]] == [("A@x.org", True), ("b@x.org", False)]
    kept = dict(read_block(fields["description"]))
    assert (kept["E-mail as written"], kept["Number as written"]) == ("A@x.org; b@x.org, nonsense@", "call after 5")
    assert issues_of(record) == {"bad_email": "email", "bad_phone": "number"}
    assert "phones" not in fields


def test_a_number_that_cannot_be_read_arrives_once() -> None:
    """In two source fields the same, as written: one number, and the person has it once."""
    record = lead(number="4155551234", custom={"Alternative number": "4155551234"})
    fields = only(mapper(record).drafts(record).drafts).fields
    assert [item["value"] for item in fields["phones"]] == ["4155551234"]


def test_further_addresses_and_numbers_are_added() -> None:
    """Addresses and numbers of several source fields are all there, once, with one primary; identity knows them all."""
    custom = {"Alternative email": "own@x.org", "Alternative number": "021 555 0100"}
    record = lead(custom=custom)
    made = mapper(record)
    fields = only(made.drafts(record).drafts).fields
    assert [(item["value"], item["isPrimary"]) for item in fields["emails"]] == [("thandi@example.co.za", True), ("own@x.org", False)]
    assert [item["value"] for item in fields["phones"]] == ["+27825550142", "+27215550100"]
    assert fields["custom:Alternative email"] == "own@x.org"
    assert made.person(record).emails == ("thandi@example.co.za", "own@x.org")


def test_bad_values_are_kept_as_text_and_told() -> None:
    """A value that does not fit its typed field is kept in the description and reported with a fix; the record goes on."""
    history = [bare_lead(str(n), custom={"Budget": f"R {n} 000", "Move date": f"2026-01-{n:02d}"}) for n in range(1, 20)]
    record = bare_lead("99", custom={"Budget": "about 12k", "Move date": "soon"}, name="Thandi")
    derived = mapper(*history).drafts(record)
    fields = only(derived.drafts).fields
    assert "custom:Budget" not in fields
    assert dict(read_block(fields["description"])) == {"Budget": "about 12k", "Move date": "soon"}
    assert {(issue.cause, issue.field, issue.is_blocking) for issue in derived.issues} == {
        ("bad_money", "custom:Budget", False),
        ("bad_date", "custom:Move date", False),
    }
    assert all(issue.suggestion for issue in derived.issues)
    assert "about 12k" not in repr(derived.issues)


def test_new_labels_lose_nothing() -> None:
    """A label that drifted later still finds its field; an unknown one is kept and told; tracking stays behind."""
    record = lead(custom={"SURNAME ": "Mokoena", "Brand new": "x\ny", "utm_medium": "cpc"}, brand="z")
    derived = mapper().drafts(record)
    fields = only(derived.drafts).fields
    assert fields["name"] == "Thandi Mokoena"
    assert read_block(fields["description"]) == [("Brand new", "x\ny"), ("brand", "z")]
    assert sorted(issue.field for issue in derived.issues) == ["brand", "custom:Brand new"]


def test_two_values_for_one_field_are_both_kept() -> None:
    """Drifted labels filled with different values: the field has the first, the description the other."""
    spelt = [
        bare_lead("1", custom={"Shoe size": "a"}),
        bare_lead("2", custom={"Shoe  Size": "b"}),
        bare_lead("3", custom={"Shoe size": "a"}),
    ]
    record = bare_lead("9", name="T", custom={"Shoe size": "a", "Shoe  Size": "b"})
    fields = person(record, *spelt).fields
    assert fields["custom:Shoe size"] == "b"
    assert read_block(fields["description"]) == [("Shoe size", "a")]


@pytest.mark.parametrize(
    ("data", "name"), [({"email": "joe.s@x.org"}, "joe.s"), ({}, "Unnamed lead 7"), ({"name": "null"}, "Unnamed lead 7")]
)
def test_nameless_leads_still_exist(data: dict[str, Any], name: str) -> None:
    """A lead without name becomes a person with a name one can click, and it is told."""
    record = bare_lead("7", **data)
    assert person(record).fields["name"] == name
    assert "no_name" in issues_of(record)
    assert mapper().person(record).name == ""


@pytest.mark.parametrize(("text", "is_kept"), [("private", True), ("Thandi Mokoena", True), ("", False), ("N/A", False)])
def test_no_dummy_companies(text: str, is_kept: bool) -> None:
    """A lead without a real company text gives a person only; what was written stays readable."""
    fields = person(lead(company=text)).fields
    assert "link:accounts" not in fields
    assert (dict(read_block(fields.get("description", ""))).get("Company as written") == text) == is_kept


def test_company_decisions_of_the_map_hold() -> None:
    """What a person decided about a company text decides the link."""
    document = proposed()
    decided = MapDocument(
        pair=document.pair, objects=document.objects, settings=document.settings, companies={"Karoo Solar (Pty) Ltd": "none"}
    )
    assert "link:accounts" not in only(compile_map(decided, PAIR, Context()).drafts(lead()).drafts).fields


def test_a_cluster_becomes_an_account() -> None:
    """A company has its commonest name, its marker, and every spelling that was joined."""
    companies = Companies()
    for text in ("Karoo Solar (Pty) Ltd", "KAROO SOLAR", "Karoo Solar (Pty) Ltd"):
        companies.add(text)
    (cluster,) = companies.clusters()
    draft = only(mapper().drafts(cluster.record()).drafts)
    marker = f"lt:company:{cluster.key}"
    assert (draft.kind, draft.marker) == ("accounts", marker)
    assert draft.fields == {
        "name": "Karoo Solar (Pty) Ltd",
        "custom:Streamflow ID": marker,
        "custom:Original spellings": "Karoo Solar (Pty) Ltd\nKAROO SOLAR",
    }


@pytest.mark.parametrize(
    ("data", "custom", "is_open"),
    [
        ({"company": ""}, {}, True),
        ({"company": "private"}, {}, True),
        ({"company": "Acme"}, {}, False),
        ({"company": ""}, {"budget ": "R 5"}, False),
        ({"company": ""}, {"Budget": "null"}, True),
    ],
)
def test_unqualified_leads_become_open_leads_by_rule(data: dict[str, str], custom: dict[str, str], is_open: bool) -> None:
    """No company and no deal intent: a person and an open lead in the chosen pipeline; otherwise a person only."""
    context = Context(stagesets={"web leads": "2-stagesets"}, stages={"2-stagesets/New": "105-stages"})
    made = mapper(context=context, unqualified="lead", stageset="Web leads", stage="new", source_values={"website - quote form": "Website"})
    record = lead(custom=custom, **data)
    drafts = made.drafts(record).drafts
    assert [(draft.kind, draft.part) for draft in drafts] == [("contacts", ""), *([("leads", "lead")] if is_open else [])]
    assert made.is_unqualified(record) is is_open
    if is_open:
        assert drafts[1].marker == "lt:lead:48213:lead"
        assert drafts[1].fields == {
            "description": "Thandi",
            "custom:Streamflow ID": "lt:lead:48213:lead",
            "custom:Lead Status": "Contacted",
            "custom:Original created": "2026-05-11",
            "link:contacts": [Ref("lead", "48213")],
            "link:owner": Ref("user", "27"),
            "link:sources": [Ref("source", "Website")],
            "stageset": "2-stagesets",
            "stage": "105-stages",
        }


@pytest.mark.parametrize(
    ("rule", "holds"), [("status is New|contacted", True), ("status is New", False), ("always", True), ("no email and no phone", False)]
)
def test_rules_are_configuration(rule: str, holds: bool) -> None:
    """The threshold is a rule of the map in words."""
    assert mapper(rule=rule).is_unqualified(lead()) is holds


def test_unknown_pipelines_are_told() -> None:
    """A pipeline the destination has not is told, and the lead is made all the same."""
    derived = mapper(unqualified="lead", stageset="Nowhere", rule="always").drafts(lead())
    assert [issue.cause for issue in derived.issues] == ["unknown_pipeline"]
    assert "stageset" not in derived.drafts[1].fields


def test_a_merged_lead_loses_nothing() -> None:
    """A lead that joins a person leaves a note that holds every value the map moves, with its own marker."""
    draft = only(mapper().merged_notes(lead(key="48215")))
    assert (draft.kind, draft.part, draft.marker) == ("notes", "merged", "[sf:lt:lead:48215:merged]")
    assert draft.fields["link:parent"] == Ref("lead", "48215")
    body = draft.fields["body"]
    assert body.startswith("[2026-05-11 09:14:02 +02:00] ")
    assert body.endswith("\n[sf:lt:lead:48215:merged]")
    kept = dict(read_block(body))
    for name, value in lead().data.items():
        if name not in ("custom", "leadid", "updated"):
            assert kept[name.replace("_", " ").capitalize()] == value
    assert (kept["Surname"], kept["Message"]) == ("Mokoena", "Quote for 5kW\nplease call")
    assert "utm_source" not in kept


def test_ambiguous_times_are_told() -> None:
    """A creation time the clock shows twice is marked."""
    assert issues_of(lead(created="2026-10-25 02:30:00"), zone="Europe/Berlin") == {"ambiguous_time": "created"}


def test_a_map_can_leave_out_and_redirect() -> None:
    """The confirmed map decides: a field that is not moved is nowhere, a redirected one is where the map says."""
    document = MapDocument(
        pair=PAIR.name,
        objects=(
            ObjectMap(
                source="lead",
                destination="contacts",
                cardinality="n:1",
                rows=(
                    Row(source="leadid", target="custom:Streamflow ID", transform="marker"),
                    Row(source="status", target="custom:Stage", transform="reference_text", params={"kind": "status"}),
                    Row(source="number", target=None, transform="none", not_moved="asked for"),
                ),
            ),
        ),
    )
    fields = only(compile_map(document, PAIR, Context()).drafts(lead()).drafts).fields
    assert fields["custom:Stage"] == "Contacted"
    assert "phones" not in fields
    assert "0825550142" not in str(fields)
    assert dict(read_block(fields["description"]))["email"] == "thandi@example.co.za"


def test_unknown_kinds_and_reference_kinds() -> None:
    """Reference records are looked up and not written; a kind the map does not know stops loudly."""
    assert mapper().drafts(child("user")).filtered
    assert PAIR.written == ("company", "lead", "note", "call", "email", "reminder", "attachment")
    with pytest.raises(InvariantBroken):
        mapper().drafts(Record(kind="invoice", key="1", digest="", data={}))


CELL = st.one_of(
    st.none(), st.text(max_size=30), st.sampled_from(["null", "-", "a@x.org", "082 555 0142", "<b>x</b>", "2026-05-11 09:14:02", "@[x]"])
)


@given(
    st.dictionaries(st.sampled_from([name for name in lead().data if name not in ("leadid", "custom")]), CELL),
    st.dictionaries(st.one_of(st.text(max_size=12), st.sampled_from(["Surname", "Message", "utm_x"])), CELL, max_size=4),
)
def test_any_lead_becomes_one_person(data: dict[str, Any], custom: dict[str, Any]) -> None:
    """Whatever is in the cells, a lead becomes one person with a name and its marker, and nothing of it would break a writer."""
    draft = only(MAPPER.drafts(bare_lead("7", custom=custom, **data)).drafts)
    assert draft.fields["name"].strip()
    assert draft.fields["custom:Streamflow ID"] == "lt:lead:7"
    assert "@[" not in str({name: value for name, value in draft.fields.items() if not name.startswith("link:")})
    str(draft.fields).encode("utf-8")
    assert sum(item["isPrimary"] for item in draft.fields.get("emails", [])) <= 1


MAPPER = mapper()


@given(st.permutations(list(lead().data)), st.permutations(["Surname", "Message", "surname", "Odd", "Odder"]))
def test_the_order_of_keys_does_not_show(names: list[str], labels: list[str]) -> None:
    """Two readers that give the same record with its keys in another order get equal drafts, so that nothing is updated for nothing."""
    whole = lead(custom={label: f"x {label}" for label in sorted(labels)}, email="nonsense", number="?").data
    custom = {label: whole["custom"][label] for label in labels}
    shuffled = Record(kind="lead", key="48213", digest="", data={name: custom if name == "custom" else whole[name] for name in names})
    straight = Record(kind="lead", key="48213", digest="", data=whole)
    assert MAPPER.drafts(shuffled).drafts == MAPPER.drafts(straight).drafts
    assert MAPPER.merged_notes(shuffled) == MAPPER.merged_notes(straight)


def test_deriving_is_fast_and_repeatable() -> None:
    """The same record gives equal drafts each time, thousands of them a second."""
    record = lead()
    first = MAPPER.drafts(record)
    started = time.process_time()     # what other programs take is none of it
    assert all(MAPPER.drafts(record) == first for _ in range(300))
    assert (time.process_time() - started) / 300 < 0.003  # generous: some machines are slow
