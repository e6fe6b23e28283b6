"""What the made-up second source becomes: people with much hanging on them, deals of their own, meetings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.errors import ConfigError
from streamflow.mapping.combining import combine, combining_of
from streamflow.mapping.compiled import compile_map
from streamflow.mapping.delimited import join, split
from streamflow.mapping.derived import Context, Derived, Kin
from streamflow.mapping.document import ObjectMap, Row
from streamflow.mapping.document_json import from_json, to_json, validate
from streamflow.mapping.rollups import rolled_up
from streamflow.mapping.schema import NeededField, required_fields
from streamflow.mapping.text import squeeze
from streamflow.model import Draft, Ref

from . import builders
from .blocks import read_block
from .builders import bare_lead, only
from .porch import IDS, PORCH, client, document, inquiry, mapper, quote, scan, visit

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20).map(squeeze)


def deal(derived: Derived) -> Draft:
    """Give the deal of a record."""
    return next(draft for draft in derived.drafts if draft.kind == "leads")


def test_a_client_becomes_a_person() -> None:
    """Address parts, the first number, two labelled ones and what is left, both sources, and a flag."""
    fields = only(mapper().drafts(client()).drafts).fields
    (address,) = fields["addresses"]
    assert address["value"] == {
        "address_1": "118 Palmetto Ct", "address_2": "Apt 4", "city": "Sanford", "state": "FL", "postalCode": "32771",
    }  # fmt: skip
    assert [each["value"] for each in fields["phones"]] == ["+14075550142"]
    assert fields["custom:Additional Phone 1"] == "AltPhone1 (Cell): 4075550199"
    assert fields["custom:Additional Phone 2"] == "AltPhone2: 4075550177"
    assert fields["description"].startswith("[Porch & Sons client c7]\n")
    assert dict(read_block(fields["description"])) == {"Work": "407 555 0155"}
    assert (fields["custom:Address line 2"], fields["custom:Moved from"]) == ("Apt 4", "Porch")
    assert split(fields["custom:Lead Source"], " | ") == ("Internet", "Google | Windows")
    assert fields["custom:Lead Subsource"] == "Google | Windows"
    assert (fields["custom:Lead Flag"], fields["link:owner"]) == ("Lead", Ref("rep", "87"))
    assert "custom:Source System ID" not in fields


def test_what_hangs_on_a_person_shows_on_it() -> None:
    """All numbers of its quotes, the newest one's state and its flag follow from the quotes, in whatever order they come."""
    made = mapper()
    quotes = [quote("q2", made="2026-09-01 08:00:00", state="Dead"), quote("q10", made="2026-01-01 08:00:00"), quote("q1")]
    assert made.kin("client") == ("quote", "inquiry")
    assert made.kin("quote") == ()
    for order in (quotes, quotes[::-1]):
        fields = only(made.drafts(client(), Kin(children={"quote": order})).drafts).fields
        assert fields["custom:Source System ID"] == "q1, q2, q10"
        assert (fields["custom:Newest Quote"], fields["custom:Lead Flag"]) == ("Dead", "Customer")


def test_values_that_are_joined_stay_whole() -> None:
    """A value that holds what stands between joined ones loses no word of itself; the same one comes once."""
    row = Row(source="quote.product", target="custom:Sites", transform="rollup")
    sites = ("12 Elm St, Sanford", "7 Oak St, Sanford", "12 Elm St, Sanford")
    quotes = [quote(f"q{number}", product=site) for number, site in enumerate(sites)]
    assert rolled_up(row, Kin(children={"quote": quotes})) == "12 Elm St, Sanford, 7 Oak St, Sanford"


def test_shared_people_keep_all_source_ids() -> None:
    """Two clients who are one person have the ids of both; the marker stays the head's; blanks are filled."""
    made = mapper()
    one = only(made.drafts(client("c1", town=""), Kin(children={"quote": [quote("q1"), quote("q2")]})).drafts).fields
    two = only(made.drafts(client("c2", email="d@x.org"), Kin(children={"quote": [quote("q2"), quote("q3")]})).drafts).fields
    together = made.combine([one, two])
    assert together["custom:Source System ID"] == "q1, q2, q3"
    assert together["custom:Streamflow ID"] == "po:client:c1"
    assert together["emails"][0]["value"] == "d@x.org"


