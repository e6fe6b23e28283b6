"""Probe, map gate, schema and owners: what is read, what is asked, and that nothing is written too early."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from streamflow.errors import PlanLimit, RecordRejected, UsageError
from streamflow.mapping.document import ObjectMap
from streamflow.mapping.document_json import from_json
from streamflow.mapping.schema import required_fields
from streamflow.migration import cutover
from streamflow.migration.context import Migration
from streamflow.migration.control import Drained
from streamflow.migration.life import State
from streamflow.migration.offering import plan_gaps
from streamflow.migration.owners import OwnersGate, directory_of, match, tally
from streamflow.migration.owners_file import OwnersFile
from streamflow.migration.proposal import VOLUME, MapGate
from streamflow.migration.schema import SchemaPhase, defined_fields
from streamflow.migration.scope import headroom
from streamflow.model import Record, Ref
from streamflow.platforms.destination import FieldSpec
from streamflow.stages.roles import roles_of
from tests.hanging import HUNG_S
from tests.mapping.builders import PAIR
from tests.migration.rig import ASK_CUTOVER, FALLBACK, Killed, Voyage, in_tail, voyage

ROLES = roles_of(PAIR)
ASK = {"map": "ask", "owners": "ask", "sample": "ask", "cutover": "ask"}


def writes(trip: Voyage) -> list[str]:
    """What of the calls to the destination was no read."""
    readable = ("RPC get", "RPC find", "POST rpc")
    return [
        line for line in trip.wire("nutshell")
        if not line.startswith(("GET", *readable)) and not any(word in line for word in ("get", "find", "instanceData"))
    ]


@pytest.mark.parametrize(("state", "asked"), [(State.MAP, "map:confirmed"), (State.CUTOVER, "cutover")])
async def test_a_gate_stays_in_sight(tmp_path: Path, state: State, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever wakes the one who waits at a gate for another look, the gate is shown without a gap."""
    seen: list[str] = []
    at = {State.MAP: State.PROBE, State.CUTOVER: State.TAIL}[state]
    async with voyage(tmp_path, at=at, records=30, gates=ASK if at is State.PROBE else ASK_CUTOVER) as trip:
        original = trip.ledger.setting
        if at is State.TAIL:
            await cutover.request(trip.m, "uid:7", freeze_confirmed=False)
        await trip.until(state)

        async def watched(name: str) -> Any:
            if name == asked:
                seen.append(trip.m.gate.name if trip.m.gate is not None else "")
            return await original(name)

        async def look() -> None:
            await until(lambda: trip.m.gate is not None)
            seen.clear()
            for looks in range(3):
                await trip.m.decide("uid:7", "rollback.planned")
                await until(lambda looks=looks: len(seen) > looks)
            trip.m.control.drain()

        async def until(holds: Callable[[], bool]) -> None:
            while not holds():
                with anyio.move_on_after(0.005):
                    await trip.m.control._changed.wait()

        monkeypatch.setattr(trip.ledger, "setting", watched)
        with anyio.fail_after(HUNG_S):
            async with anyio.create_task_group() as group:
                group.start_soon(look)
                with pytest.raises(Drained):
                    await trip.phase()
    assert len(seen) >= 3
    assert set(seen) == {{State.MAP: "map", State.CUTOVER: "freeze"}[state]}


