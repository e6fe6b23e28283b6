"""From tables to sections: which keys exist, their bounds and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from streamflow.config._platform import elsewhere, email, platform_of, read_options
from streamflow.config._table import Table
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
from streamflow.options import Form
from streamflow.spelling import near

DAY_S = 86_400.0
READERS = ("api", "files")
SOCKET_PATH_MAX_BYTES = 107  # sun_path of Linux, without the closing zero


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


def source(table: Table, forms: Mapping[str, Form]) -> SourceSection:
    """Read `[source]` with its streams; the platform it names says which further keys there are."""
    platform, form = platform_of(table, forms)
    reader = table.choice("reader", READERS)
    streams = _streams(table.table("streams"))
    readers = {reader} | {stream.reader for stream in streams.values() if stream.reader and stream.enabled}
    files = table.table("files")
    section = SourceSection(
        platform=platform,
        reader=reader,
        timezone=_timezone(table),
        options=read_options(table, form, readers),
        inbox=table.path("inbox"),
        ca_file=table.path("ca_file", exists=True),
        date_formats=files.texts("date_formats"),
        streams=streams,
        expected_counts=_counts(table.table("expected_counts")),
    )
    if "files" in readers and not table.has("inbox"):
        table.fault("inbox", "is missing, expected the folder of export snapshots that the files reader reads")
    files.done()
    table.done(gone=elsewhere(platform, forms))
    return section


def destination(table: Table, forms: Mapping[str, Form]) -> DestinationSection:
    """Read `[destination]` with its flags and limits; it may leave the platform out where there is but one."""
    platform, form = platform_of(table, forms, default=next(iter(forms)) if len(forms) == 1 else None)
    flags, limits = table.table("flags"), table.table("limits")
    section = DestinationSection(
        platform=platform,
        options=read_options(table, form, set(READERS)),
        ca_file=table.path("ca_file", exists=True),
        flags=flags.rest(()),
        limits=LimitsSection(
            open_leads=limits.maybe_whole("open_leads", low=0, high=10**9),
            contacts=limits.maybe_whole("contacts", low=0, high=10**9),
            custom_fields=limits.maybe_whole("custom_fields", low=0, high=10**6),
        ),
    )
    limits.done()
    table.done(gone=elsewhere(platform, forms))
    return section


def paces(table: Table, source: Form, destination: Form) -> tuple[PaceSection, PaceSection]:
    """Read `[pace.source]` and `[pace.destination]`; the defaults are those of the platforms."""
    of_source = _pace(table.table("source"), rate_per_s=source.rate_per_s, max_in_flight=source.max_in_flight)
    of_destination = _pace(table.table("destination"), rate_per_s=destination.rate_per_s, max_in_flight=destination.max_in_flight)
    table.done()
    return of_source, of_destination


def owners(table: Table) -> OwnersSection:
    """Read `[owners]`."""
    section = OwnersSection(file=table.path("file", exists=True), fallback=email(table, "fallback", required=False))
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
    section = ControlSection(socket=socket, allow_uids=table.uids("allow_uids"), look_uids=table.uids("look_uids"))
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
            reader=inner.choice("reader", READERS) if inner.has("reader") else None,
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
        close = near(name, available_timezones())
        table.fault("timezone", f'{name!r} given, expected a time zone such as "Africa/Johannesburg"{close}')
    return name


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
