"""The Nutshell dialect by table: flags, ids, answers, bodies, patches, comparison, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.errors import (
    AccessRefused,
    ConfigError,
    InvariantBroken,
    NotFound,
    PlanLimit,
    ProtocolMismatch,
    RecordRejected,
)
from streamflow.model import Ref, Verdict
from streamflow.platforms.destination import FieldSpec
from streamflow.platforms.nutshell.dialect import (
    bodies,
    compare,
    definitions,
    envelope,
    events,
    ids,
    marks,
    parts,
    patch,
    records,
    refusals,
)
from streamflow.platforms.nutshell.flags import PATH_UNDER_CUSTOM, Flags
from streamflow.wire.message import Response
from streamflow.wire.verdict import CallVerdict, Outcome

FLAGS = Flags()
E, N, D = Verdict.EQUAL, Verdict.NORMALISED, Verdict.DIFFERS


# --- flags


def test_flags_read_their_own_json() -> None:
    """What is stored with a run gives the same flags again, remarks are passed over."""
    flags = FLAGS.with_(
        {"search_lag_s": 3, "cf_type_map": {"leads": {"text": ["Text"]}}, "multi_get_kinds": {"notes": 1}, "_reasons": {"x": "y"}}
    )
    assert Flags().with_(flags.as_json()) == flags
    assert flags.cf_type_map["leads"]["text"] == ("Text",)
    assert flags.cf_type_map["leads"]["date"] == ("Date",)
    assert (flags.multi_get("notes"), flags.multi_get("leads")) == (1, 50)


def test_all_faults_of_flags_are_told_at_once() -> None:
    """Unknown names and bad values are listed together."""
    bad = {
        "nonsense": 1,
        "search_lag_s": -1,
        "multi_get_max": 0,
        "impersonation": "yes",
        "cf_patch_path": "/x",
        "lead_stage_write": "maybe",
        "activity_participants": "users",
        "cf_type_map": {"notes": {}},
    }
    with pytest.raises(ConfigError) as caught:
        FLAGS.with_(bad)
    assert len(caught.value.faults) == len(bad)
    for endless in (float("nan"), float("inf"), 10**400):
        with pytest.raises(ConfigError, match="search_lag_s"):
            FLAGS.with_({"search_lag_s": endless})


# --- ids, envelope


def test_ids_in_both_forms() -> None:
    """Full ids and bare integers become full ids; nonsense does not."""
    assert [ids.full_id(v, "contacts") for v in ("5-contacts", 5, "5", "5-", "x", None, True)] == [
        "5-contacts",
        "5-contacts",
        "5-contacts",
        None,
        None,
        None,
        None,
    ]
    assert ids.rpc_entity("7-activityTypes") == {"entityType": "Activity_Types", "id": 7}
    assert ids.from_rpc_entity({"entityType": "Milestones", "id": "9"}) == "9-stages"
    with pytest.raises(ValueError, match="id"):
        ids.number_of("nonsense")


@pytest.mark.parametrize(
    "answer",
    [
        {"meta": {}, "contacts": [{"id": "5-contacts"}]},
        [{"id": "5-contacts"}],
        {"id": "5-contacts"},
        {"contacts": {"id": "5-contacts"}},
        {"Contacts": [{"id": "5-contacts"}]},
    ],
)
def test_answers_in_any_wrapping(answer: Any) -> None:
    """Plural key, else array, else object."""
    assert envelope.made_id(answer, "contacts") == "5-contacts"


@pytest.mark.parametrize(
    "answer", [None, {}, {"errors": []}, "text", {"contacts": []}, {"contacts": [{"id": 1}, {"id": 2}]}, {"contacts": [7]}]
)
def test_an_answer_without_one_id_confirms_nothing(answer: Any) -> None:
    """A create whose answer names no single record is not confirmed."""
    assert envelope.made_id(answer, "contacts") is None


# --- bodies


def test_the_body_of_a_contact() -> None:
    """Labels, parts of addresses, custom fields by name, ids in links; nothing empty, no name parts."""
    body = bodies.create_body(
        "contacts",
        {
            "name": "Nia Okafor",
            "firstName": "Nia",
            "jobTitle": "Boss",
            "phones": [{"value": "+27825550101", "isPrimary": True}],
            "emails": [],
            "addresses": [{"name": "", "value": {"city": "Paarl", "state": "", "timezone": "x"}}],
            "custom:Streamflow ID": "lt:lead:1",
            "custom:Empty": "",
            "custom:Tags": ["a", "b"],
            "link:accounts": ["3-accounts"],
            "link:owner": "1-users",
            "link:tags": [],
        },
        FLAGS,
    )
    assert body == {
        "contacts": [
            {
                "name": "Nia Okafor",
                "phones": [{"isPrimary": True, "name": "phone", "value": "+27825550101"}],
                "addresses": [{"isPrimary": False, "name": "address", "value": {"city": "Paarl"}}],
                "customFields": {"Streamflow ID": "lt:lead:1", "Tags": ["a", "b"]},
                "links": {"accounts": ["3-accounts"], "owner": "1-users"},
            }
        ]
    }


@pytest.mark.parametrize(
    ("kind", "fields", "flags", "where", "expected"),
    [
        ("leads", {"description": "x", "dueTime": 5, "link:contacts": ["1-contacts"]}, {}, ("leads", 0, "dueTime"), {"timestamp": 5}),
        (
            "leads",
            {"description": "x", "dueTime": 5, "link:contacts": ["1-contacts"]},
            {"lead_due_form": "string"},
            ("leads", 0, "dueTime"),
            "5",
        ),
        ("leads", {"link:owner": "1-teams", "link:accounts": ["1-accounts"]}, {}, ("leads", 0, "links"), {"accounts": ["1-accounts"]}),
        ("notes", {"body": "b", "link:parent": "1-leads"}, {}, ("data",), {"body": "b", "links": {"parent": "1-leads"}}),
        ("tasks", {"title": "t", "dueTime": 7}, {}, (), {"title": "t", "dueTime": "7", "links": {}}),
        ("tasks", {"title": "t"}, {"task_body_form": "tasks"}, ("tasks", 0), {"title": "t", "links": {}}),
        ("tasks", {"title": "t"}, {"task_body_form": "data"}, ("data",), {"title": "t", "links": {}}),
        (
            "activities",
            {"name": "a", "link:participants": ["1-users", "2-leads", "1-users"]},
            {"activity_participants": ["users"]},
            ("activities", 0, "links"),
            {"participants": ["1-users"]},
        ),
        (
            "contacts",
            {"name": "x", "phones": [{"value": "+27"}]},
            {"phone_value_form": "object"},
            ("contacts", 0, "phones", 0, "value"),
            {"number": "+27"},
        ),
    ],
)
def test_forms_follow_the_flags(kind: str, fields: dict[str, Any], flags: dict[str, Any], where: tuple[Any, ...], expected: Any) -> None:
    """Each flag decides the form of its part of a body."""
    body: Any = bodies.create_body(kind, fields, FLAGS.with_(flags))
    for step in where:
        body = body[step]
    assert body == expected


def test_what_cannot_be_made_is_refused_before_sending() -> None:
    """A lonely lead, an overlong note, an unknown kind, an unresolved link."""
    for kind, fields in (("leads", {"description": "x"}), ("notes", {"body": "x" * 30_001}), ("users", {})):
        with pytest.raises(RecordRejected):
            bodies.create_body(kind, fields, FLAGS)
    with pytest.raises(InvariantBroken):
        bodies.create_body("notes", {"body": "x", "link:parent": Ref("lead", "1")}, FLAGS)


# --- patches


def test_patch_grammar() -> None:
    """Constant 0, trailing dash to add, id to remove, whole lists, escaped names, native before custom before links."""
    changes = {
        "custom:A/B~C": "v",
        "link:accounts": ["2-accounts", "3-accounts"],
        "description": None,
        "dueTime": 9,
        "link:owner": "1-users",
        "link:tags": ["5-tags"],
    }
    groups = patch.patch_groups("leads", changes, {"link:accounts": ["1-accounts", "2-accounts"], "link:tags": ["5-tags"]}, FLAGS)
    assert [operation for _, operations in groups for operation in operations] == [
        {"op": "replace", "path": "/leads/0/description", "value": None},
        {"op": "replace", "path": "/leads/0/dueTime", "value": {"timestamp": 9}},
        {"op": "replace", "path": "/leads/0/A~1B~0C", "value": "v"},
        {"op": "add", "path": "/leads/0/links/accounts/-", "value": "3-accounts"},
        {"op": "remove", "path": "/leads/0/links/accounts/1-accounts"},
        {"op": "replace", "path": "/leads/0/links/owner", "value": "1-users"},
    ]
    other = patch.patch_groups("leads", {"custom:X": ""}, {}, FLAGS.with_({"cf_patch_path": PATH_UNDER_CUSTOM}))
    assert other == [("custom:X", [{"op": "replace", "path": "/leads/0/customFields/X", "value": ""}])]
    with pytest.raises(RecordRejected):
        patch.patch_groups("leads", {"link:nonsense": ["1-x"]}, {}, FLAGS)


def test_a_whole_name_goes_before_its_parts() -> None:
    """Writing the name splits it anew, so the parts are written after it."""
    groups = patch.patch_groups("contacts", {"lastName": "b", "name": "a b", "firstName": "a"}, {}, FLAGS)
    assert next(field for field, _ in groups) == "name"


# --- reading


def test_reading_loose_shapes() -> None:
    """Text or number times, bare or wrapped links, amounts, split participants: all come out flat."""
    lead = records.flat(
        "leads",
        {
            "name": "Roof",
            "value": {"amount": "5.00", "currency": "USD"},
            "dueTime": {"timestamp": 7},
            "links": {"owner": ["1-users"], "contacts": [{"id": "2-contacts"}], "stage": "3-stages", "tags": []},
        },
    )
    assert lead == {
        "description": "Roof",
        "manualValue": "5.00",
        "dueTime": 7,
        "stage": "3-stages",
        "link:owner": "1-users",
        "link:contacts": ["2-contacts"],
    }
    activity = records.flat(
        "activities",
        {
            "name": "Call",
            "agenda": "text",
            "startTime": "100",
            "isLogged": False,
            "links": {"activityType": "1-activityTypes", "users": ["1-users"], "contacts": ["2-contacts"], "leads": None},
        },
    )
    assert activity == {
        "name": "Call",
        "description": "text",
        "startTime": 100,
        "isLogged": False,
        "activityType": "1-activityTypes",
        "link:participants": ["2-contacts", "1-users"],
    }
    contact = records.flat("contacts", {"name": "N", "emails": "odd", "phones": [{"value": {"number": "5", "E164": None}}], "links": None})
    assert contact == {"name": "N", "phones": [{"name": "", "value": "5", "isPrimary": False}]}
    assert records.flat("notes", {"body": "b", "links": {"leads": ["4-leads"]}})["link:parent"] == "4-leads"
    assert records.flat("notes", {"body": "b", "createdTime": "1e999"}) == {"body": "b"}


def test_custom_values_in_any_shape() -> None:
    """Maps, definitions with values, money objects and lists come out as text; empty ones are left out."""
    listed = [
        {"title": "A", "value": "x"},
        {"name": "B", "value": {"amount": "1.50", "currency": "USD"}},
        {"title": "C", "value": None},
        {"title": "D", "value": [{"value": "p"}, "q"]},
        {"title": "E", "value": 7},
    ]
    assert parts.customs_from_wire(listed) == {"custom:A": "x", "custom:B": "1.50", "custom:D": ["p", "q"], "custom:E": "7"}
    assert parts.customs_from_wire({"A": "x", "B": ""}) == {"custom:A": "x"}


# --- comparison


@pytest.mark.parametrize(
    ("field", "expected", "actual", "verdict"),
    [
        ("name", "Nia", "Nia", E),
        ("name", "Nia  Okafor ", "Nia Okafor", N),
        ("name", "Nia", "nia", D),
        ("description", "", None, E),
        ("description", "a\r\nb ", "a\nb", N),
        ("description", " ", None, N),
        ("body", "a < b", "a &lt; b", N),
        ("body", "a", "b", D),
        ("phones", [{"value": "+27825550101"}], [{"value": "082 555 0101"}], N),
        ("phones", [{"value": "call me"}], [{"value": "Call me "}], N),
        ("phones", [{"value": "+27825550101"}], [{"value": "+27825550102"}], D),
        ("phones", [{"value": "+27825550101"}], [], D),
        ("phones", [{"value": "123"}], [{"value": "4123"}], D),
        ("phones", [{"value": "+27825550101"}], [{"value": "25550101"}], D),
        ("phones", [{"value": "+27825550101"}], [{"value": "5550101"}], D),
        ("phones", [{"value": "+27825550101"}], [{"value": "+825550101"}], D),
        ("phones", [{"value": "+18765550101"}], [{"value": "(876) 555-0101"}], N),
        ("emails", [{"value": "A@x.test"}], [{"value": "a@X.test"}], N),
        ("emails", [{"value": "a@x"}], [{"value": "a@x"}, {"value": "b@x"}], N),
        ("emails", [{"value": "a@x"}, {"value": "b@x"}], [{"value": "a@x"}], D),
        ("emails", [{"value": "a@x"}, {"value": "A@x"}], [{"value": "a@x"}], D),
        ("emails", [{"value": "a@x", "isPrimary": True}], [{"value": "a@x"}, {"value": "b@x", "isPrimary": True}], D),
        ("phones", [{"value": "+27825550101"}], [{"value": "+27825550101"}, {"value": "+27825550102"}], N),
        ("addresses", [{"value": {"city": "Paarl"}}], [{"value": {"city": "Paarl"}}, {"value": {"city": "Worcester"}}], N),
        ("urls", [{"value": "x.test"}], [{"value": "x.test"}, {"value": "y.test"}], N),
        (
            "emails",
            [{"value": "a@x", "isPrimary": True}, {"value": "b@x", "isPrimary": False}],
            [{"value": "b@x", "isPrimary": True}, {"value": "a@x", "isPrimary": False}],
            D,
        ),
        ("addresses", [{"value": {"city": "Paarl"}}], [{"value": {"city": "paarl ", "state": None}}], N),
        ("addresses", [{"value": {"city": "Paarl"}}], [{"value": {"city": "Paarl", "state": "WC"}}], D),
        ("urls", [{"value": "https://x.test/"}], [{"value": "https://x.test"}], N),
        ("link:accounts", ["1-accounts"], ["2-accounts", "1-accounts"], N),
        ("link:accounts", ["1-accounts"], ["2-accounts"], D),
        ("link:accounts", ["1-accounts", "2-accounts"], ["2-accounts", "1-accounts"], E),
        ("link:owner", "1-users", "2-users", D),
        ("dueTime", 5, "5", N),
        ("startTime", 5, 6, D),
        ("manualValue", "12500.5", "12500.50", N),
        ("manualValue", "1", "2", D),
        ("isLogged", True, True, E),
        ("isLogged", False, None, E),
        ("isLogged", True, False, D),
        ("custom:Money", "123.5", "123.50", N),
        ("custom:Id", "007", "7", D),
        ("custom:When", "2026-02-01", "2026-02-01T00:00:00+00:00", N),
        ("custom:When", "2026-02-01", "2026-02-02T00:00:00Z", D),
        ("custom:At", "2026-02-01T10:00:00+02:00", "2026-02-01T08:00:00Z", N),
        ("custom:At", "2026-13-01 10:00", "2026-14-01 10:00", D),
        ("custom:At", "0000-00-00 00:00:00", "0000-00-00  00:00:00", N),
        ("custom:Many", ["a", "b"], ["b", "a"], N),
        ("custom:Many", ["a"], "a", N),
        ("custom:Many", ["a", "b"], ["a"], D),
        ("custom:Text", "x", None, D),
        ("custom:Text", None, "x", D),
    ],
)
def test_comparison(field: str, expected: Any, actual: Any, verdict: Verdict) -> None:
    """Each field is judged after the platform's own normalisation, and no further."""
    assert compare.compare("contacts", field, expected, actual) is verdict


