"""
Reading the spec of a platform from TOML, with what the operator lays over it.

Rules of this file. (1) Every fault is found before any is reported. (2) What the operator writes under `[source.streams.<kind>]` is
merged into the shipped text and checked with it, so an override can be wrong in no way that a shipped spec could not.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamflow.errors import ConfigError
from streamflow.model import Kind
from streamflow.platforms.spec import FILE_FACTS, PlatformSpec, StreamSpec
from streamflow.platforms.spec_parts import call, completion, error_rule, file_rules, gather, owner_call, paging, unfold, window
from streamflow.platforms.spec_table import Table, near

READERS = ("api", "files")
ROLES = ("record", "reference", "file")
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
            faults.append(f"source.streams.{kind}: unknown stream{near(kind, known)}")
        elif not isinstance(override, Mapping):
            faults.append(f"source.streams.{kind}: expected a table")
    chosen = {kind: _merged(stream, overrides.get(kind) or {}) for kind, stream in known.items()}
    top = Table({**document, "streams": chosen}, "source", faults)
    spec = _platform(top, {**(defaults or {}), "decodings": ("none", *decodings)}, faults)
    if faults:
        raise ConfigError(faults, hint="see the stream specs of the platform; [source.streams.<kind>] overrides them")
    return spec


def _merged(base: Any, over: Any) -> Any:
    if not (isinstance(base, Mapping) and isinstance(over, Mapping)):
        return over
    return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}




def _platform(top: Table, defaults: Mapping[str, Any], faults: list[str]) -> PlatformSpec:
    zone = str(defaults.get("timezone") or top.text("timezone", "UTC"))
    top.text("timezone")
    api = top.table("api") or Table({}, "source.api", faults)
    spec = PlatformSpec(
        platform=top.text("platform"), timezone=zone, region=top.text("region"),
        null_words=frozenset(top.texts("null_words")),
        key_header=api.text("key_header"), legacy_header=api.text("legacy_header"),
        attempts=api.whole("attempts", 4, 1), base_s=api.seconds("base_s", 2.0), cap_s=api.seconds("cap_s", 30.0),
        timeout_s=api.seconds("timeout_s", 60.0), brief_s=api.seconds("brief_s", 15.0),
        body_cap_bytes=api.whole("body_cap_bytes", 64 * 1024 * 1024, 1024),
        errors=tuple(error_rule(rule) for rule in api.tables("errors")),
        streams={kind: _stream(kind, table, {**defaults, "timezone": zone}) for kind, table in top.named("streams").items()},
        not_offered=top.words("not_offered"),
    )  # fmt: skip
    api.done()
    top.done()
    for stream in spec.streams.values():
        _check_links(stream, spec, faults)
    return spec


def _stream(kind: Kind, table: Table, defaults: Mapping[str, Any]) -> StreamSpec:
    dates = table.table("dates")
    custom = table.table("custom_fields")
    translate = {name: completion(inner) for name, inner in table.named("translate").items()}
    aliases = table.take("aliases", Mapping, {}, "a table")
    formats = dates.texts("formats") if dates else ()
    zone = (dates.text("timezone") if dates else "") or str(defaults["timezone"])
    spec = StreamSpec(
        kind=kind, key=table.text("key"), reader=table.choice("reader", READERS, str(defaults.get("reader") or "files")),
        enabled=table.flag("enabled", True), role=table.choice("role", ROLES, "record"),
        parent=table.text("parent") or None, refers_to=table.text("refers_to") or None, parent_field=table.text("parent_field"),
        optional=table.flag("optional", False), key_fallback=table.texts("key_fallback"),
        same_by=table.texts("same_by"), rewritten=table.texts("rewritten"), moved_by=table.texts("moved_by"),
        fields=table.texts("fields"),
        expected=table.texts("expected"), ids=table.texts("ids"), text=table.texts("text"), phones=table.texts("phones"),
        sets=table.texts("sets"), dates=dates.texts("fields") if dates else (),
        date_formats=tuple(defaults.get("date_formats") or ()) + formats, timezone=zone,
        fraction=dates.choice("fraction", FRACTIONS, "nearest") if dates else "nearest", folds=dates.text("folds") if dates else "",
        flags=table.texts("flags"), amounts=table.texts("amounts"),
        changed=table.text("changed"), retain=table.flag("retain", False), poll_s=table.whole("poll_s", 0, 0),
        aliases={name: (spelt,) if isinstance(spelt, str) else tuple(spelt) for name, spelt in aliases.items()},
        decode=table.words("decode"), custom_prefix=custom.text("prefix") if custom else "",
        custom_object=custom.text("object") if custom else "", custom_title=custom.text("title") if custom else "",
        custom_value=custom.text("value") if custom else "", hash_ignore=table.texts("hash_ignore"),
        same=tuple(tuple(group) for group in table.take("same", list, [], "a list of lists")),
        complete=tuple(completion(inner) for inner in table.tables("complete")), translate=translate,
        paging=paging(table.table("paging")), window=window(table.table("window")),
        list=call(table.table("list")), one=call(table.table("one")), files=file_rules(table.table("files")),
        via=table.text("via") or None, unfold=tuple(unfold(inner) for inner in table.tables("unfold")),
        gather=tuple(gather(inner) for inner in table.tables("gather")), canary=table.flag("canary", False),
        yields={name: inner.texts("fields") for name, inner in table.named("yields").items()}, owner=owner_call(table.table("owner")),
    )  # fmt: skip
    _check_values(spec, table, defaults["decodings"])
    for part in (dates, custom, table):
        if part is not None:
            part.done()
    return spec


def _check_values(spec: StreamSpec, table: Table, decodings: Sequence[str]) -> None:
    if not spec.key:
        table.fault("key", "expected the name of the field that identifies a record")
    for name, how in spec.decode.items():
        if how not in decodings:
            table.fault(f"decode.{name}", f"expected one of {', '.join(decodings)}, not {how!r}")
    typed = (*spec.ids, *spec.text, *spec.phones, *spec.sets, *spec.dates, *spec.flags, *spec.amounts)
    for name in (*spec.expected, *typed, *spec.files.facts):
        if name not in spec.fields:
            table.fault("fields", f"{name!r} is used and not listed{near(name, spec.fields)}")
    for name in spec.rewritten:
        if name not in spec.same_by:
            table.fault("rewritten", f"{name!r} is not one of same_by{near(name, spec.same_by)}")
    for name in (name for rule in spec.moved_by for name in rule.split("|")):
        if name not in spec.fields:
            table.fault("moved_by", f"{name!r} is not one of fields{near(name, spec.fields)}")
    try:
        ZoneInfo(spec.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        table.fault("timezone", f"unknown time zone {spec.timezone!r}")


def _check_links(stream: StreamSpec, spec: PlatformSpec, faults: list[str]) -> None:
    named = [("parent", stream.parent), ("refers_to", stream.refers_to), *(("complete", part.kind) for part in stream.complete)]
    named += [("via", stream.via), *(("unfold", rule.kind) for rule in stream.unfold), *(("gather", rule.kind) for rule in stream.gather)]
    named += [("yields", name) for name in stream.yields]
    for name, kind in named:
        if kind is not None and kind not in spec.streams:
            faults.append(f"source.streams.{stream.kind}.{name}: no stream {kind!r}{near(kind, spec.streams)}")
    if stream.reader == "api" and stream.enabled and stream.role != "file" and stream.via is None:
        if stream.list is None:
            faults.append(f"source.streams.{stream.kind}.list: reader is api and no function is named")
        elif stream.parent and not stream.list.key_param:
            faults.append(f"source.streams.{stream.kind}.list.key_param: expected the parameter that names the parent")
    if stream.reader == "files" and stream.enabled and not (stream.files.globs or stream.via or stream.optional):
        faults.append(f"source.streams.{stream.kind}.files.globs: reader is files and no file is named")
    if stream.role == "file" and stream.enabled:
        lacking = [fact for fact in FILE_FACTS if fact not in stream.files.facts.values()]
        if lacking:
            faults.append(f"source.streams.{stream.kind}.files.is: no field is the {', '.join(lacking)} of a file")
    is_cut = stream.window is not None and stream.window.step_days > 0 and stream.paging.style != "none"   # into halves that are probed
    if (stream.paging.prove or stream.paging.style == "row" or is_cut) and not stream.paging.size_param:
        faults.append(f"source.streams.{stream.kind}.paging.size_param: expected the parameter that asks for so many rows")
    if stream.paging.prove and stream.paging.style not in ("page", "row"):
        faults.append(f"source.streams.{stream.kind}.paging.prove: there is nothing to prove where style is {stream.paging.style}")