@pytest.mark.parametrize(("transform", "texts", "together"), [
    ("text", ("12 Long St, Cape Town", "9 Short St, Cape Town"), "12 Long St, Cape Town, 9 Short St, Cape Town"),
    ("text", ("Paris, Paris", "Rome", "Paris, Paris"), "Paris, Paris, Rome"),
    ("rollup", ("12 Elm St, Sanford, 7 Oak St, Sanford", "7 Oak St, Sanford"), "12 Elm St, Sanford, 7 Oak St, Sanford"),
])
def test_people_who_are_one_keep_every_word_that_is_joined(transform: str, texts: tuple[str, ...], together: str) -> None:
    """A value that holds what stands between joined ones comes whole, one that all have comes once."""
    row = Row(source="quote.site", target="custom:Site", transform=transform, params={"combine": "join"})
    how = combining_of(ObjectMap(source="client", destination="contacts", cardinality="n:1", rows=(row,)))
    assert combine([{"custom:Site": text} for text in texts], how) == {"custom:Site": together}


def test_a_quote_is_a_deal_of_its_own() -> None:
    """Name, value, outcome, stage, days and person; what has no field on a deal is a note beside it."""
    derived = mapper().drafts(quote())
    made = deal(derived)
    assert (made.part, made.marker) == ("", "po:quote:q1")
    assert made.fields == {
        "description": "ORL-26-1044 – Windows",
        "custom:Streamflow ID": "po:quote:q1",
        "manualValue": "14250.00",
        "custom:Original created": "2026-07-28",
        "custom:Started": "2026-10-20",
        "link:contacts": [Ref("client", "c7")],
        "link:owner": Ref("rep", "87"),
        "stage": "5-stages",
        "outcome": "1-outcomes",
    }
    (note,) = (draft for draft in derived.drafts if draft.kind == "notes")
    assert (note.part, note.marker, note.fields["link:parent"]) == ("details", "[sf:po:quote:q1:details]", Ref("quote", "q1"))
    assert dict(read_block(note.fields["body"])) == {"Milestones": "code: S; actual: 2026-10-20T00:00:00\ncode: M"}
    assert derived.issues == ()


def test_the_details_of_a_deal_stand_in_a_long_field_where_there_is_room() -> None:
    """The block that the note would hold is a field of the deal, up to the length that is known to be kept; the map names the field."""
    (note,) = (draft for draft in mapper().drafts(quote()).drafts if draft.kind == "notes")
    details = "\n".join(note.fields["body"].split("\n")[1:-1])
    for room, is_field in ((len(details), True), (len(details) - 1, False)):
        derived = mapper(context=replace(IDS, details_field="Porch details", details_max_chars=room)).drafts(quote())
        assert deal(derived).fields.get("custom:Porch details") == (details if is_field else None)
        assert [draft for draft in derived.drafts if draft.kind == "notes"] == ([] if is_field else [note])
    wide = mapper(context=replace(IDS, details_field="Porch details", details_max_chars=len(details)))
    assert len(wide.drafts(quote(steps=[{"code": "S", "actual": "2026-10-20T00:00:00"}, {"code": "\U0001f3e0"}])).drafts) == 2
    need = NeededField(entity="leads", label="Porch details", family="long", optional=True)
    assert required_fields(document(details_field="Porch details"))[-1] == need
    assert need not in required_fields(document())
    assert not any(each.optional for each in required_fields(document(details_field="Started")))
    room = len(required_fields(document()))
    settings = [document(limit=limit, details_field="Porch details").settings["details_field"] for limit in (room, room + 1)]
    assert settings == ["", "Porch details"], "the first to go where the plan has no room"
    assert document(limit=room, details_field="Porch details").objects == document().objects
    assert [fault.split(":")[0] for fault in validate(document(details_field="a/b"), PORCH)] == ["settings.details_field"]


def test_a_deal_loses_neither_lines_nor_issues() -> None:
    """A value that does not fit is told and readable beside the deal; one that no map knows changes nothing."""
    steps = [{"code": "S", "actual": "soon"}]
    derived = mapper().drafts(quote(amount="about 12k", state="Odd", step="Nowhere", steps=steps, extra="z", custom={"New": "n"}))
    made = deal(derived)
    assert {"manualValue", "outcome", "stage", "custom:Started"}.isdisjoint(made.fields)
    kept = dict(read_block(next(draft for draft in derived.drafts if draft.kind == "notes").fields["body"]))
    assert (kept["amount"], kept["state"], kept["step"], kept["steps S"]) == ("about 12k", "Odd", "Nowhere", "soon")
    assert (kept["extra"], kept["New"]) == ("z", "n")
    assert sorted(issue.cause for issue in derived.issues) == [
        "bad_date", "bad_money", "unmapped_field", "unmapped_field", "unmapped_value", "unmapped_value",
    ]  # fmt: skip