_TEXT = st.text(max_size=20)
_ITEMS = st.lists(st.fixed_dictionaries({"value": _TEXT, "name": _TEXT, "isPrimary": st.booleans()}), max_size=4)


@given(field=st.sampled_from(["name", "body", "emails", "phones", "custom:X", "manualValue", "link:owner"]), value=_TEXT | _ITEMS)
def test_everything_equals_itself(field: str, value: Any) -> None:
    """Comparing a value with itself never differs, whatever it is."""
    assert compare.compare("contacts", field, value, value) is E


@given(items=_ITEMS, dice=st.randoms())
def test_order_does_not_count(items: list[dict[str, Any]], dice: Any) -> None:
    """A shuffled list of e-mails or phones is the same list."""
    shuffled = list(items)
    dice.shuffle(shuffled)
    for field in ("emails", "phones"):
        assert compare.compare("contacts", field, items, shuffled) in (E, N)


# --- markers, definitions, events


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("text\n[sf:lt:note:1]", True),
        ("text\n[sf:lt:note:1]\n\n ", True),
        ("[sf:lt:note:1]\ntext", False),
        ("text\n[sf:lt:note:12]", False),
        ("text [sf:lt:note:1]", False),
        (None, False),
    ],
)
def test_markers_are_the_whole_last_line(body: str | None, expected: bool) -> None:
    """A marker counts only as the last line, whole."""
    assert marks.carries("notes", {"body": body}, "[sf:lt:note:1]") is expected
    assert marks.carries("contacts", {"custom:Streamflow ID": "lt:lead:1"}, "lt:lead:1")
    assert not marks.carries("contacts", {"custom:Streamflow ID": "lt:lead:12"}, "lt:lead:1")


