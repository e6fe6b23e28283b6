"""Targets: rows of both sources, by API and from files, from an answer or a cell to a record."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from hypothesis import strategies as st

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.api import answers
from streamflow.platforms.entry import SourceSettings
from streamflow.platforms.leadperfection.doors import DOORS as LP
from streamflow.platforms.leadtrekker.codec import NotBase64, decode_leaves
from streamflow.platforms.leadtrekker.doors import DOORS as LT
from streamflow.platforms.rows.canon import Canon, Pass
from streamflow.platforms.rows.roster import Roster
from streamflow.platforms.rows.unfold import Unfolder
from streamflow.platforms.rows.values import amount_of, clock_oddity, local_time
from streamflow.platforms.spec import Call, PlatformSpec
from streamflow.platforms.spec_doors import SpecDoors
from streamflow.wire.verdict import CallVerdict, Outcome
from tests.fuzz.target import HARD, Target, json, mutated, objects, scalars
from tests.fuzz.wire import answer

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_ZONES = ("Africa/Johannesburg", "America/New_York", "Pacific/Apia", "Pacific/Kiritimati")
_FORMS = ("%d/%m/%Y %H:%M:%S", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%S%z")


_SOURCES: dict[str, SpecDoors[Any]] = {"Leadtrekker": LT, "Lead Perfection": LP}


@cache
def _spec(source: str, reader: str) -> PlatformSpec:
    return _SOURCES[source].load_spec(SourceSettings(reader=reader))


@cache
def _canons(source: str, reader: str) -> dict[str, Canon]:
    doors, spec = _SOURCES[source], _spec(source, reader)
    mends = doors.mends(spec)
    return {
        kind: Canon(
            stream, null_words=spec.null_words, region=spec.region, reader=reader, decoders=doors.decoders, mend=mends.get(kind)
        )
        for kind, stream in spec.streams.items()
    }  # fmt: skip


def _names(source: str, kind: str) -> tuple[str, ...]:
    """Give the keys that the rows of a stream may have, and those of rows nested in them."""
    stream = _spec(source, "api").streams[kind]
    nested = [name for rule in stream.unfold for name in (rule.at, *rule.take.values())]
    aliases = [alias for many in stream.aliases.values() for alias in many]
    odd = (stream.custom_object or "x", "custom:Budget", "_raw", "custom")
    return tuple(dict.fromkeys([stream.key, *stream.fields, *aliases, *nested, *odd]))


def _calls(source: str, kind: str) -> list[Call]:
    stream = _spec(source, "api").streams[kind]
    return [call for call in (stream.list, stream.one, stream.owner.call if stream.owner else None) if call]


def _rows_of(source: str) -> st.SearchStrategy[tuple[str, str, list[dict[str, Any]]]]:
    """Give (reader, stream, rows) with known keys and any values."""

    def rows(kind: str) -> st.SearchStrategy[tuple[str, str, list[dict[str, Any]]]]:
        row = objects(_names(source, kind), st.one_of(scalars, json, st.lists(objects(_names(source, kind), scalars), max_size=2)))
        return st.tuples(st.sampled_from(("api", "files")), st.just(kind), st.lists(row, max_size=3))

    return st.sampled_from(sorted(_spec(source, "api").streams)).flatmap(rows)


def _page(source: str, drawn: tuple[str, str, list[dict[str, Any]]]) -> None:
    """Every row becomes a record with a key and a digest or is named as one that cannot; the same rows give the same records."""
    reader, kind, rows = drawn
    raw = orjson.loads(orjson.dumps(rows))

    def read() -> list[tuple[str, str, str]]:
        unfolder = Unfolder(_spec(source, reader), _canons(source, reader), kind)
        page = unfolder.page(raw, next_cursor=None, roster=Roster(), memory=Pass())
        orjson.dumps([record.data for record in page.records])      # the ledger can hold it
        own = [record for record in page.records if record.kind == kind]
        assert own or not rows or page.rejects
        return [(record.kind, record.key, record.digest) for record in page.records]

    found = read()
    assert all(key and digest for _, key, digest in found)
    assert found == read()


def _reply(source: str, drawn: tuple[str, bytes, bool, int]) -> None:
    """Only what stands where rows are expected is rows; everything else is an error that the reader knows."""
    kind, body, is_json, status = drawn
    spec = _spec(source, "api")
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data, is_json = None, False
    response = answer(data, status=status, body=body, is_json=is_json)
    assert answers.judge(spec.errors)(Outcome(response=response)) in CallVerdict
    assert "\n" not in answers.explain(response).text
    dialect = _SOURCES[source].dialect(spec)
    for call in _calls(source, kind):
        try:
            assert all(isinstance(row, dict) for row in dialect.rows(call, response, stream=kind))
        except ProtocolMismatch:
            pass


def _replies(source: str) -> st.SearchStrategy[tuple[str, bytes, bool, int]]:
    kinds = sorted(_spec(source, "api").streams)
    paths = sorted({path.split(".")[0] for kind in kinds for call in _calls(source, kind) for path in call.records_at})
    body = st.one_of(
        json.map(orjson.dumps), st.lists(objects(("error", "id"), json), max_size=2).map(orjson.dumps),
        objects((*paths, "error", "message", "Message", "success", "Availability", "availability"), json).map(orjson.dumps),
        mutated((b'{"error":"Invalid API key"}', b"<html>", b'"text"', b'[{"leadid":1}]')),
    )  # fmt: skip
    return st.tuples(st.sampled_from(kinds), body, st.booleans(), st.sampled_from((200, 204, 301, 404, 500)))


def _leaves(value: Any) -> None:
    try:
        decode_leaves(orjson.loads(orjson.dumps(value)))
    except NotBase64:
        pass


def _cell(drawn: tuple[Any, str, bool]) -> None:
    value, zone, cut = drawn
    found = local_time(value, _FORMS, ZoneInfo(zone), cut=cut)
    assert found is None or _WRITTEN.fullmatch(found), found
    if isinstance(value, str):
        assert clock_oddity(value, ZoneInfo(zone)) in ("", "twice", "never")
        assert amount_of(amount_of(value)) == amount_of(value)


_CELLS = st.one_of(
    scalars, st.datetimes(), st.datetimes(timezones=st.sampled_from([ZoneInfo(name) for name in _ZONES])), st.dates(), st.times(),
    st.timedeltas(), st.integers(), st.datetimes().map(str), st.sampled_from(HARD),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
)  # fmt: skip

TARGETS = (
    *(Target(name=f"rows of {source}", feed=_rows_of(source), check=partial(_page, source)) for source in _SOURCES),
    *(Target(name=f"answers of {source}", feed=_replies(source), check=partial(_reply, source)) for source in _SOURCES),
    Target(name="base64 leaves", feed=st.one_of(json, st.text(alphabet="AQIgZ=+/-_ \n", max_size=12)), check=_leaves),
    Target(name="times and amounts", feed=st.tuples(_CELLS, st.sampled_from(_ZONES), st.booleans()), check=_cell),
)  # fmt: skip