def test_value_maps_of_the_settings_rule() -> None:
    """What a person says a value stands for goes before what was shipped; without a pipeline of that name the usual one is used."""
    fields = deal(mapper(values={"quote.state": {"paid": "lost"}, "quote.step": {"ordered": "Field/Measure"}}).drafts(quote())).fields
    assert (fields["outcome"], fields["stageset"], fields["stage"]) == ("2-outcomes", "2-stagesets", "6-stages")
    stuck = deal(mapper(context=replace(IDS, stage_write=False)).drafts(quote(step="Measure"))).fields
    assert (stuck["stageset"], stuck.get("stage")) == ("2-stagesets", None)
    derived = mapper(context=Context()).drafts(quote(step="Measure"))
    assert {issue.cause for issue in derived.issues} == {"unknown_outcome", "unknown_stage"}
    assert "outcome" not in deal(mapper().drafts(quote(state="offered"))).fields


@pytest.mark.parametrize(("step", "place"), [
    ("Site/Survey", ("1-stagesets", "7-stages")),
    ("Field/Site/Survey", ("2-stagesets", "8-stages")),
    ("Field/6-stages", ("2-stagesets", "6-stages")),
    ("Site/Measure", ("3-stagesets", "9-stages")),
    ("Site/Nowhere", ("1-stagesets", None)),
])
def test_names_of_stages_may_hold_a_slash(step: str, place: tuple[str, str | None]) -> None:
    """A stage of the usual pipeline that is called so goes before a pipeline and its stage."""
    stages = {"1-stagesets/site/survey": "7-stages", "2-stagesets/site/survey": "8-stages", "3-stagesets/measure": "9-stages"}
    context = replace(IDS, stagesets={"usual": "1-stagesets", "field": "2-stagesets", "site": "3-stagesets"}, stages=stages)
    made = mapper(context=context, stageset="Usual", values={"quote.step": {"ordered": step}})
    fields = deal(made.drafts(quote())).fields
    assert (fields["stageset"], fields.get("stage")) == place


def test_a_deal_without_a_person_is_held() -> None:
    """A deal whose client is named nowhere has no drafts and a blocking issue; its nesting counts as naming."""
    derived = mapper().drafts(quote(clientid=""))
    assert deal(derived).fields["link:contacts"] == [Ref("client", "c7")]
    lost = mapper().drafts(replace(quote(clientid=""), parent=None))
    assert lost.drafts == ()
    assert [(issue.cause, issue.field, issue.is_blocking) for issue in lost.issues if issue.is_blocking] == [
        ("unknown_parent", "clientid", True)
    ]


def test_an_inquiry_is_a_deal_until_it_is_quoted() -> None:
    """Where open deals are wanted an inquiry is one as long as no quote is; then, or where they are not, its values are a note."""
    fields = deal(mapper(unqualified="lead", rule="always").drafts(inquiry())).fields
    assert (fields["description"], fields["custom:Streamflow ID"]) == ("New windows", "po:inquiry:i1")
    assert (fields["link:contacts"], fields["link:sources"]) == ([Ref("client", "c7")], [Ref("source", "Internet")])
    for settings, heirs in (({}, ()), ({"unqualified": "lead", "rule": "always"}, ("q1", "q2")), ({"unqualified": "lead"}, ("q1",))):
        derived = mapper(**settings).drafts(inquiry(verdict="Hot"), Kin(heirs=heirs))
        (note,) = derived.drafts
        assert (note.kind, note.part, note.fields["link:parent"]) == ("notes", "details", Ref("client", "c7"))
        header, body = note.fields["body"].split("\n", 1)
        assert header == "[2026-07-20 08:00:00 -04:00] Inquiry i1 in Porch & Sons"
        assert dict(read_block(body.rpartition("\n")[0])) == {
            "Wish": "New windows", "Source": "Internet", "Made": "2026-07-20 08:00:00", "Repid": "87",
        }  # fmt: skip
        assert derived.yielded_to == (heirs[0] if heirs else None)
    empty = dict.fromkeys(("wish", "source", "made", "repid"), "")
    assert mapper().drafts(inquiry(**empty)).filtered == "it is no deal of its own, and all its values stand elsewhere"
    told = mapper().drafts(inquiry(**empty), Kin(heirs=("q1",))).filtered
    assert told is not None
    assert told.startswith("quote q1 is the deal")


