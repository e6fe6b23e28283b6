"""The sample and the company table: chosen to cover the account, judged by a person, removed without a trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from anyio import fail_after

from streamflow.errors import PlanLimit, UsageError
from streamflow.mapping.companies import cluster_key
from streamflow.mapping.document_json import from_json
from streamflow.migration.companies import Clusters
from streamflow.migration.life import CAN_ROLL_BACK, MOVES, Phase, State
from streamflow.migration.proposal import MapGate
from streamflow.migration.reversals import GIVEN_UP_HERE
from streamflow.model import RecordState
from tests.hanging import HUNG_S
from tests.migration.rig import AUTO, Voyage, voyage, with_terms

ASK = {"map": "auto", "sample": "ask", "cutover": "ask"}
KINDS = ("accounts", "contacts", "notes", "activities", "tasks")


def ids(trip: Voyage) -> Mapping[str, set[str]]:
    return {kind: set(trip.live(kind)) for kind in KINDS}


async def waive(trip: Voyage) -> None:
    for item in await trip.items("company_ambiguous"):
        await trip.resolve(item, "waive")


def saying(trip: Voyage, *verdicts: str) -> Any:
    """Answer the sample gate with one verdict after the other."""
    left = list(verdicts)

    async def answer() -> None:
        await trip.sample.decide("uid:7", left.pop(0))
        trip.m.gate = trip.m._last_gate = None

    return answer


async def test_a_sample_covers_every_kind_and_brings_parents(tmp_path: Path) -> None:
    """It has the size asked for, something of every kind, and every child's lead."""
    async with voyage(tmp_path, at=State.BACKFILL, records=250, sample_size=60) as trip:
        chosen = await trip.ledger.setting("sample:keys")
        size = sum(len(keys) for kind, keys in chosen.items() if kind != "company")
        assert 55 <= size <= 60
        assert {"lead", "note", "call", "email", "reminder", "company"} <= {kind for kind, keys in chosen.items() if keys}
        for kind in ("note", "call", "email", "reminder"):
            staged = await trip.ledger.staged(kind, chosen[kind])
            assert {each.record.parent for each in staged.values()} <= set(chosen["lead"])


async def test_the_report_shows_what_the_source_said(tmp_path: Path) -> None:
    """Each row has source value, expected, actual and verdict; equal fields show their values too."""
    async with voyage(tmp_path, at=State.BACKFILL) as trip:
        rows = trip.reports["sample"]["rows"]
        status = [row for row in rows if row["field"] == "custom:Lead Status"]
        assert status
        assert all(row["source"] and row["expected"] and row["actual"] == row["expected"] and row["verdict"] == "equal" for row in status)
        assert any(row["field"] == "emails" and "@" in row["source"] for row in rows)


async def test_a_sample_is_read_back_once(tmp_path: Path) -> None:
    """What verification read of it is what the report shows: no custom fields are read a second time for that."""
    async with voyage(tmp_path, at=State.SAMPLE, records=60, sample_size=40) as trip:
        trip.wire("nutshell")
        await trip.phase()
        calls = Counter(trip.wire("nutshell"))
        reads = sum(number for call, number in calls.items() if call.startswith("GET") and call.endswith("/{id}/customfields"))
        before_changes = sum(number for call, number in calls.items() if call.startswith("PATCH"))
        rows = trip.reports["sample"]["rows"]
        shown = {row["destination"] for row in rows if row["actual"] is not None}
        chosen = await trip.ledger.setting("sample:keys")
        assert reads <= before_changes + len(chosen["company"]) + calls["POST leads"], calls     # too few of those for a shared read
        links = [link for kind, keys in chosen.items() for link in await trip.ledger.links_of(kind, keys)]
        assert shown == {link.dest_id for link in links if not link.is_merged}, "every record of it, with what is there"


async def test_a_discarded_sample_leaves_no_trace_and_asks_for_the_map(tmp_path: Path) -> None:
    """Everything it made is gone, its records wait again, and the map is to be confirmed anew."""
    async with voyage(tmp_path, at=State.SAMPLE, gates=ASK) as trip:
        before = ids(trip)
        await trip.answering({"companies": lambda: waive(trip), "sample": saying(trip, "discard")})
        assert trip.m.phase.state is State.MAP
        assert ids(trip) == before
        assert await trip.ledger.setting("map:confirmed") is None
        assert {each.state for each in (await trip.staged("lead")).values()} == {RecordState.PENDING}
        assert State.MAP in CAN_ROLL_BACK, "what was spared can still be undone"


