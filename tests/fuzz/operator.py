"""Targets: what an operator writes: configuration, overrides of streams, maps, requests on the control socket."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from hypothesis import strategies as st

from streamflow.config import PAIRS, load, starter
from streamflow.daemon.routes import ROUTES, arguments, find
from streamflow.errors import ConfigError, UsageError
from streamflow.mapping.document import MapDocument
from streamflow.mapping.document_json import read
from streamflow.platforms.catalog import forms, pair_of
from streamflow.platforms.entry import SourceSettings
from streamflow.platforms.leadtrekker.doors import DOORS
from tests.fuzz.target import HARD, Target, json, mutated, objects, scalars

_KEPT: list[tempfile.TemporaryDirectory[str]] = []
_PATHS = tuple(route.path for route in ROUTES)
_ROW = ("source", "target", "transform", "family", "params", "not_moved", "confidence", "reason", "samples", "alternatives", "low")
_OBJECT = ("source", "destination", "cardinality", "transform", "lookup", "schema", "takes_custom", "rows")
_STREAM = (
    "enabled", "reader", "key", "fields", "dates", "phones", "ids", "text", "list", "get", "paging", "window", "files", "decode",
    "hash_ignore",
    "unfold", "gather", "timezone", "date_formats", "params", "size", "style", "function", "columns",
)  # fmt: skip


@cache
def _file() -> Path:
    made = tempfile.TemporaryDirectory(prefix="sf-fuzz")
    _KEPT.append(made)
    return Path(made.name) / "streamflow.toml"


@cache
def _starters() -> tuple[bytes, ...]:
    return tuple(starter(pair).encode() for pair in PAIRS)


def _config(content: bytes) -> None:
    _file().write_bytes(content)
    try:
        load(_file(), forms(), secrets=False)
    except ConfigError as error:
        assert error.faults


def _toml(drawn: tuple[str, str, Any]) -> bytes:
    """Give a starter with one of its keys set to something else."""
    pair, key, value = drawn
    lines = starter(pair).splitlines()
    held = [place for place, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    place = held[len(key) * 7 % len(held)]
    lines[place] = f"{lines[place].partition('=')[0]}= {_literal(value)}"
    return "\n".join(lines).encode()


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{orjson.dumps(name).decode()} = {_literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, int | float):
        return repr(value)
    return '""' if value is None else orjson.dumps(value).decode()


_ENDLESS = st.sampled_from((10**400, -(10**400), float("inf"), float("nan"), [[[]]], {"a": {"b": {}}}))

_OVERRIDE = st.one_of(json, _ENDLESS, objects(_STREAM, scalars))


def _overrides(drawn: dict[str, Any]) -> None:
    try:
        DOORS.load_spec(SourceSettings(streams=drawn))
    except ConfigError as error:
        assert error.faults


def _map(data: Any) -> None:
    document, faults = read(orjson.loads(orjson.dumps(data)), pair_of("leadtrekker", "nutshell"))
    assert isinstance(document, MapDocument)
    assert all(isinstance(fault, str) and fault for fault in faults)


def _request(drawn: tuple[str, str, dict[str, str], bytes]) -> None:
    """A request is carried out with values of the types its route names, or refused in one sentence."""
    method, path, query, body = drawn
    found = find(method, path)
    if found.route is None:
        return
    try:
        values = arguments(found.route, found.params, query, body)
    except UsageError as error:
        assert error.message
        return
    assert set(values) == {*found.params, *found.route.body}
    assert all(isinstance(values[name], param.type) for name, param in found.route.body.items())


_BODY = st.one_of(
    objects(("reason", "rate_per_s", "platform", "digest", "document", "decision", "wait_s", "dry_run", "scope")).map(orjson.dumps),
    mutated((b'{"reason": "lunch"}', b'{"rate_per_s": 5, "platform": "nutshell"}', b"[" * 2_000)),
)  # fmt: skip

TARGETS = (
    Target(name="configuration", check=_config, feed=st.deferred(lambda: st.one_of(mutated(_starters()), st.tuples(
        st.sampled_from(tuple(PAIRS)), st.text(max_size=30), st.one_of(json, _ENDLESS),
    ).map(_toml)))),
    Target(name="overrides of streams", check=_overrides, feed=st.dictionaries(
        st.sampled_from(("lead", "note", "user", "x")), st.one_of(scalars, objects(_STREAM, _OVERRIDE)), max_size=2,
    )),
    Target(name="maps", check=_map, feed=st.one_of(json, objects(
        ("format", "pair", "version", "settings", "companies", "objects", "document", "digest", "state"),
        st.one_of(json, st.lists(objects(_OBJECT, st.one_of(
            st.sampled_from(("lead", "contacts", "note", "1:1")), json, st.lists(objects(_ROW, st.one_of(
                st.sampled_from(("email", "emails", "custom:X", "rollup", "text", "address_part", "span_end", "pair_text")), scalars,
                objects(("part", "slot", "seconds", "delimiter", "values", "combine", "choices")),
            )), max_size=2),
        )), max_size=2)),
    ))),
    Target(name="requests of the control socket", check=_request, feed=st.tuples(
        st.sampled_from(("GET", "POST", "DELETE")), st.one_of(st.sampled_from(_PATHS), st.text(max_size=20), st.sampled_from(HARD)),
        st.dictionaries(st.sampled_from(("state", "wait_s", "x")), st.one_of(st.sampled_from(HARD), st.text(max_size=6)), max_size=2),
        _BODY,
    )),
)  # fmt: skip
