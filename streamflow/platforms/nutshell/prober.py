"""The write probes that fill the capability flags, on records that are removed again (nutshell.md 11)."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

import structlog

from streamflow.clock import Clock
from streamflow.errors import (
    OURS,
    AccessRefused,
    NotFound,
    PlatformUnavailable,
    ProtocolMismatch,
    RecordRejected,
    StreamflowError,
    Throttled,
    Uncertain,
)
from streamflow.model import DestId, Fields, Kind
from streamflow.platforms.destination import FieldSpec, ProbeJournal
from streamflow.platforms.nutshell import probes_deals as deals
from streamflow.platforms.nutshell import probes_people as people
from streamflow.platforms.nutshell.bench import NAMED, Bench
from streamflow.platforms.nutshell.calls import Calls
from streamflow.platforms.nutshell.dialect.envelope import rows
from streamflow.platforms.nutshell.dialect.events import PAGE, happenings, number
from streamflow.platforms.nutshell.dialect.marks import MARKER_FIELD
from streamflow.platforms.nutshell.pages import ListPass
from streamflow.platforms.nutshell.people import Directory
from streamflow.platforms.nutshell.reader import NutshellReader
from streamflow.platforms.nutshell.schema import NutshellSchema
from streamflow.platforms.nutshell.writer import NutshellWriter

log = structlog.get_logger(__name__)
LAG_LOOKS_S = (0.0, 1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0)    # waits between looks, about 65 s together
RETRY_WAITS_S = (0.2, 1.0, 3.0)    # before a probe is tried anew
SWEEP_EVENTS = 1_000    # how far back the feed is searched for what an interrupted probe made
_NAMES = ("name", "description", "title", "body")
Probe = Callable[[Bench], Awaitable[dict[str, Any]]]
_T = TypeVar("_T")
_Left: TypeAlias = tuple[Kind, str, DestId | None]      # kind, marker, id where it is known


class NutshellProber:
    """The probing door. Flags are answered, not adopted: the operator's own settings may go before them."""

    def __init__(
        self, calls: Calls, directory: Directory, writer: NutshellWriter, reader: NutshellReader, schema: NutshellSchema, clock: Clock
    ) -> None:
        self._calls = calls
        self._directory = directory
        self._writer = writer
        self._reader = reader
        self._schema = schema
        self._clock = clock

    async def probe(self, journal: ProbeJournal, long_text: FieldSpec | None = None) -> Mapping[str, Any]:
        """
        Give flag -> value for everything that could be learned; what could not is absent, and why stands under "_reasons".

        *long_text* is a custom field of leads to try, none is made for it. "_left" names records that could not be removed. Raises
        AccessRefused when the credentials are not taken at all.
        """
        await self._directory.users(fresh=True)
        bench = Bench(self._calls, self._writer, journal, self._clock)
        learned: dict[str, Any] = {}
        reasons: dict[str, str] = {}
        left: dict[str, str] = {}
        try:
            for name, probe in self._probes(long_text):
                try:
                    found = await self._patiently(partial(probe, bench))
                    bench.learn(found)
                    learned.update(found)
                except OURS:
                    raise
                except StreamflowError as error:
                    reasons[name] = error.message
                    log.info("nutshell.probe_failed", probe=name, code=error.code)
        finally:
            left.update(await bench.clear())
        return {**learned, "_reasons": reasons, "_left": left}

    async def _patiently(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Try, and anew when a call was lost or put off: that says nothing of the account. What was made before is in the journal."""
        for wait_s in RETRY_WAITS_S:
            try:
                return await attempt()
            except (Uncertain, Throttled, PlatformUnavailable):
                await self._clock.sleep(wait_s)
        return await attempt()

    def _probes(self, long_text: FieldSpec | None) -> Sequence[tuple[str, Probe]]:
        users, schema, writer = self._directory, self._schema, self._writer
        long_texts: tuple[tuple[str, Probe], ...] = ()
        if long_text is not None:
            long_texts = (("long_text_max_chars", lambda bench: deals.long_text(bench, long_text.label)),)
        return (
            ("rpc_methods", self._rpc_methods),
            ("cf_type_map", lambda bench: people.marker_fields(bench, schema)),
            ("accounts", people.company),
            ("phone_value_form", people.person),
            ("contact_name_patch", people.name_parts),
            ("cf_patch_path", people.custom_path),
            ("payload_custom_fields", people.payloads),
            ("cf_value_forms", lambda bench: people.value_forms(bench, schema)),
            ("impersonation", lambda bench: people.impersonation(bench, users)),
            ("lead_requires_contact", deals.lonely_lead),
            ("lead_due_form", deals.lead),
            ("owner_filled", deals.owners_filled),
            ("lead_stage_write", deals.stage),
            *long_texts,
            ("activity_backdate", lambda bench: deals.activity(bench, users)),
            ("activity_delete", deals.activity_removal),
            ("activity_participants", lambda bench: deals.activity_participants(bench, users)),
            ("note_max_chars", deals.note),
            ("note_edit", lambda bench: deals.note_edit(bench, writer, users)),
            ("task_body_form", lambda bench: deals.task(bench, users)),
            ("task_assignee_filled", deals.task_for_nobody),
            ("tasks_patch_media", lambda bench: deals.task_media(bench, users)),
            ("task_complete", deals.task_complete),
            ("note_backdate", deals.note_backdate),
            ("multi_get_kinds", deals.multi_get),
            ("search_lag_s", self._search_lag),
            ("rpc_find_custom_fields", self._rpc_find),
        )

    async def _rpc_methods(self, bench: Bench) -> dict[str, Any]:
        return {"rpc_methods": await self._calls.service_description()}

    async def _search_lag(self, bench: Bench) -> dict[str, Any]:
        """Look for the person in the list until it shows; half as much again is taken as the lag."""
        dest_id, marker = bench.anchor("contacts"), bench.known["contacts"][1]
        for wait_s in LAG_LOOKS_S:
            await self._clock.sleep(wait_s)
            query = [(f"filter[{MARKER_FIELD}]", marker), ("page[limit]", "50")]
            try:
                listed = rows(await self._calls.get("contacts", query=query), "contacts")
            except ProtocolMismatch as error:     # a look that shows nothing; the next one may
                log.info("nutshell.look_failed", probe="search_lag_s", code=error.code)
                continue
            if any(row.get("id") == dest_id for row in listed):
                seen_s = self._clock.monotonic() - bench.made_at_s["contacts"]
                return {"search_lag_s": float(math.ceil(seen_s * 1.5 + 1.0))}
        raise ProtocolMismatch("a new record did not show in the lists within a minute", platform="nutshell")

    async def _rpc_find(self, bench: Bench) -> dict[str, Any]:
        """See whether JSON-RPC lists whole records with their custom fields."""
        params = {"query": {}, "limit": 1, "page": 1, "stubResponses": False}
        try:
            found = rows(await self._calls.ask("findContacts", params), "contacts")
        except (RecordRejected, AccessRefused, NotFound, ProtocolMismatch):
            return {"rpc_find_custom_fields": False}
        if not found:
            raise RecordRejected("there is no person to look at", platform="nutshell")
        return {"rpc_find_custom_fields": isinstance(found[0].get("customFields"), dict | list)}

    # --- after an interruption

    async def sweep_probes(self, journal: ProbeJournal, *, patiently: bool = True) -> None:
        """
        Remove what an interrupted run of probes left behind: by id where it is known, else by its name in feed and lists.

        What does not show may still be carried out, or show late: it is looked for once more behind both, or, unless *patiently*, left
        for a later sweep. What cannot be removed stays in the journal.
        """
        bench = Bench(self._calls, self._writer, journal, self._clock)
        hidden = [each for each in await self._left(journal) if await self._swept(bench, journal, each) is False]
        if not patiently or not hidden:
            return
        await self._clock.sleep(self._calls.flags.late_commit_s + self._calls.flags.search_lag_s)
        for each in hidden:
            if await self._swept(bench, journal, each) is False:
                await journal.removed(each[0], each[1])

    async def _left(self, journal: ProbeJournal) -> list[_Left]:
        order = ("tasks", "notes", "activities", "leads", "contacts", "accounts")
        return sorted(await journal.left(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))

    async def _swept(self, bench: Bench, journal: ProbeJournal, left: _Left) -> bool | None:
        """Remove one record; False when it is not to be found, None when that, or its removal, failed."""
        kind, marker, dest_id = left
        try:
            ids = [dest_id] if dest_id else await self._patiently(partial(self._named, kind, marker))
            for found in ids:
                if dest_id is None:
                    await journal.made(kind, marker, found)      # should its removal fail, it can be named
                await self._patiently(partial(bench.remove, kind, marker, found))
        except OURS:
            raise
        except StreamflowError as error:
            log.warning("nutshell.probe_left", kind=kind, dest_id=dest_id or "", code=error.code, reason=error.message)
            return None
        return bool(ids)

    async def _named(self, kind: Kind, marker: str) -> list[DestId]:
        found = [i for i, fields in (await self._recent(kind)).items() if _is_named(fields, marker)]
        if not found:
            async for page in ListPass(self._calls, kind, [("q", marker)] if kind != "notes" else []).pages():
                live = await self._reader.read(kind, [str(row["id"]) for row in page], custom=False)
                found.extend(i for i, fields in live.items() if _is_named(fields, marker))
        return sorted(set(found))

    async def _recent(self, kind: Kind) -> dict[DestId, Fields]:
        """Records of a kind in the latest events, live ones only."""
        found: dict[DestId, Fields] = {}
        before: int | None = None
        for _ in range(SWEEP_EVENTS // PAGE):
            query = [("filters[payload][]", kind), ("limit", str(PAGE))]
            if before is not None:
                query.append(("max_id", f"{before}-events"))
            page = happenings(await self._calls.get("events", query=query))
            for event in page:
                found.update(event.payloads)
            if len(page) < PAGE or number(page[0].id) <= 1:
                break
            before = number(page[0].id) - 1
        likely = [i for i, fields in found.items() if any(NAMED in str(fields.get(name) or "") for name in _NAMES)]
        return dict(await self._reader.read(kind, likely, custom=False))


def _is_named(fields: Fields, marker: str) -> bool:
    """The marker as the whole name, or as the first line of a text."""
    return any(str(fields.get(name) or "").split("\n", 1)[0].strip() == marker for name in _NAMES)