def test_definitions_are_compared_by_family() -> None:
    """Text and long text are alike, a number may live in text, others must match; choices must be there."""
    held = definitions.spec_of("contacts", {"title": "X", "type": "date-time"})
    assert held.family == "date"
    for wanted, row, fits in (
        ("text", {"title": "X", "type": "string"}, True),
        ("long", {"title": "X", "type": "string"}, True),
        ("number", {"title": "X", "type": "string"}, True),
        ("money", {"title": "X", "type": "string"}, False),
        ("date", {"title": "X", "type": "Date"}, True),
        ("text", {"title": "X", "type": "string", "enum": ["a"]}, False),
        ("text", {"title": "X", "type": "string", "enum": True}, True),
    ):
        spec = FieldSpec(entity="contacts", label="X", family=wanted)
        assert (definitions.mismatch(spec, definitions.spec_of("contacts", row)) == "") is fits


def test_events_without_inline_payloads_or_actors_are_still_told() -> None:
    """Loose events keep their ids; order is by number, not by text."""
    told = events.happenings(
        {
            "events": [
                {
                    "id": "100-events",
                    "createdTime": 5,
                    "payloadType": "notes",
                    "action": "create",
                    "links": {"payloads": ["1-notes"], "actor": None},
                },
                {"id": "99-events", "links": {}},
            ]
        }
    )
    assert [event.id for event in told] == ["99-events", "100-events"]
    assert told[1].payloads == {}


