"""
Reading the spec of a platform from TOML, with what the operator lays over it.

Rules of this file. (1) Every fault is found before any is reported. (2) What the operator writes under `[source.streams.<kind>]` is
merged into the shipped text and checked with it, so an override can be wrong in no way that a shipped spec could not.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamflow.errors import ConfigError
from streamflow.model import Kind
from streamflow.platforms.spec import (
    CALL_NAME,
    DENIED_PREFIXES,
    FILE_FACTS,
    Call,
    Completion,
    ErrorRule,
    FileRules,
    Paging,
    PlatformSpec,
    StreamSpec,
    Window,
    is_write,
)

READERS = ("api", "files")
ROLES = ("record", "reference", "file")
PAGINGS = ("none", "page", "offset", "row")
STOPS = ("empty", "short")
CONDITIONS = ("status", "empty", "not_json", "truthy", "says", "scalar")
REACTIONS = ("access", "missing", "absent", "throttled", "transient", "refused")
FRACTIONS = ("nearest", "cut")


def load(
    shipped: str, overrides: Mapping[str, Mapping[str, Any]], *, defaults: Mapping[str, Any] | None = None, decodings: Sequence[str] = ()
) -> PlatformSpec:
    """
    Build the spec of a platform.

    Args:
        shipped: The platform's TOML.
        overrides: `[source.streams.<kind>]` of the configuration, by kind; tables are merged, everything else replaced.
        defaults: Values for every stream that the operator set once, such as "reader", "timezone" or "date_formats".
        decodings: What the platform can take values out of, beside "none".

    Raises:
        ConfigError: lists every fault with its path.
    """
    document = tomllib.loads(shipped)
    faults: list[str] = []
    known = document.get("streams", {})
    for kind, override in overrides.items():
        if kind not in known:
            faults.append(f"source.streams.{kind}: unknown stream{_near(kind, known)}")
        elif not isinstance(override, Mapping):
            faults.append(f"source.streams.{kind}: expected a table")
    chosen = {kind: _merged(stream, overrides.get(kind) or {}) for kind, stream in known.items()}
    top = _Table({**document, "streams": chosen}, "source", faults)
    spec = _platform(top, {**(defaults or {}), "decodings": ("none", *decodings)}, faults)
    if faults:
        raise ConfigError(faults, hint="see the stream specs of the platform; [source.streams.<kind>] overrides them")
    return spec


def _merged(base: Any, over: Any) -> Any:
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}


def _near(name: str, known: Any) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else f" (known: {', '.join(sorted(known))})"


class _Table:
    """Takes the keys of one table one by one; what is wrong or left over becomes a fault with its path."""

    def __init__(self, values: Any, path: str, faults: list[str]) -> None:
        self.path = path
        self._faults = faults
        self._values = dict(values) if isinstance(values, Mapping) else {}
        self._asked: set[str] = set()
        if not isinstance(values, Mapping):
            self.fault("", f"expected a table, not {values!r}")

    def fault(self, name: str, text: str) -> None:
        self._faults.append(f"{self.path}.{name}: {text}" if name else f"{self.path}: {text}")

    def take(self, name: str, form: type | tuple[type, ...], default: Any, expected: str) -> Any:
        self._asked.add(name)
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, form) or (isinstance(value, bool) and form is not bool):
            self.fault(name, f"expected {expected}, not {value!r}")
            return default
        return value

    def text(self, name: str, default: str = "") -> str:
        return str(self.take(name, str, default, "a text"))

    def flag(self, name: str, default: bool) -> bool:
        return bool(self.take(name, bool, default, "true or false"))

    def whole(self, name: str, default: int, least: int) -> int:
        value = int(self.take(name, int, default, "a whole number"))
        if value < least:
            self.fault(name, f"expected {least} or more, not {value}")
        return value

    def seconds(self, name: str, default: float) -> float:
        value = float(self.take(name, (int, float), default, "seconds"))
        if value < 0:
            self.fault(name, f"expected seconds from 0, not {value}")
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        value = self.text(name, default)
        if value not in allowed:
            self.fault(name, f"expected one of {', '.join(allowed)}, not {value!r}")
        return value

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self.take(name, (list, tuple, str), default, "a list of texts")
        items = (value,) if isinstance(value, str) else tuple(value)
        if not all(isinstance(item, str) for item in items):
            self.fault(name, "expected a list of texts")
            return default
        return items

    def words(self, name: str) -> dict[str, str]:
        table = self.take(name, Mapping, {}, "a table of texts")
        wrong = [key for key, value in table.items() if not isinstance(value, str)]
        for key in wrong:
            self.fault(f"{name}.{key}", f"expected a text, not {table[key]!r}")
        return {key: value for key, value in table.items() if key not in wrong}

    def table(self, name: str) -> _Table | None:
        self._asked.add(name)
        return _Table(self._values[name], f"{self.path}.{name}", self._faults) if name in self._values else None

    def tables(self, name: str) -> list[_Table]:
        rows = self.take(name, list, [], "a list of tables")
        return [_Table(row, f"{self.path}.{name}[{n}]", self._faults) for n, row in enumerate(rows)]

    def named(self, name: str) -> dict[str, _Table]:
        table = self.take(name, Mapping, {}, "a table")
        return {key: _Table(value, f"{self.path}.{name}.{key}", self._faults) for key, value in table.items()}

    def done(self) -> None:
        for name in sorted(self._values.keys() - self._asked):
            self.fault(name, f"unknown key{_near(name, self._asked)}")


def _platform(top: _Table, defaults: Mapping[str, Any], faults: list[str]) -> PlatformSpec:
    zone = str(defaults.get("timezone") or top.text("timezone", "UTC"))
    top.text("timezone")
    api = top.table("api") or _Table({}, "source.api", faults)
    spec = PlatformSpec(
        platform=top.text("platform"), timezone=zone, region=top.text("region"),
        null_words=frozenset(top.texts("null_words")),
        key_header=api.text("key_header"), legacy_header=api.text("legacy_header"),
        attempts=api.whole("attempts", 4, 1), base_s=api.seconds("base_s", 2.0), cap_s=api.seconds("cap_s", 30.0),
        timeout_s=api.seconds("timeout_s", 60.0), body_cap_bytes=api.whole("body_cap_bytes", 64 * 1024 * 1024, 1024),
        errors=tuple(_rule(rule) for rule in api.tables("errors")),
        streams={kind: _stream(kind, table, {**defaults, "timezone": zone}) for kind, table in top.named("streams").items()},
        not_offered=top.words("not_offered"),
    )  # fmt: skip
    api.done()
    top.done()
    for stream in spec.streams.values():
        _check_links(stream, spec, faults)
    return spec


def _stream(kind: Kind, table: _Table, defaults: Mapping[str, Any]) -> StreamSpec:
    dates = table.table("dates")
    custom = table.table("custom_fields")
    translate = {name: _completion(inner) for name, inner in table.named("translate").items()}
    aliases = table.take("aliases", Mapping, {}, "a table")
    formats = dates.texts("formats") if dates else ()
    zone = (dates.text("timezone") if dates else "") or str(defaults["timezone"])
    spec = StreamSpec(
        kind=kind, key=table.text("key"), reader=table.choice("reader", READERS, str(defaults.get("reader") or "files")),
        enabled=table.flag("enabled", True), role=table.choice("role", ROLES, "record"),
        parent=table.text("parent") or None, refers_to=table.text("refers_to") or None, parent_field=table.text("parent_field"),
        optional=table.flag("optional", False), key_fallback=table.texts("key_fallback"), fields=table.texts("fields"),
        expected=table.texts("expected"), ids=table.texts("ids"), text=table.texts("text"), phones=table.texts("phones"),
        sets=table.texts("sets"), dates=dates.texts("fields") if dates else (),
        date_formats=tuple(defaults.get("date_formats") or ()) + formats, timezone=zone,
        fraction=dates.choice("fraction", FRACTIONS, "nearest") if dates else "nearest",
        changed=table.text("changed"), retain=table.flag("retain", False),
        aliases={name: (spelt,) if isinstance(spelt, str) else tuple(spelt) for name, spelt in aliases.items()},
        decode=table.words("decode"), custom_prefix=custom.text("prefix") if custom else "",
        custom_object=custom.text("object") if custom else "", hash_ignore=table.texts("hash_ignore"),
        same=tuple(tuple(group) for group in table.take("same", list, [], "a list of lists")),
        complete=tuple(_completion(inner) for inner in table.tables("complete")), translate=translate,
        paging=_paging(table.table("paging")), window=_window(table.table("window")),
        list=_call(table.table("list")), one=_call(table.table("one")), files=_files(table.table("files")),
    )  # fmt: skip
    _check_values(spec, table, defaults["decodings"])
    for part in (dates, custom, table):
        if part is not None:
            part.done()
    return spec


def _check_values(spec: StreamSpec, table: _Table, decodings: Sequence[str]) -> None:
    if not spec.key:
        table.fault("key", "expected the name of the field that identifies a record")
    for name, how in spec.decode.items():
        if how not in decodings:
            table.fault(f"decode.{name}", f"expected one of {', '.join(decodings)}, not {how!r}")
    for name in (*spec.expected, *spec.ids, *spec.text, *spec.phones, *spec.sets, *spec.dates, *spec.files.facts):
        if name not in spec.fields:
            table.fault("fields", f"{name!r} is used and not listed{_near(name, spec.fields)}")
    try:
        ZoneInfo(spec.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        table.fault("timezone", f"unknown time zone {spec.timezone!r}")


def _check_links(stream: StreamSpec, spec: PlatformSpec, faults: list[str]) -> None:
    named = [("parent", stream.parent), ("refers_to", stream.refers_to), *(("complete", part.kind) for part in stream.complete)]
    for name, kind in named:
        if kind is not None and kind not in spec.streams:
            faults.append(f"source.streams.{stream.kind}.{name}: no stream {kind!r}{_near(kind, spec.streams)}")
    if stream.reader == "api" and stream.enabled and stream.role != "file":
        if stream.list is None:
            faults.append(f"source.streams.{stream.kind}.list: reader is api and no function is named")
        elif stream.parent and not stream.list.key_param:
            faults.append(f"source.streams.{stream.kind}.list.key_param: expected the parameter that names the parent")
    if stream.reader == "files" and stream.enabled and not stream.files.globs:
        faults.append(f"source.streams.{stream.kind}.files.globs: reader is files and no file is named")
    if stream.role == "file" and stream.enabled:
        lacking = [fact for fact in FILE_FACTS if fact not in stream.files.facts.values()]
        if lacking:
            faults.append(f"source.streams.{stream.kind}.files.is: no field is the {', '.join(lacking)} of a file")
    if (stream.paging.prove or stream.paging.style == "row") and not stream.paging.size_param:
        faults.append(f"source.streams.{stream.kind}.paging.size_param: expected the parameter that asks for so many rows")
    if stream.paging.prove and stream.paging.style not in ("page", "row"):
        faults.append(f"source.streams.{stream.kind}.paging.prove: there is nothing to prove where style is {stream.paging.style}")


def _call(table: _Table | None) -> Call | None:
    if table is None:
        return None
    call = Call(
        function=table.text("function"), records_at=table.texts("records_at", ("$",)), params=table.words("params"),
        key_param=table.text("key_param"),
    )  # fmt: skip
    if is_write(call.function):
        table.fault("function", f"{call.function!r} is named like a write ({', '.join(DENIED_PREFIXES)}, ...); sources are only read")
    elif not CALL_NAME.fullmatch(call.function):
        table.fault("function", f"expected a plain name of letters and digits, or such names with / between, not {call.function!r}")
    table.done()
    return call


def _paging(table: _Table | None) -> Paging:
    if table is None:
        return Paging()
    paging = Paging(
        style=table.choice("style", PAGINGS, "none"), page_param=table.text("page_param", "page"),
        size_param=table.text("size_param", "limit"), size=table.whole("size", 500, 1), first=table.whole("first", 1, 0),
        stop=table.choice("stop", STOPS, "empty"), short_below=table.whole("short_below", 50, 1),
        max_pages=table.whole("max_pages", 100_000, 1), prove=table.flag("prove", False),
    )  # fmt: skip
    table.done()
    return paging


def _window(table: _Table | None) -> Window | None:
    if table is None:
        return None
    window = Window(
        from_param=table.text("from_param"), format=table.text("format", "%Y-%m-%d %H:%M:%S"),
        overlap_s=table.seconds("overlap_s", 86_400.0), to_param=table.text("to_param"), step_days=table.whole("step_days", 0, 0),
        start=table.text("start"), split_rows=table.whole("split_rows", 500, 1), least_s=table.whole("least_s", 60, 1),
        whole=table.words("whole"), changed=table.words("changed"),
    )  # fmt: skip
    if not window.from_param:
        table.fault("from_param", "expected the parameter that takes the earliest moment")
    if window.step_days and not window.to_param:
        table.fault("to_param", "expected the parameter that takes the end of a window")
    if window.start and not window.step_days:
        table.fault("start", "only a stretch that is read by windows has a start; set step_days")
    if window.step_days and not _is_day(window.start):
        table.fault("start", f"expected the day of the oldest record, such as 2009-01-01, not {window.start!r}")
    table.done()
    return window


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _rule(table: _Table) -> ErrorRule:
    pattern = table.text("matches")
    try:
        matches = re.compile(pattern, re.IGNORECASE) if pattern else None
    except re.error as error:
        table.fault("matches", f"not a regular expression: {error}")
        matches = None
    rule = ErrorRule(
        when=table.choice("when", CONDITIONS, ""), then=table.choice("then", REACTIONS, ""), path=table.text("path"),
        values=table.texts("values"), matches=matches,
    )  # fmt: skip
    table.done()
    return rule


def _files(table: _Table | None) -> FileRules:
    if table is None:
        return FileRules()
    rules = FileRules(
        globs=table.texts("globs"), columns=table.words("columns"), encoding=table.text("encoding", "auto"),
        delimiter=table.text("delimiter", "auto"), sheet=table.text("sheet"), join_globs=table.texts("join_globs"),
        join_on=table.text("join_on"), join_take=table.texts("join_take"), join_into=table.text("join_into"), facts=table.words("is"),
    )  # fmt: skip
    for name, fact in rules.facts.items():
        if fact not in FILE_FACTS:
            table.fault(f"is.{name}", f"expected one of {', '.join(FILE_FACTS)}, not {fact!r}")
    table.done()
    return rules


def _completion(table: _Table) -> Completion:
    found = Completion(kind=table.text("kind"), fields=table.words("fields"))
    table.done()
    return found