def test_what_vanished_stays_findable() -> None:
    """A quote that the source shows no more counts for nothing but the list of numbers: its deal is still there."""
    around = Kin(children={"quote": [quote("q1")]}, former={"quote": [quote("q2", made="2026-09-01 08:00:00", state="Dead")]})
    fields = only(mapper().drafts(client(), around).drafts).fields
    assert (fields["custom:Source System ID"], fields["custom:Newest Quote"]) == ("q1, q2", "Paid")
    alone = only(mapper().drafts(client(), Kin(former=around.former)).drafts).fields
    assert (alone["custom:Source System ID"], alone["custom:Lead Flag"]) == ("q2", "Lead")


@pytest.mark.parametrize("day", ["1987-01-01", "2206-01-01"])
def test_absurd_milestones_are_told(day: str) -> None:
    """A day of a step far from our time is written as it stands and told."""
    derived = mapper().drafts(quote(steps=[{"code": "S", "actual": day}]))
    assert deal(derived).fields["custom:Started"] == day
    assert [issue.cause for issue in derived.issues] == ["implausible_date"]


def test_lines_of_an_open_lead_stay_with_its_person() -> None:
    """What only the map of the open lead reads and cannot write is a line and an issue of the person beside it."""
    data = to_json(builders.proposed(unqualified="lead", rule="always"))
    beside = next(one for one in data["objects"] if (one["source"], one["destination"]) == ("lead", "leads"))
    beside["rows"].append({"source": "custom:Worth", "target": "manualValue", "transform": "money_value"})
    person = next(one for one in data["objects"] if one["destination"] == "contacts")
    person["rows"].append({"source": "custom:Worth", "target": None, "not_moved": "on the open lead"})
    made = compile_map(from_json(data, builders.PAIR), builders.PAIR, Context())
    fits = made.drafts(bare_lead("1", name="T", custom={"Worth": "R 12 000"}))
    assert deal(fits).fields["manualValue"] == "12000.00"
    odd = made.drafts(bare_lead("1", name="T", custom={"Worth": "much"}))
    assert dict(read_block(odd.drafts[0].fields["description"])) == {"Worth": "much"}
    assert [issue.cause for issue in odd.issues] == ["bad_money"]


def test_a_visit_is_a_meeting() -> None:
    """Type, true start, an end that is said to be derived, who it is with, and the text."""
    fields = only(mapper().drafts(visit()).drafts).fields
    description = fields.pop("description")
    assert fields == {
        "name": "Appointment – Windows – Ben Okafor",
        "activityType": "3-activityTypes",
        "startTime": 1785877200,
        "endTime": 1785877200 + 5400,
        "isLogged": True,
        "isAllDay": False,
        "link:participants": [Ref("client", "c7"), Ref("rep", "87")],
    }
    head, body = description.split("\n\n", 1)
    assert dict(read_block(head)) == {
        "Summary": "Windows – Ben Okafor",
        "Entered": "2026-08-01 10:00:00 -04:00",
        "End (derived)": "2026-08-04 18:30:00 -04:00, 1 h 30 min after the start",
    }
    assert body == "gate code 1180\n[sf:po:visit:v1]"


def test_a_visit_without_a_client_is_held_and_one_to_come_is_a_note() -> None:
    """An unlinked meeting is not written; a future one is a note, so that nobody is invited."""
    lost = mapper().drafts(visit(clientid=""))
    assert (lost.drafts, [issue.suggestion for issue in lost.issues]) == ((), ["name the client it belongs to"])
    (draft,) = mapper(context=Context(activity_types={"meeting": "3-activityTypes"}, now_s=1)).drafts(visit()).drafts
    assert draft.kind == "notes"
    assert "End (derived)" in draft.fields["body"]


def test_a_file_may_hang_on_a_deal() -> None:
    """The parent of a kind is what the pair says."""
    (draft,) = mapper().drafts(scan()).drafts
    assert draft.fields["link:parent"] == Ref("quote", "q1")
    assert "Archived at: files/q1/s1" in draft.fields["body"]


