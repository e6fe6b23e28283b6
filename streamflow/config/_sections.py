"""From tables to sections: which keys exist, their bounds and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from streamflow.config._secret import Secret
from streamflow.config._table import Table, near
from streamflow.config._values import (
    LOG_LEVELS,
    ControlSection,
    CutoverSection,
    DeltaSection,
    DestinationSection,
    GateMode,
    GatesSection,
    LeadsSection,
    LimitsSection,
    LlmSection,
    LogSection,
    MapSection,
    MigrationSection,
    OwnersSection,
    PaceSection,
    SampleSection,
    SourceSection,
    StreamSection,
)

DAY_S = 86_400.0
SOCKET_PATH_MAX_BYTES = 107  # sun_path of Linux, without the closing zero
_MISSING = Secret(None, reference="missing")
_LEADTREKKER_ONLY = dict.fromkeys(("api_key_env", "api_key_file"), 'belongs to platform "leadtrekker"')
_LEAD_PERFECTION_ONLY = dict.fromkeys(
    ("username", "password_env", "password_file", "clientid", "appkey_env", "appkey_file"), 'belongs to platform "lead_perfection"'
)


def migration(table: Table) -> MigrationSection:
    """Read `[migration]`."""
    name = table.text("name", expected="a short name for this migration")
    if name and (len(name) > 64 or not all(letter.isalnum() or letter in "-_." for letter in name)):
        table.fault("name", f"{name[:70]!r} given, expected at most 64 letters, digits, '-', '_' or '.'")
    if not table.has("state_dir"):
        table.fault("state_dir", "is missing, expected the folder where this migration keeps its state")
    section = MigrationSection(
        name=name, state_dir=table.path("state_dir") or table.folder / "state",
        volume_override=table.flag("volume_override", default=False),
    )
    table.done()
    return section


def source(table: Table) -> SourceSection:
    """Read `[source]` with its streams."""
    platform = table.choice("platform", ("leadtrekker", "lead_perfection"))
    reader = table.choice("reader", ("api", "files"))
    streams = _streams(table.table("streams"))
    readers = {reader} | {stream.reader for stream in streams.values() if stream.reader and stream.enabled}
    is_api, is_leadtrekker = "api" in readers, platform == "leadtrekker"
    files = table.table("files")
    section = SourceSection(
        platform=platform,
        reader=reader,
        timezone=_timezone(table),
        base_url=table.url("base_url", ends="/api/" if is_leadtrekker else "", required=is_api) or None,
        inbox=table.path("inbox"),
        ca_file=table.path("ca_file", exists=True),
        api_key=table.secret("api_key", required=is_api) if is_leadtrekker else None,
        username=None if is_leadtrekker else _needed(table, "username", is_api),
        password=None if is_leadtrekker else table.secret("password", required=is_api),
        clientid=None if is_leadtrekker else _needed(table, "clientid", is_api),
        appkey=None if is_leadtrekker else table.secret("appkey", required=is_api),
        date_formats=files.texts("date_formats"),
        streams=streams,
        expected_counts=_counts(table.table("expected_counts")),
    )
    if "files" in readers and not table.has("inbox"):
        table.fault("inbox", "is missing, expected the folder of export snapshots that the files reader reads")
    files.done()
    table.done(gone=_LEAD_PERFECTION_ONLY if is_leadtrekker else _LEADTREKKER_ONLY)
    return section


def destination(table: Table) -> DestinationSection:
    """Read `[destination]` with its flags and limits."""
    platform = table.choice("platform", ("nutshell",), default="nutshell")
    base_url = table.url("base_url", default="https://app.nutshell.com/rest").rstrip("/")
    parts = urlsplit(base_url)
    rpc_url = table.url("rpc_url", default=urlunsplit((parts.scheme, parts.netloc, "/api/v1/json", "", "")))
    flags, limits = table.table("flags"), table.table("limits")
    section = DestinationSection(
        platform=platform,
        base_url=base_url,
        rpc_url=rpc_url.rstrip("/"),
        username=_email(table, "username", required=True) or "",
        api_key=table.secret("api_key") or _MISSING,
        impersonate=table.flag("impersonate", default=False),
        ca_file=table.path("ca_file", exists=True),
        flags=flags.rest(()),
        limits=LimitsSection(
            open_leads=limits.maybe_whole("open_leads", low=0, high=10**9),
            contacts=limits.maybe_whole("contacts", low=0, high=10**9),
            custom_fields=limits.maybe_whole("custom_fields", low=0, high=10**6),
        ),
    )
    limits.done()
    table.done()
    return section


def paces(table: Table) -> tuple[PaceSection, PaceSection]:
    """Read `[pace.source]` and `[pace.destination]`: neither platform documents a limit, so the defaults are low."""
    of_source = _pace(table.table("source"), rate_per_s=1.0, max_in_flight=1)
    of_destination = _pace(table.table("destination"), rate_per_s=10.0, max_in_flight=12)
    table.done()
    return of_source, of_destination


def owners(table: Table) -> OwnersSection:
    """Read `[owners]`."""
    section = OwnersSection(file=table.path("file", exists=True), fallback=_email(table, "fallback", required=False))
    table.done()
    return section


def leads(table: Table) -> LeadsSection:
    """Read `[leads]`."""
    unqualified = table.choice("unqualified", ("person", "lead"), default="person")
    rule: str | Mapping[str, object] | None
    if table.has("rule") and isinstance(given := table.raw("rule"), dict):
        rule = dict(given)
    else:
        rule = table.maybe_text("rule", expected="the name of a rule, or a table")
    table.done()
    return LeadsSection(unqualified=unqualified, rule=rule)


def map_(table: Table) -> MapSection:
    """Read `[map]` and `[map.llm]`."""
    llm = None
    if table.has("llm"):
        inner = table.table("llm")
        llm = LlmSection(base_url=inner.url("base_url"), model=inner.text("model"), api_key=inner.secret("api_key", required=False))
        inner.done()
    section = MapSection(file=table.path("file"), llm=llm)
    table.table("llm")
    table.done()
    return section


def gates(table: Table) -> GatesSection:
    """Read `[gates]`."""

    def mode(name: str) -> GateMode:
        options: dict[str, Literal["ask", "auto"]] = {"ask": "ask", "auto": "auto"}
        return options[table.choice(name, options, default="ask")]

    section = GatesSection(map=mode("map"), owners=mode("owners"), sample=mode("sample"), cutover=mode("cutover"))
    table.done()
    return section


def sample(table: Table) -> SampleSection:
    """Read `[sample]`."""
    section = SampleSection(size=table.whole("size", default=300, low=1, high=5000))
    table.done()
    return section


def cutover(table: Table) -> CutoverSection:
    """Read `[cutover]`."""
    section = CutoverSection(
        mode=table.choice("mode", ("freeze", "live"), default="freeze"),
        deadline_s=table.duration_s("deadline_s", default=4 * 3600.0, low=1.0, high=14 * DAY_S),
        watch_days=table.number("watch_days", default=3.0, low=0.0, high=90.0),
        future_activities=table.choice("future_activities", ("skip", "send"), default="skip"),
    )
    table.done()
    return section


def delta(table: Table) -> DeltaSection:
    """Read `[delta]`."""
    section = DeltaSection(
        poll_s=table.duration_s("poll_s", default=60.0, low=0.05, high=DAY_S),
        settle_s=table.duration_s("settle_s", default=300.0, low=0.0, high=7 * DAY_S),
        sweep_every_s=table.duration_s("sweep_every", default=6 * 3600.0, low=0.1, high=30 * DAY_S),
    )
    table.done()
    return section


def control(table: Table, state_dir: Path) -> ControlSection:
    """Read `[control]`; the socket lives in the state folder unless told otherwise."""
    socket = table.path("socket") or state_dir / "control.sock"
    size_bytes = len(str(socket).encode())
    if size_bytes > SOCKET_PATH_MAX_BYTES:
        table.fault("socket", f"the path has {size_bytes} bytes, expected at most {SOCKET_PATH_MAX_BYTES} (a limit of unix sockets)")
    section = ControlSection(socket=socket, allow_uids=table.uids("allow_uids"))
    table.done()
    return section


def log(table: Table) -> LogSection:
    """Read `[log]`."""
    section = LogSection(
        format=table.choice("format", ("auto", "json", "text"), default="auto"), level=table.choice("level", LOG_LEVELS, default="info")
    )
    table.done()
    return section


# ---------------------------------------------------------------------------------------------- parts


def _streams(table: Table) -> dict[str, StreamSection]:
    known = ("reader", "enabled", "poll_s", "settle_s")
    streams = {}
    for kind in table.keys():
        inner = table.table(kind)
        streams[kind] = StreamSection(
            reader=inner.choice("reader", ("api", "files")) if inner.has("reader") else None,
            enabled=inner.flag("enabled", default=True),
            poll_s=inner.duration_s("poll_s", default=0.05, low=0.05, high=DAY_S) if inner.has("poll_s") else None,
            settle_s=inner.duration_s("settle_s", default=0.0, low=0.0, high=7 * DAY_S) if inner.has("settle_s") else None,
            spec=inner.rest(known),
        )
    return streams


def _counts(table: Table) -> dict[str, int]:
    counts = {kind: table.whole(kind, default=0, low=0, high=1_000_000_000) for kind in table.keys()}
    table.done()
    return counts


def _pace(table: Table, *, rate_per_s: float, max_in_flight: int) -> PaceSection:
    section = PaceSection(
        rate_per_s=table.number("rate_per_s", default=rate_per_s, low=0.0, high=10_000.0, low_included=False),
        max_in_flight=table.whole("max_in_flight", default=max_in_flight, low=1, high=256),
        adaptive=table.flag("adaptive", default=True),
    )
    table.done()
    return section


def _timezone(table: Table) -> str:
    name = table.text("timezone", expected='the time zone of the account, e.g. "Africa/Johannesburg"')
    if name and not _is_zone(name):
        by_lower = {zone.lower(): zone for zone in available_timezones()}
        close = near(name, by_lower)
        for lower, zone in by_lower.items():
            close = close.replace(f'"{lower}"', f'"{zone}"')
        table.fault("timezone", f'{name!r} given, expected a time zone such as "Africa/Johannesburg"{close}')
    return name


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _needed(table: Table, key: str, required: bool) -> str | None:
    return table.text(key) if required else table.maybe_text(key)


def _email(table: Table, key: str, *, required: bool) -> str | None:
    text = table.text(key, expected="an e-mail address") if required else table.maybe_text(key, expected="an e-mail address")
    if text and (text.count("@") != 1 or text.startswith("@") or text.endswith("@") or " " in text):
        table.fault(key, f"{text!r} given, expected an e-mail address")
    return text
