"""Targets: whatever Nutshell may answer, read by its dialect."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import strategies as st

from streamflow.errors import ConfigError, ProtocolMismatch, StreamflowError
from streamflow.model import Verdict
from streamflow.platforms.nutshell.dialect.compare import compare
from streamflow.platforms.nutshell.dialect.definitions import label_of, spec_of
from streamflow.platforms.nutshell.dialect.envelope import is_gone, made_id, rows, total
from streamflow.platforms.nutshell.dialect.events import happenings
from streamflow.platforms.nutshell.dialect.ids import from_rpc_entity, full_id
from streamflow.platforms.nutshell.dialect.records import flat
from streamflow.platforms.nutshell.dialect.refusals import (
    explain,
    judge_rest_write,
    judge_rpc_read,
    judge_rpc_write,
    rpc_error,
    rpc_refusal,
)
from streamflow.platforms.nutshell.flags import Flags
from streamflow.wire.verdict import CallVerdict, Outcome
from tests.fuzz.target import Target, json, objects, scalars
from tests.fuzz.wire import answer

_KINDS = ("accounts", "contacts", "leads", "notes", "activities", "tasks", "users", "")
_NAMES = (
    "id", "name", "description", "links", "emails", "phones", "urls", "addresses", "customFields", "manualValue", "value", "dueTime",
    "createdTime", "startTime", "endTime", "status", "body", "isCompleted", "completedTime", "recurrenceRule", "agenda", "deletedTime",
    "title",
)  # fmt: skip
_LINKS = ("owner", "accounts", "contacts", "leads", "parent", "stage", "tags", "mergedWith", "payloads", "actor", "activityType", "files")
_VALUE = st.one_of(
    json, objects(("timestamp", "amount", "currency", "E164", "number", "extension", "city", "value", "name", "id", "isPrimary"), scalars),
    st.lists(objects(("value", "name", "isPrimary", "id"), json), max_size=3),
)  # fmt: skip
_ROW = st.one_of(
    objects(_NAMES, _VALUE),
    st.tuples(objects(_NAMES, _VALUE), objects(_LINKS, json)).map(lambda both: {**both[0], "links": both[1]}),
)  # fmt: skip
_FIELDS = ("emails", "phones", "urls", "addresses", "link:owner", "link:tags", "custom:Budget", "dueTime", "manualValue", "name")


def _wire(data: Any) -> Any:
    return orjson.loads(orjson.dumps(data))


def _record(drawn: tuple[str, dict[str, Any]]) -> None:
    """A record of any shape becomes fields that can be kept, and a second look gives the same."""
    kind, row = drawn
    row = _wire(row)
    fields = flat(kind, row)
    orjson.dumps(fields)
    assert fields == flat(kind, row)
    assert is_gone(row) in (True, False)
    assert all(compare(kind, name, value, value) is Verdict.EQUAL for name, value in fields.items() if value == value)


def _envelope(drawn: tuple[str, Any]) -> None:
    plural, data = drawn[0], _wire(drawn[1])
    found = made_id(data, plural)
    assert found is None or isinstance(found, str)
    assert total(data) is None or isinstance(total(data), int)
    try:
        assert all(isinstance(row, dict) for row in rows(data, plural))
        assert all(isinstance(event.at, int) for event in happenings(data))
    except ProtocolMismatch:
        pass


def _refusal(drawn: tuple[Any, bytes, int]) -> None:
    """A refusal is one error of our own family, of one line, whatever it was wrapped in."""
    data, body, status = _wire(drawn[0]), drawn[1], drawn[2]
    response = answer(data, status=status, body=body or orjson.dumps(data))
    explain(response)
    for judge in (judge_rest_write, judge_rpc_read, judge_rpc_write):
        assert judge(Outcome(response=response)) in CallVerdict
    error = rpc_error(data)
    if error is not None:
        refused = rpc_refusal(error, "getLead")
        assert isinstance(refused, StreamflowError)
        assert "\n" not in str(refused)


def _compared(drawn: tuple[str, str, Any, Any]) -> None:
    kind, field, expected, actual = drawn
    assert compare(kind, field, _wire(expected), _wire(actual)) in Verdict


def _definition(data: dict[str, Any]) -> None:
    row = _wire(data)
    assert spec_of("contacts", row).label == label_of(row)
    full_id(row.get("id"), "contacts")
    from_rpc_entity(row)


def _flags(data: dict[str, Any]) -> None:
    try:
        found = Flags().with_(_wire(data))
    except ConfigError:
        return
    assert Flags().with_(_wire(found.as_json())) == found


TARGETS = (
    Target(name="records of Nutshell", feed=st.tuples(st.sampled_from(_KINDS), _ROW), check=_record),
    Target(name="answers of Nutshell", check=_envelope, feed=st.tuples(st.sampled_from(("contacts", "events")), st.one_of(
        json, objects(("contacts", "events", "meta", "payloads", "id", "CONTACTS"), st.one_of(json, st.lists(_ROW, max_size=3))),
        st.lists(_ROW, max_size=3),
    ))),
    Target(name="refusals of Nutshell", check=_refusal, feed=st.tuples(
        st.one_of(json, objects(("errors", "message", "result", "error"), st.one_of(
            json, st.lists(objects(("title", "detail", "field")), max_size=2), objects(("code", "message"), scalars),
        ))),
        st.one_of(st.just(b""), st.binary(max_size=60)), st.sampled_from((200, 400, 401, 402, 403, 404, 422, 429, 500)),
    )),
    Target(name="values read back", check=_compared, feed=st.tuples(
        st.sampled_from(_KINDS), st.sampled_from(_FIELDS), st.one_of(_VALUE, scalars), st.one_of(_VALUE, scalars),
    )),
    Target(name="definitions of fields", check=_definition, feed=objects(("id", "title", "name", "type", "enum", "choices", "entityType"))),
    Target(name="capability flags", check=_flags, feed=objects(tuple(Flags().as_json()))),
)  # fmt: skip