def test_custom_fields_go_by_purpose() -> None:
    """A deal's fields become the deal's; those that tell of the person go to the person, and each deal keeps its own in its note."""
    odd = [quote(str(n), custom={"HOA Required": "Yes", "Spouse Name": "Ana", "Left": "1,250"}) for n in range(9)]
    made = document(*odd)
    rows = {(one.source, row.source): row for one, row in made.rows()}
    assert rows["quote", "custom:HOA Required"].target == "custom:HOA Required"
    assert rows["quote", "custom:Left"].family == "number"
    stays = rows["quote", "custom:Spouse Name"]
    assert (stays.target, stays.transform) == ("details", "block")
    assert "goes to the client" in stays.reason
    assert stays.alternatives[0].target == "custom:Spouse Name"
    moved = rows["client", "quote.custom:Spouse Name"]
    assert (moved.target, moved.transform, moved.params["pick"]) == ("custom:Spouse Name", "rollup", "newest")
    entities = {(need.entity, need.label) for need in required_fields(made)}
    assert {("leads", "HOA Required"), ("contacts", "Spouse Name")} <= entities
    compiled = compile_map(made, PORCH, IDS)
    fields = only(compiled.drafts(client(), Kin(children={"quote": odd})).drafts).fields
    assert fields["custom:Spouse Name"] == "Ana"
    deal, note = compiled.drafts(quote("10", custom={"Spouse Name": "Eva"})).drafts
    assert "Spouse" not in str(deal)
    assert "Spouse Name: Eva" in note.fields["body"], "what the newest one hides is lost nowhere"
    assert from_json(to_json(made), PORCH) == made


def test_too_many_fields_of_deals_fold_into_the_note() -> None:
    """Where the plan has no room, fields of a deal become lines of its note, since its description is its name."""
    odd = [quote(str(n), custom={"Rare": "x"} if n else {"Rare": "x", "Rarer": "y"}) for n in range(9)]
    free = len(required_fields(document(*odd)))
    tight = document(*odd, limit=free - 2)
    row = next(row for one, row in tight.rows() if row.source == "custom:Rarer")
    assert (row.target, row.transform) == ("details", "block")
    derived = compile_map(tight, PORCH, IDS).drafts(odd[0])
    assert "Rarer: y" in next(draft for draft in derived.drafts if draft.kind == "notes").fields["body"]


@pytest.mark.parametrize(
    ("source", "changes", "words"),
    [
        ("quote.key", {"source": "visits.key"}, "what hangs on client: inquiry, quote, visit"),
        ("quote.key", {"params": {"pick": "best"}}, "params.pick"),
        ("flag", {"params": {"kind": "scan", "then": "x"}}, "do not hang on client"),
        ("more", {"params": {"slot": "1"}}, "params.slot"),
        ("more", {"params": {}}, "needs params.slot"),
        ("zip", {"params": {"part": "postbox"}}, "params.part"),
        ("source", {"params": {"with": "subsource", "delimiter": " "}}, "params.delimiter"),
        ("phone1", {"params": {"combine": "blend"}}, "params.combine"),
    ],
)
def test_rows_that_cannot_work_are_faults(source: str, changes: dict[str, object], words: str) -> None:
    """What a transform needs is asked for when the map is read, not in the middle of a run."""
    data = to_json(document())
    person = next(one for one in data["objects"] if one["source"] == "client")
    row = next(row for row in person["rows"] if row["source"] == source)
    row.update(changes)
    with pytest.raises(ConfigError) as caught:
        from_json(data, PORCH)
    assert words in "\n".join(caught.value.faults)


@pytest.mark.parametrize("values", [{"state": {}}, {"house.state": {}}, {"quote.state": {"Paid": 1}}, {"quote.state": "won"}])
def test_value_maps_are_checked(values: dict[str, object]) -> None:
    """A value map names a field of the source and gives texts."""
    made = document()
    (fault,) = validate(replace(made, settings={**made.settings, "values": values}), PORCH)
    assert fault.startswith("settings.values.")


@given(WORDS, WORDS, st.sampled_from([" | ", " - ", "/", " > ", "; "]))
def test_two_values_in_one_field_come_back(one: str, other: str, delimiter: str) -> None:
    """Whatever two values hold, the delimiter and backslashes too, their field splits back into them, also once blanks were trimmed."""
    text = join(one, other, delimiter)
    assert split(text, delimiter) == (one, other)
    assert split(squeeze(text), delimiter) == (one, other)