@pytest.mark.parametrize("verdict", ["redo", "discard"])
async def test_a_removal_that_is_killed_goes_on_as_a_removal(tmp_path: Path, verdict: str) -> None:
    """Killed at many commits after the verdict, no record is lost: in the end all are in the destination once, or none is."""
    async with voyage(tmp_path, at=State.SAMPLE, gates=ASK, records=40, sample_size=12) as trip:
        before = ids(trip)

        async def decide_and_stop() -> None:
            await trip.sample.decide("uid:7", verdict)
            trip.m.control.drain()

        with pytest.raises(BaseException):  # noqa: B017, PT011 - the drain ends the phase by its own signal
            await trip.answering({"companies": lambda: waive(trip), "sample": decide_and_stop})
        await trip.restart()
        await trip.set(GIVEN_UP_HERE, [[["lead", "none", ""], "delete: sent 5 times"]])
        for number in range(8):
            if await trip.ledger.setting("sample:verdict") is None:
                break
            await trip.killed_at(2 + number, trip.phase, late=number % 2 == 1)
        if await trip.ledger.setting("sample:verdict") is None:
            assert await trip.ledger.setting(GIVEN_UP_HERE) is None, "what was given up here is tried anew by any later removal"
        if verdict == "discard":
            await trip.until(State.MAP)
            assert ids(trip) == before
            return
        await trip.answering({"companies": lambda: waive(trip), "sample": saying(trip, "accept")})
        await trip.phase()
        leads = await trip.staged("lead")
        linked = {link.ref.key for link in await trip.ledger.links_of("lead", list(leads))}
        unlinked = {key for key, each in leads.items() if key not in linked and each.disposition in ("created", "merged", "matched")}
        assert unlinked == set(), "no record counts as moved that is not there"


async def test_a_redo_finds_the_same_people_again(tmp_path: Path) -> None:
    """Look-ups of what was undone are gone with it: who is one person does not depend on what was moved before, nor on who came last."""
    async with voyage(tmp_path, gates=ASK, records=60, sample_size=60) as trip:
        mail = "one.address@example.com"
        for name in ("T Mokoena", "Thandi Mokoena", "Thabo Mokoena", "Thandi M Mokoena"):
            trip.in_source("create", "leads", name=name, email=mail, number="0825550142")
        await trip.until(State.SAMPLE)
        seen: list[set[frozenset[str]]] = []
        verdicts = ["redo", "redo", "accept"]

        async def judge() -> None:
            seen.append(await one_person(trip))
            await saying(trip, verdicts.pop(0))()

        await trip.answering({"companies": lambda: waive(trip), "sample": judge})
        assert len(seen) == 3
        assert seen[0] == seen[1] == seen[2]
        assert max(len(group) for group in seen[0]) > 1, "somebody was merged"
        await trip.phase()
        assert _is_kept(seen[0], await one_person(trip)), "nor does the backfill part or join them"


def _is_kept(before: set[frozenset[str]], after: set[frozenset[str]]) -> bool:
    """Say whether leads that were one person before still are, and those that were not are not."""
    known = frozenset().union(*before)
    return before == {group & known for group in after} - {frozenset()}


async def one_person(trip: Voyage) -> set[frozenset[str]]:
    """Leads by the person they are."""
    groups: dict[str, set[str]] = {}
    for link in await trip.ledger.links_of("lead", list(await trip.staged("lead"))):
        if link.ref.part == "" and link.dest_kind == "contacts":
            groups.setdefault(link.dest_id, set()).add(link.ref.key)
    return {frozenset(keys) for keys in groups.values()}


async def test_a_sample_cannot_be_judged_before_it_is_shown(tmp_path: Path) -> None:
    """An accept that comes while companies are still undecided is refused, so that nothing passes unseen."""
    async with voyage(tmp_path, at=State.SAMPLE, gates=ASK) as trip:
        with pytest.raises(UsageError, match="not been moved"):
            await trip.sample.decide("uid:7", "accept")
        with pytest.raises(UsageError, match="not been moved"):
            await trip.sample.decide("uid:7", "discard")


async def test_a_map_confirmed_at_the_sample_gate_is_sampled_before_the_full_run(tmp_path: Path) -> None:
    """The old sample cannot be accepted for the new map; after a redo every record follows the new one, without reading again (G-11)."""
    async with voyage(tmp_path, at=State.SAMPLE, gates=ASK) as trip:
        asked: list[str] = []

        async def change_map() -> None:
            gate = MapGate(trip.m)
            document = orjson.loads(orjson.dumps((await trip.ledger.setting("map:proposed"))["document"]))
            document["settings"] = {**document.get("settings", {}), "unqualified": "lead"}
            digest = await gate.edit("uid:7", document)
            assert await gate.confirm("uid:7", digest) == "confirmed"
            assert await gate.confirm("uid:7", digest) == "already_confirmed"
            with pytest.raises(UsageError, match="another map"):
                await trip.sample.decide("uid:7", "accept")
            assert await trip.sample.decide("uid:7", "redo") == "redoing"
            assert await trip.sample.decide("uid:7", "redo") == "redoing"
            trip.wire("leadtrekker")

        await trip.answering({"companies": lambda: waive(trip), "sample": change_map})
        assert trip.m.phase.state is State.MAP
        await trip.until(State.SAMPLE)
        await trip.answering({"companies": lambda: waive(trip), "sample": saying(trip, "accept")})
        await trip.until(State.TAIL)
        asked += trip.wire("leadtrekker")
        assert asked == []
        assert len(trip.live("leads")) > 4, "unqualified leads became open leads as well"