@pytest.mark.parametrize("gate", ["map", "owners", "sample"])
async def test_a_decision_between_two_looks_is_not_slept_through(tmp_path: Path, gate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Committed after the one who waits has looked and before they wait, a decision lets the run go on at once."""
    at = {"map": State.PROBE, "owners": State.SCHEMA, "sample": State.SAMPLE}[gate]
    to = {"map": State.MAP, "owners": State.OWNERS, "sample": State.SAMPLE}[gate]
    fallback = {} if gate != "owners" else {"fallback_owner": None}
    async with voyage(tmp_path, at=at, records=30, gates={**ASK, "map": "ask" if gate == "map" else "auto"}, **fallback) as trip:
        await trip.until(to)
        original = Migration.explain

        async def explain(self: Migration, reason: str) -> None:
            await original(self, reason)
            if "waiting until" in reason:
                await MapGate(trip.m).confirm("uid:7", (await trip.ledger.setting("map:proposed"))["digest"])
            elif "have no user" in reason:
                await trip.set("operator:fallback", FALLBACK)
                await OwnersGate(trip.m).recheck("uid:7")
            elif "waits to be looked at" in reason:
                await trip.sample.decide("uid:7", "accept")

        monkeypatch.setattr(Migration, "explain", explain)
        with anyio.fail_after(HUNG_S):
            assert await trip.phase() is {"map": State.SCHEMA, "owners": State.SAMPLE, "sample": State.BACKFILL}[gate]


async def test_nothing_is_written_before_the_map_is_confirmed(tmp_path: Path) -> None:
    """Until a person confirms the digest every call to the destination reads, and the destination is as it was."""
    async with voyage(tmp_path, records=30, gates=ASK) as trip:
        before = {kind: trip.live(kind) for kind in ("accounts", "contacts", "leads", "notes", "activities", "tasks", "sources")}
        seen: list[str] = []

        async def look() -> None:
            seen.extend(writes(trip))
            assert {kind: trip.live(kind) for kind in before} == before
            proposed = await trip.ledger.setting("map:proposed")
            with pytest.raises(UsageError, match="does not name"):
                await MapGate(trip.m).confirm("uid:7", "0" * 64)
            await MapGate(trip.m).confirm("uid:7", proposed["digest"])

        await trip.until(State.MAP)
        await trip.answering({"map": look})
        assert seen == []
        assert trip.m.phase.state is State.SCHEMA


async def test_the_inventory_counts_what_is_there(tmp_path: Path) -> None:
    """The scope report's counts are those of the source's own tables, memberships included (LT-41)."""
    async with voyage(tmp_path, at=State.SCHEMA, records=30) as trip:
        found = trip.reports["scope"]["inventory"]
        tables = {"lead": "leads", "note": "notes", "call": "calls", "email": "emails", "reminder": "reminders", "user": "users"}
        assert {kind: found["source"].get(kind, 0) for kind in tables} == {kind: len(trip.source_rows(t)) for kind, t in tables.items()}
        assert found["members"] == sum(len(row["members"]) for row in trip.source_rows("groups"))
        labels = {label for row in trip.source_rows("leads") for label in row["custom_fields"]}
        assert found["custom_fields"] == len(labels)
        assert trip.reports["scope"]["compatibility"]["text"].endswith("objects")
        assert trip.reports["scope"]["rule"]["leads_concerned"] > 0


async def test_what_the_account_does_not_offer_names_the_rows(tmp_path: Path) -> None:
    """A right, a team or an activity type that is missing is told with every row of the map behind it, and with no other (G-21)."""
    async with voyage(tmp_path, at=State.SCHEMA, records=30, unqualified="lead") as trip:
        document = from_json((await trip.ledger.setting("map:confirmed"))["document"], trip.m.pair)
        reference = await trip.destination.schema.reference()
        rows = {(one.destination, f"{one.source}.{row.source} → {one.destination}.{row.target}"): row for one, row in document.rows()}
        found = trip.reports["scope"]
        [email] = [each for each in found["to_do"] if each["what"] == "activity type Email"]
        assert email["rows"].split("; ") == [text for (_, text), row in rows.items() if text.startswith("email.") and row.target]
        lacking = [f"the user lacks the permission {name}" for name in ("canAccessSetup", "canAssignEntities", "canDeleteEntities")]
        bare = dataclasses.replace(reference, teams={}, custom_fields=(FieldSpec(entity="contacts", label="Lead Status", family="text"),))
        gaps = {each["gap"]: each["rows"] for each in plan_gaps(document, trip.m.pair, bare, {"lacking": lacking, "is_admin": False})}
        setup = set(gaps[lacking[0]].split("; "))
        assert setup == set(gaps["the user is no administrator and may not create custom fields"].split("; ")) == {
            text for (entity, text), row in rows.items()
            if (row.target or "").startswith("custom:") and (entity, row.target) != ("contacts", "custom:Lead Status")
            and entity in ("accounts", "contacts", "leads")
        }  # fmt: skip
        assigned = set(gaps[lacking[1]].split("; "))
        assert {"lead.userid → contacts.link:owner", "lead.userid → leads.link:owner"} <= assigned
        assert assigned == {text for (_, text), row in rows.items() if str(row.target).startswith(("link:owner", "link:assignee"))}
        assert gaps[lacking[2]] == "", "the right to delete concerns the undoing, not a row"
        groups = gaps["no teams are offered: groups stay a table"].split("; ")
        assert groups
        assert all("group" in text for text in groups)


async def test_a_probe_that_is_killed_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """After a kill at any commit the first pass ends with every record once, and finished streams are not read again."""
    async with voyage(tmp_path, records=40) as trip:
        commit, asked = 1, 0
        while await trip.killed_at(commit, trip.phase, late=commit % 2 == 0):
            commit += 3
            asked += len(trip.wire("leadtrekker"))
        assert commit > 4
        for kind, table in (("lead", "leads"), ("note", "notes"), ("call", "calls")):
            assert set(await trip.staged(kind)) == {str(row[f"{kind}id"]) for row in trip.source_rows(table)}
        marks = {mark.name: mark.note for mark in await trip.ledger.marks()}
        assert all(note.get("complete") for name, note in marks.items() if name.startswith(("read:", "sweep:")))


async def test_an_interrupted_child_scan_goes_on_at_its_parent(tmp_path: Path) -> None:
    """Leads whose notes were read before the kill are not asked again."""
    async with voyage(tmp_path, records=400) as trip:
        asked: list[str] = []
        original = trip.doors.children

        async def children(kind: str, parent: str) -> Any:
            if kind == "note":
                asked.append(parent)
                if len(asked) == 60:
                    raise Killed
            return await original(kind, parent)

        trip.doors.children = children
        with pytest.raises(Killed):
            await trip.phase()
        first, asked[:] = list(asked), []
        trip.doors.children = original
        await trip.restart()
        trip.doors.children = children
        await trip.phase()
        assert len(first) >= 60
        assert len(set(first) & set(asked)) <= 24, "only the group of parents under way is asked again"


async def test_an_edit_with_several_faults_lists_them_all(tmp_path: Path) -> None:
    """A map that names unknown fields and settings is refused with each fault, and the proposal stays."""
    async with voyage(tmp_path, at=State.MAP, records=30, gates=ASK) as trip:
        gate = MapGate(trip.m)
        await gate._propose()
        proposed = await trip.ledger.setting("map:proposed")
        document = orjson.loads(orjson.dumps(proposed["document"]))
        document["settings"] = {**document.get("settings", {}), "zone": "Moon/Base", "unqualified": "both"}
        with pytest.raises(UsageError) as refused:
            await gate.edit("uid:7", document)
        assert "zone" in str(refused.value)
        assert "unqualified" in str(refused.value)
        assert (await trip.ledger.setting("map:proposed"))["digest"] == proposed["digest"]


async def test_an_edit_renews_the_scope_report(tmp_path: Path) -> None:
    """The scope report at the gate is that of the proposal which can be confirmed."""
    async with voyage(tmp_path, at=State.MAP, records=30, gates=ASK) as trip:
        digests: list[str] = []

        async def edit_then_confirm() -> None:
            digests.append(trip.reports["scope"]["map"]["digest"])
            gate = MapGate(trip.m)
            if len(digests) == 1:
                document = orjson.loads(orjson.dumps((await trip.ledger.setting("map:proposed"))["document"]))
                document["settings"] = {**document.get("settings", {}), "unqualified": "lead"}
                await gate.edit("uid:7", document)
            else:
                await gate.confirm("uid:7", digests[-1])

        await trip.answering({"map": edit_then_confirm})
        assert len(set(digests)) == 2


async def test_a_very_large_account_needs_an_explicit_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above what is routine the map gate is not left before somebody says go, even with automatic gates (G-17)."""
    monkeypatch.setattr("streamflow.mapping.estimate.ROUTINE_RECORDS", 10)
    async with voyage(tmp_path, records=30) as trip:
        await trip.until(State.MAP)

        async def go() -> None:
            [item] = await trip.items(VOLUME)
            assert item.blocking
            await trip.resolve(item, "go")

        await trip.answering({"volume": go})
        assert trip.gates == ["volume"]
        assert trip.m.phase.state is State.SCHEMA


def test_the_plan_s_headroom_is_told() -> None:
    """A cap that is passed and one that is nearly reached are both in the warnings (G-18)."""
    told = headroom({"contacts": 100, "custom_fields": 50, "open_leads": 10}, {"contacts": 120, "custom_fields": 48, "open_leads": 2})
    assert len(told) == 2
    assert "stops before the cap" in told[0]
    assert "little room" in told[1]


async def test_the_map_is_closed_after_the_switch(tmp_path: Path) -> None:
    """Once the cutover runs no other map can be confirmed: everything would be derived anew behind people's backs."""
    async with voyage(tmp_path, at=State.DONE, records=30) as trip:
        with pytest.raises(UsageError, match="cannot change"):
            await MapGate(trip.m).confirm("uid:7", (await trip.ledger.setting("map:proposed"))["digest"])


# ------------------------------------------------------------------------------------------------ schema


async def test_probes_leave_nothing_behind_wherever_they_are_killed(tmp_path: Path) -> None:
    """Killed at every few journal entries, the probe's records are gone at the end and the journal is empty."""
    async with voyage(tmp_path, at=State.SCHEMA, records=20, probed=False) as trip:
        before = {kind: set(trip.live(kind)) for kind in ("accounts", "contacts", "leads", "notes", "activities", "tasks")}
        for commit in (3, 4, 7, 12):
            assert await trip.killed_at(commit, trip.phase, late=commit % 2 == 0)
        await trip.phase()
        assert {kind: set(trip.live(kind)) for kind in before} == before
        assert await trip.ledger.settings("probe:record:") == {}
        defined = {(row["entity"], row["label"]): row["created"] for row in await trip.ledger.setting("fields:defined")}
        assert defined["contacts", "Streamflow ID"] == "yes", "a field that a probe made is ours"


async def test_fields_of_ours_are_known_as_ours_after_a_kill(tmp_path: Path) -> None:
    """A field created just before a kill is still listed as made by us, since a rollback has to name it."""
    async with voyage(tmp_path, at=State.SCHEMA, records=30) as trip:
        commit = 2
        while await trip.killed_at(commit, trip.phase):
            commit = 4
            trip.ledger.commits_left = -1
            if trip.m.phase.state is not State.SCHEMA or len(await trip.ledger.setting("fields:defined") or []) > 6:
                break
        await trip.until(State.OWNERS)
        assert {row["created"] for row in await trip.ledger.setting("fields:defined")} == {"yes"}


async def test_a_field_of_another_type_stops_with_a_clear_message(tmp_path: Path) -> None:
    """The run stops before the first record and names field, entity and family."""
    async with voyage(tmp_path, at=State.SCHEMA, records=30) as trip:
        trip.in_destination("add_custom_field", kind="contacts", values={"name": "Lead Status", "type": "Currency"})
        with pytest.raises(RecordRejected) as refused:
            await trip.phase()
        assert "Lead Status" in str(refused.value)
        assert "map edit" in refused.value.hint


@pytest.mark.parametrize("form", ["400", "403"])
async def test_a_field_that_the_plan_has_no_room_for_is_named(tmp_path: Path, form: str) -> None:
    """The run stops before the first record, names the field and both ways out; with more room it goes on where it was."""
    async with voyage(tmp_path, at=State.SCHEMA, records=30) as trip:
        trip.site.plan["custom_fields"] = 12
        trip.site.faults.merge({"plan_refusal": form})
        with pytest.raises(PlanLimit) as refused:
            await trip.phase()
        assert "custom field '" in str(refused.value)
        assert "raise the plan" in refused.value.hint
        assert "map edit" in refused.value.hint
        trip.site.plan["custom_fields"] = None
        assert await trip.phase() is State.OWNERS


async def test_a_field_that_may_be_missing_stops_nothing(tmp_path: Path) -> None:
    """No room, or nothing that it would keep: the run goes on without the deals' long field and says so; with room it is there."""
    async with voyage(tmp_path, at=State.SCHEMA, records=30) as trip:
        confirmed = from_json((await trip.ledger.setting("map:confirmed"))["document"], trip.m.pair)
        deals = ObjectMap(source="deal", destination="leads", cardinality="1:1")
        document = dataclasses.replace(
            confirmed, objects=(*confirmed.objects, deals), settings={**confirmed.settings, "details_field": "Details"},
        )  # fmt: skip
        extra = ("leads", "Details")
        assert [(need.entity, need.label) for need in required_fields(document) if need.optional] == [extra]
        assert await SchemaPhase(trip.m).run(document) is State.OWNERS
        assert extra not in await defined_fields(trip.ledger), "the probe found no long field that keeps anything"
        await trip.set("capabilities", {**(await trip.ledger.setting("capabilities")), "long_text_max_chars": 500})
        trip.site.plan["custom_fields"] = sum(row["entity"] == "leads" for row in trip.site.state.table("customFields").values())
        assert await SchemaPhase(trip.m).run(document) is State.OWNERS
        assert extra not in await defined_fields(trip.ledger)
        told = [row.entry.key async for page in trip.ledger.audit() for row in page if row.entry.action == "field.left_out"]
        assert told == ["Details"]
        trip.site.plan["custom_fields"] = None
        assert await SchemaPhase(trip.m).run(document) is State.OWNERS
        assert extra in await defined_fields(trip.ledger)


async def test_what_the_admin_adds_later_is_used(tmp_path: Path) -> None:
    """The missing activity type is a to-do that closes by itself, and e-mails that come then are activities."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates={"cutover": "ask", "map": "auto", "sample": "auto"}) as trip:
        assert [item.key for item in await trip.items("to_do")] == ["activity type Email"]
        trip.in_destination("add_activity_type", values={"name": "Email"})
        lead = trip.source_rows("leads")[0]["leadid"]
        mail = {"from": "a@example.com", "to": "b@example.com", "subject": "Later", "body": "Hello"}
        key = trip.in_source("create", "emails", leadid=lead, **mail)
        await trip.stopping(trip.phase, lambda: any("Later" in str(row.get("name")) for row in trip.live("activities").values()))
        [link] = await trip.ledger.links_of("email", [key])
        assert link.dest_kind == "activities"
        assert await trip.items("to_do") == []


async def test_lead_sources_are_made_only_when_open_leads_need_them(tmp_path: Path) -> None:
    """With people only, not one lead source is created in the destination."""
    async with voyage(tmp_path, records=20) as trip:
        before = trip.live("sources")
        await trip.until(State.OWNERS)
        assert trip.live("sources") == before


# ------------------------------------------------------------------------------------------------ owners

ROSTER = [
    Record(kind="user", key=key, data={"name": name, "email": email}, digest="")
    for key, name, email in (("1", "Ann", " Ann@Example.com "), ("2", "Bo", "bo@example.com"), ("3", "Cy", ""))
]
USERS = [{"id": "1-users", "email": "ANN@example.com "}, {"id": "2-users", "email": "bo@example.com", "enabled": False},
         {"id": "9-users", "email": "office@example.com"}]  # fmt: skip


def owners_with(fallback: str | None = None, by_file: dict[str, str] | None = None) -> dict[str, Any]:
    from collections import Counter

    counted = {"1": Counter(lead=2), "2": Counter(lead=1, note=3), "3": Counter(call=1), "77": Counter(lead=1), "x@example.com": Counter()}
    found = match(tally(ROSTER, counted, {"77": "office@example.com"}, pair=PAIR), USERS, OwnersFile(by_id=by_file or {}), fallback)
    return {owner.key: owner for owner in found}


def test_owners_match_by_address_whatever_its_form() -> None:
    """Case and blanks do not matter; a disabled user is nobody; an id unknown to the roster is matched by the record's address."""
    owners = owners_with()
    assert (owners["1"].dest_id, owners["1"].via) == ("1-users", "email")
    assert owners["2"].dest_id is None
    assert owners["2"].records == {"lead": 1, "note": 3}
    assert owners["77"].dest_id == "9-users"


def test_the_file_and_the_fallback_fill_in() -> None:
    """What the address does not match is matched by the operator's file, then by the fallback, each said so."""
    owners = owners_with("office@example.com", {"3": "Ann@example.com"})
    assert (owners["3"].dest_id, owners["3"].via) == ("1-users", "file")
    assert (owners["2"].dest_id, owners["2"].via) == ("9-users", "fallback")


def test_nobody_is_said_to_have_written_what_they_did_not() -> None:
    """The fallback owns records and authors none."""
    directory = directory_of(owners_with("office@example.com").values(), ROLES)
    assert directory.lookup(Ref("user", "2")) == "9-users"
    assert directory.author("2") is None
    assert directory.author("1") == "1-users"


async def test_the_owner_gate_is_hard(tmp_path: Path) -> None:
    """With automatic gates and no fallback nothing passes until every owner has somebody; a look alone does not open it."""
    async with voyage(tmp_path, at=State.OWNERS, records=30, fallback_owner=None) as trip:
        looks = 0

        async def answer() -> None:
            nonlocal looks
            looks += 1
            await OwnersGate(trip.m).recheck("uid:7")
            assert trip.m.phase.state is State.OWNERS
            assert trip.reports["owners"]["unmatched"]
            await trip.set("operator:fallback", FALLBACK)
            await OwnersGate(trip.m).recheck("uid:7")
            trip.m.control.notify()

        await trip.answering({"owners": answer})
        assert looks == 1
        assert trip.m.phase.state is State.SAMPLE


async def test_records_of_an_owner_who_turns_up_late_are_held_and_let_go(tmp_path: Path) -> None:
    """In the tail a lead of an unknown owner waits in the queue, and moves once somebody is named."""
    gates = {"map": "auto", "sample": "auto", "cutover": "ask"}
    async with voyage(tmp_path, at=State.OWNERS, records=30, fallback_owner=None, gates=gates) as trip:

        async def provide() -> None:
            for owner in await OwnersGate(trip.m).table():
                if owner.dest_id is None and owner.total:
                    address = owner.email or f"user{owner.key}@example.co.za"
                    if not owner.email or trip.site.user_by_email(address) is None:
                        trip.in_destination("add_user", values={"email": address, "name": owner.name or owner.key})
                    else:
                        trip.in_destination("enable_user", values={"email": address})
                    (tmp_path / "reps.csv").open("a").write(f"{owner.key},x,{address}\n")
            trip.m.terms = dataclasses.replace(trip.m.terms, owners_file=tmp_path / "reps.csv")
            await OwnersGate(trip.m).recheck("uid:7")
            trip.m.control.notify()

        (tmp_path / "reps.csv").write_text("id,name,email\n")
        await trip.answering({"owners": provide})
        trip.terms = trip.m.terms
        await trip.until(State.TAIL)
        key = trip.in_source("create", "leads", name="Late Owner", email="late.owner@example.com", userid="", owner="New",
                             owner_email="new.rep@example.co.za")  # fmt: skip
        held: list[str] = []

        async def name_somebody() -> None:
            if held or not (items := await trip.items("owner_unmatched")):
                return
            held.extend(item.key for item in items)
            assert await trip.ledger.links_of("lead", [key]) == []
            trip.in_destination("add_user", values={"email": "new.rep@example.co.za", "name": "New Rep"})
            await OwnersGate(trip.m).recheck("uid:7")

        async def until_moved() -> None:
            import anyio

            async with anyio.create_task_group() as group:
                group.start_soon(trip.m.control.wait, None)
                group.start_soon(trip.phase)
                while not await trip.ledger.links_of("lead", [key]):
                    await name_somebody()
                    await anyio.sleep(0.02)
                group.cancel_scope.cancel()

        await until_moved()
        assert held == [key]


@pytest.mark.parametrize("is_killed", [False, True])
async def test_an_owner_who_turns_up_in_the_drain_is_matched_before_the_fallback(tmp_path: Path, is_killed: bool) -> None:
    """Whom the last complete read brings owns what is theirs where the destination has them as a user, a kill before delivery or none."""
    async with voyage(tmp_path, at=State.TAIL, records=30, gates=ASK_CUTOVER) as trip:
        await in_tail(trip)
        made = trip.in_destination("add_user", values={"email": "new.rep@example.co.za", "name": "New Rep"})
        user = trip.in_source("create", "users", name="New Rep", email="new.rep@example.co.za", role="agent", active="1")
        lead = trip.in_source("create", "leads", name="Late Owner", email="late.owner@example.com", userid=user)
        if is_killed:
            await trip.work.reader.poll(1)
            await trip.restart()
        await cutover.request(trip.m, "uid:7", freeze_confirmed=True)
        await trip.until(State.DONE)
        [link] = await trip.ledger.links_of("lead", [lead])
        assert link.base["link:owner"] == made["id"]