# --- refusals


@pytest.mark.parametrize(
    ("data", "body", "text", "field", "is_plan"),
    [
        ({"errors": [{"title": "Invalid email", "detail": "x@y.z", "field": "emails"}]}, b"", "Invalid email", "emails", False),
        ({"code": 500, "message": "Internal Server Error"}, b"", "Internal Server Error", "", False),
        ("application/json-patch+json is required", b"", "application/json-patch+json is required", "", False),
        (None, b"<html><title>An Error Occurred: Not Found</title>", "An Error Occurred: Not Found", "", False),
        ({"errors": [{"title": "Your plan allows 100 open leads."}]}, b"", "Your plan allows 100 open leads.", "", True),
        (None, b"\xff\xfe", "", "", False),
        ({"errors": ["odd"]}, b"", "", "", False),
    ],
)
def test_what_a_refusal_says(data: Any, body: bytes, text: str, field: str, is_plan: bool) -> None:
    """Title and field are kept from every shape a refusal has."""
    said = refusals.explain(Response(status=400, body=body, data=data))
    assert (said.text, said.field, said.is_plan) == (text, field, is_plan)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": -32601, "message": "Method not found"}, ProtocolMismatch),
        ({"code": 409, "message": "rev key is out-of-date"}, RecordRejected),
        ({"code": 404, "message": "noteId not found"}, NotFound),
        ({"code": 403, "message": "no"}, AccessRefused),
        ({"code": 0, "message": "Please upgrade"}, PlanLimit),
        ({"message": None}, RecordRejected),
    ],
)
def test_rpc_errors_inside_a_200(error: dict[str, Any], expected: type[Exception]) -> None:
    """Each application error of JSON-RPC asks for its own reaction."""
    assert type(refusals.rpc_refusal(error, "editNote")) is expected