async def test_a_plan_cap_suspends_people_and_asks_each_time(tmp_path: Path) -> None:
    """Before the cap nothing of that kind is sent; resolved and met again, it blocks again instead of waiting silently."""
    async with voyage(tmp_path, at=State.BACKFILL, limits={"contacts": 20}) as trip:
        made = len(trip.live("contacts"))
        await trip.phase()
        assert len(trip.live("contacts")) <= max(made, 20)
        [item] = await trip.items("plan_limit")
        assert "20" in item.reason
        await trip.resolve(item, "retry")
        await trip.work._suspend("lead", PlanLimit("still no room"))
        assert len(await trip.items("plan_limit")) == 1
        assert not [each for each in (await trip.staged("user")).values() if each.state is RecordState.PENDING], "other kinds went on"
        with_terms(trip, limits={"contacts": 10_000})
        trip.work.suspended.clear()
        await trip.work.deliver_all()
        assert len(trip.live("contacts")) > 20, "with more room it goes on"
        assert not [each for each in (await trip.staged("lead")).values() if each.state is RecordState.PENDING]


# ------------------------------------------------------------------------------------------------ companies


def test_same_joins_every_spelling_of_both_firms() -> None:
    """A decision joins whole clusters, also spellings that turn up later, and leads back through several decisions."""
    one, other, third = cluster_key("Acme"), cluster_key("Acme Roofing"), cluster_key("Akme")
    clusters = Clusters({}, {other: one, third: other})
    for text in ("Acme Ltd", "Acme Roofing", "ACME ROOFING (Pty) Ltd", "Akme"):
        assert clusters.add(text) == one
    assert [cluster.key for cluster in clusters.clusters()] == [one]
    clusters.remove("Acme Ltd", one)
    for text in ("Acme Roofing", "ACME ROOFING (Pty) Ltd", "Akme"):
        clusters.remove(text, one)
    assert list(clusters.clusters()) == []


async def test_a_company_nobody_names_any_more_is_given_up_and_taken_back(tmp_path: Path) -> None:
    """Before it is made it follows what leads say: corrected away it is not made, named again it is."""
    async with voyage(tmp_path, at=State.SAMPLE, records=30) as trip:
        lead = next(row["leadid"] for row in trip.source_rows("leads"))
        seen: list[tuple[str, str | None]] = []
        for number, company in enumerate(("Wholly New Firm", "Another Name", "Wholly New Firm"), 1):
            trip.in_source("edit", "leads", lead, company=company)
            await trip.work.reader.poll(number)
            await trip.work.refresh_companies()
            each = (await trip.staged("company"))[cluster_key("Wholly New Firm")]
            seen.append((each.state.value, each.disposition))
        assert seen[0] == ("pending", None)
        assert seen[1] == ("done", "filtered")
        assert seen[2][0] == "pending"


# ------------------------------------------------------------------------------------------------ life


def test_every_state_can_be_left_or_is_an_end() -> None:
    """The table knows every state, and a persisted phase reads back as it was."""
    assert set(MOVES) == set(State)
    phase = Phase(state=State.TAIL, reason="why", since="2026-01-01T00:00:00Z")
    assert Phase.from_json(phase.to_json()) == phase


async def test_a_restart_goes_on_in_every_state(tmp_path: Path) -> None:
    """Started anew before each phase, a whole migration ends as if it had never been interrupted."""
    async with voyage(tmp_path, records=30) as trip:
        seen = []
        while trip.m.phase.state is not State.DONE:
            await trip.restart()
            seen.append(trip.m.phase.state)
            await trip.phase()
        assert seen == list(State)[:9]
        pending = [count for count in await trip.ledger.counts() if count.state is RecordState.PENDING]
        assert pending == []
        document = from_json((await trip.ledger.setting("map:confirmed"))["document"], trip.m.pair)
        assert document.pair == "leadtrekker-nutshell"


async def test_a_sample_that_opens_by_itself_does_so_after_a_restart(tmp_path: Path) -> None:
    """The process ends between the showing of the sample and its acceptance: the next one accepts it, and nobody is waited for."""
    async with voyage(tmp_path, at=State.SAMPLE, gates={**AUTO, "sample": "ask"}) as trip:
        await trip.stopping(trip.phase, lambda: trip.m.gate is not None)
        with_terms(trip, gates=AUTO)
        with fail_after(HUNG_S):
            assert await trip.phase() is State.BACKFILL