@pytest.mark.parametrize(
    ("data", "read", "write"),
    [
        ({"result": None, "error": None}, CallVerdict.OK, CallVerdict.OK),
        ({"error": {"code": 409}}, CallVerdict.OK, CallVerdict.OK),
        ({}, CallVerdict.TRANSIENT, CallVerdict.UNCERTAIN),
        ([], CallVerdict.TRANSIENT, CallVerdict.UNCERTAIN),
        ({"error": {"code": 500}}, CallVerdict.TRANSIENT, CallVerdict.UNCERTAIN),
        ({"error": {"code": -32603}}, CallVerdict.TRANSIENT, CallVerdict.UNCERTAIN),
        ({"error": {"code": 429}}, CallVerdict.THROTTLED, CallVerdict.THROTTLED),
    ],
)
def test_rpc_answers_are_judged_by_what_they_hold(data: Any, read: CallVerdict, write: CallVerdict) -> None:
    """A 200 that is neither result nor error leaves a write in doubt, and so does the server's own error; a read is tried again."""
    outcome = Outcome(response=Response(status=200, data=data, is_json=True))
    assert refusals.judge_rpc_read(outcome) is read
    assert refusals.judge_rpc_write(outcome) is write


@pytest.mark.parametrize("time", [2.5e244, "9" * 30, {"timestamp": -1e30}, float("inf")])
def test_a_time_that_is_none_is_left_out(time: Any) -> None:
    """An answer may hold any number where a time is to be: what the ledger could not keep is no time."""
    assert "dueTime" not in records.flat("leads", {"id": "1-leads", "dueTime": time})
    assert records.flat("leads", {"id": "1-leads", "dueTime": {"timestamp": 1_767_225_600}})["dueTime"] == 1_767_225_600
