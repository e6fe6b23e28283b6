"""The write probes: they learn what the account does, leave nothing behind, and can be interrupted."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from streamflow.errors import InvariantBroken, ProtocolMismatch, RecordRejected, StoreError
from streamflow.model import DestId, Kind
from streamflow.platforms.destination import FieldSpec
from streamflow.platforms.nutshell import listing, prober
from streamflow.platforms.nutshell.flags import PATH_BY_NAME, PATH_UNDER_CUSTOM, Flags
from streamflow.platforms.nutshell.writer import NutshellWriter

from .nutshell_rig import ADMIN, Journal, Rig, rig

KINDS = ("accounts", "contacts", "leads", "notes", "activities", "tasks")


SOON = {"search_lag_s": 0.1, "late_commit_s": 0.0}


def _standing(made: Rig) -> list[str]:
    return [r["id"] for kind in KINDS for r in made.live(kind) if "Streamflow probe" in str(r)]


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes are tried anew at once."""
    monkeypatch.setattr(prober, "RETRY_WAITS_S", (0.0,) * len(prober.RETRY_WAITS_S))


async def _probed(made: Rig) -> dict[str, Any]:
    journal = Journal()
    learned = dict(await made.nutshell.prober.probe(journal))
    assert journal.open == {}
    assert _standing(made) == []
    assert learned["_left"] == {}
    made.nutshell.adopt(learned)
    return learned


async def test_the_flags_of_an_ordinary_account() -> None:
    """Against the assumed account every probe finds its answer, and all probe records are gone."""
    async with rig() as made:
        learned = await _probed(made)
        assert set(learned["_reasons"]) <= {"cf_value_forms"}
        expected = {
            "phone_value_form": "string",
            "contact_name_patch": True,
            "cf_patch_path": PATH_BY_NAME,
            "payload_custom_fields": False,
            "impersonation": False,
            "lead_requires_contact": True,
            "lead_due_form": "object",
            "lead_stage_write": "patch",
            "activity_backdate": True,
            "activity_participants": ("users", "contacts", "leads", "accounts"),
            "activity_delete": "rpc",
            "note_max_chars": 30_000,
            "note_edit": "rpc_24h",
            "task_body_form": "flat",
            "task_assignee_filled": False,
            "owner_filled": [],
            "tasks_patch_media": "json-patch+json",
            "multi_get_kinds": {},
            "rpc_find_custom_fields": True,
        }
        assert {name: learned[name] for name in expected} == expected
        assert "deleteActivity" in learned["rpc_methods"]
        assert learned["search_lag_s"] <= 20
        assert made.nutshell.flags.cf_type_map["contacts"]["text"][0] == "String"


async def test_the_flags_of_an_account_that_differs_everywhere() -> None:
    """Every switch turned the other way is learned."""
    switches = {
        "phone_value_form": "object",
        "contact_name_patch": False,
        "cf_patch_path": "customFields",
        "payload_custom_fields": True,
        "lead_requires_contact": False,
        "lead_due_form": "string",
        "lead_stage_write": "rpc",
        "activity_backdate": False,
        "activity_participants": ["users", "contacts"],
        "note_max_chars": 6_000,
        "note_edit": "none",
        "task_body_form": "data",
        "task_assignee_filled": True,
        "owner_filled": ["accounts", "leads"],
        "tasks_patch_media": "json",
        "multi_get_max": 4,
        "rpc_whole_records": False,
        "cf_type_map": {"accounts": ["Text"], "contacts": ["Text"], "leads": ["Text"]},
        "cf_unknown_type": "silent",
    }
    async with rig(switches=switches, key="sandbox-impersonate-key", impersonate=True) as made:
        made.nutshell.schema._clock = _Impatient()  # type: ignore[assignment]  # a field that never shows would be waited for
        learned = await _probed(made)
        expected = {
            "phone_value_form": "object",
            "contact_name_patch": False,
            "cf_patch_path": PATH_UNDER_CUSTOM,
            "payload_custom_fields": True,
            "impersonation": True,
            "lead_requires_contact": False,
            "lead_due_form": "string",
            "lead_stage_write": "rpc",
            "activity_backdate": False,
            "activity_participants": ("users", "contacts"),
            "note_max_chars": 5_000,
            "note_edit": "none",
            "task_body_form": "data",
            "task_assignee_filled": True,
            "owner_filled": ["accounts", "leads"],
            "tasks_patch_media": "json",
            "rpc_find_custom_fields": False,
        }
        assert {name: learned[name] for name in expected} == expected
        assert learned["multi_get_kinds"]["contacts"] <= 4
        assert learned["cf_type_map"]["leads"]["text"][0] == "Text"


class _Impatient:
    """A clock whose sleeps are over at once."""

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("refusal", ["silent", "400"])
async def test_a_stage_that_cannot_be_written_is_seen(refusal: str) -> None:
    """Neither way moves the lead: the flag says none, whether the refusal is spoken or silent."""
    async with rig(switches={"lead_stage_write": "none", "lead_stage_refusal": refusal}) as made:
        assert (await _probed(made))["lead_stage_write"] == "none"


async def test_activities_that_cannot_be_deleted_are_named() -> None:
    """What cannot be removed stays in the journal and is named, and the flag says so."""
    async with rig(switches={"activity_delete": False}) as made:
        journal = Journal()
        learned = await made.nutshell.prober.probe(journal)
        assert learned["activity_delete"] == "none"
        assert [kind for kind, _ in journal.open] == ["activities"]
        assert len(learned["_left"]) == 1


async def test_no_further_activity_is_made_where_none_can_be_removed() -> None:
    """Narrow about participants and unable to delete: one activity stays, which says that it may go, and nothing unknown is assumed."""
    async with rig(switches={"activity_delete": False, "activity_participants": ["users", "contacts"]}) as made:
        learned = await made.nutshell.prober.probe(Journal())
        [left] = [row for row in made.live("activities") if "Streamflow probe" in row["name"]]
        assert "may be deleted" in left["description"]
        assert learned["activity_participants"] == ("contacts",)
        assert "removed" in learned["_reasons"]["activity_participants"]


async def test_a_probe_that_fails_leaves_the_safe_default_and_says_why() -> None:
    """With notes failing, the flags about notes are absent and the reasons are told; the rest is learned."""
    async with rig() as made:
        made.switch(fail_5xx={"match": "POST /rest/notes", "status": 500})
        journal = Journal()
        learned = await made.nutshell.prober.probe(journal)
        assert "note_max_chars" not in learned
        assert "500" in learned["_reasons"]["note_max_chars"]
        assert learned["lead_due_form"] == "object"
        assert Flags().with_(learned).note_max_chars == 30_000


@pytest.mark.parametrize(("times", "is_learned"), [(1, True), (1000, False)])
async def test_an_account_that_names_no_activity_types_is_told_of(times: int, is_learned: bool) -> None:
    """One empty list is not believed; where it stays empty, nothing is learned of activities, and why is told."""
    async with rig(flags=SOON) as made:
        made.switch(empty_200={"path": "GET /rest/activitytypes", "times": times, "probability": 1.0})
        learned = await made.nutshell.prober.probe(Journal())
        assert ("activity_backdate" in learned) is is_learned
        assert is_learned or "no type of activity" in learned["_reasons"]["activity_backdate"]


@pytest.mark.parametrize(
    "fault",
    [
        {"reset_after": [{"path": f"POST /rest/{kind}", "times": 1} for kind in KINDS]},
        {"error_200": [{"path": f"DELETE /rest/{kind}/*", "times": 1} for kind in KINDS]},
        {"fail_5xx": [{"path": path, "times": 1} for path in ("PATCH /rest/leads/*", "POST /rest/activities", "PUT /rest/*")]},
        {"throttle": {"path": ["POST /rest/*", "DELETE /rest/*"], "every": 9, "delay_s": 1, "times": 5}},
    ],
)
async def test_a_bad_line_does_not_hide_what_the_account_can_do(fault: dict[str, Any]) -> None:
    """Calls that are lost or put off are tried anew, so that all is learned as on a good line."""
    async with rig(flags=SOON) as made:
        calm = await _probed(made)
        made.switch(**fault)
        journal = Journal()
        learned = await made.nutshell.prober.probe(journal)
        await made.nutshell.prober.sweep_probes(journal)
        assert {name: learned.get(name) for name in calm if name[0] != "_" and name != "search_lag_s"} == {
            name: value for name, value in calm.items() if name[0] != "_" and name != "search_lag_s"
        }
        assert journal.open == {}
        assert _standing(made) == []


async def test_one_look_that_fails_does_not_leave_the_lag_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that answers with something else once is looked at again: without a bound each unknown write would be a person's to settle."""
    async with rig(flags=SOON) as made:
        calls = made.nutshell.prober._calls
        get, failed = calls.get, 0

        async def lied(path: str, **given: Any) -> Any:
            nonlocal failed
            if path == "contacts" and not failed and any(name.startswith("filter[") for name, _ in given.get("query") or ()):
                failed += 1
                raise ProtocolMismatch("too large", platform="nutshell")
            return await get(path, **given)

        monkeypatch.setattr(calls, "get", lied)
        learned = await made.nutshell.prober.probe(Journal())
        assert failed == 1
        assert "search_lag_s" in learned


async def test_an_unanswered_probe_is_swept_later() -> None:
    """Records whose creation went unanswered stay in the journal and are found and removed by the sweep, in any kind."""
    async with rig(flags=SOON) as made:
        journal = Journal()
        made.switch(reset_after={"match": "POST /rest/", "probability": 0.5})
        await made.nutshell.prober.probe(journal)
        made.switch(reset_after=None)
        await made.nutshell.prober.sweep_probes(journal)
        assert journal.open == {}
        assert _standing(made) == []


async def test_a_record_of_a_probe_that_somebody_worked_on_stays() -> None:
    """Left behind by a run that was cut short, and given another title by people: it is theirs, stays, and stays in the journal."""
    async with rig(flags=SOON) as made:
        journal = Journal()
        for number, title in enumerate(("Said by people", "")):
            marker = f"Streamflow probe 1-{number}"
            task = await made.nutshell.writer.create("tasks", {"title": title or marker, "description": marker})
            await journal.meant("tasks", marker)
            await journal.made("tasks", marker, task)
        await made.nutshell.prober.sweep_probes(journal)
        assert list(journal.open) == [("tasks", "Streamflow probe 1-0")]
        assert [row["title"] for row in made.live("tasks")] == ["Said by people"]


@pytest.mark.parametrize("times", [1, 1000])
async def test_an_answer_that_shows_nothing_of_a_record_does_not_leave_it_behind(times: int) -> None:
    """A reading that is empty, once or each time, is no word that a record is gone: only its removal says so."""
    async with rig(flags=SOON) as made:
        journal, marker = Journal(), "Streamflow probe 1-1"
        task = await made.nutshell.writer.create("tasks", {"title": marker})
        await journal.meant("tasks", marker)
        await journal.made("tasks", marker, task)
        made.switch(empty_200={"path": "GET /rest/tasks/*", "times": times, "probability": 1.0})
        await made.nutshell.prober.sweep_probes(journal)
        assert journal.open == {}
        assert made.live("tasks") == []


@pytest.mark.parametrize("kind", ["contacts", "accounts"])
async def test_what_shows_late_is_not_taken_for_what_was_never_made(kind: str) -> None:
    """Killed behind a create whose answer nobody saw: neither feed nor list shows the record yet, and it is removed all the same."""
    lags = {"search_lag_s": 0.4, "events_lag_s": 0.4}
    async with rig(switches=lags, flags={"search_lag_s": 0.5, "late_commit_s": 0.0}) as made:
        journal = Journal()
        await journal.meant(kind, "Streamflow probe 1-1")
        await made.nutshell.writer.create(kind, {"name": "Streamflow probe 1-1"})
        await made.nutshell.prober.sweep_probes(journal, patiently=False)
        assert journal.open == {(kind, "Streamflow probe 1-1"): None}, "nothing is concluded from one look"
        await made.nutshell.prober.sweep_probes(journal)
        assert journal.open == {}
        assert _standing(made) == []


class CutShort(Journal):
    """A journal that ends whoever writes in it, once something was made."""

    scope: anyio.CancelScope

    async def made(self, kind: Kind, marker: str, dest_id: DestId) -> None:
        await super().made(kind, marker, dest_id)
        self.scope.cancel()


async def test_a_cancelled_probe_cleans_up_after_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled in the middle, nothing that was confirmed is left standing."""
    monkeypatch.setattr(listing, "AGAIN_S", (0.0,))
    async with rig(flags=SOON) as made:
        journal = CutShort()
        with anyio.CancelScope() as journal.scope:
            await made.nutshell.prober.probe(journal)
        assert journal.scope.cancelled_caught
        await made.nutshell.prober.sweep_probes(journal)
        assert _standing(made) == []
        assert journal.open == {}


async def test_a_journal_that_cannot_write_stops_the_probe() -> None:
    """Nothing is made that could not be noted before."""

    class Broken(Journal):
        async def meant(self, kind: str, marker: str) -> None:
            raise StoreError("the disk is full")

    async with rig() as made:
        with pytest.raises(StoreError):
            await made.nutshell.prober.probe(Broken())
        assert _standing(made) == []


async def test_a_bug_while_removing_is_not_taken_for_a_record_that_cannot_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the probe and is not told as an account's refusal; the journal still holds what stands, and a sweep removes it."""
    async with rig(flags=SOON) as made:
        journal = Journal()

        delete = NutshellWriter.delete

        async def breaks(self: NutshellWriter, kind: Kind, dest_id: DestId) -> None:
            if kind == "contacts":     # what the probes build on stands to the end
                raise InvariantBroken("no id where there must be one")
            await delete(self, kind, dest_id)

        monkeypatch.setattr(NutshellWriter, "delete", breaks)
        with pytest.raises(InvariantBroken):
            await made.nutshell.prober.probe(journal)
        monkeypatch.undo()
        assert _standing(made)
        await made.nutshell.prober.sweep_probes(journal)
        assert (_standing(made), journal.open) == ([], {})


@pytest.mark.parametrize(("switches", "chars"), [
    ({}, 20_000), ({"cf_long_max": 6_000}, 5_000), ({"cf_long_max": 6_000, "cf_long_over_limit": "truncated"}, 5_000),
    ({"cf_long_max": 400}, 0), ({"cf_long_lines": "blanks"}, 0), ({"cf_patch_path": "customFields"}, 20_000),
], ids=["no cap", "refused", "cut", "too short", "one line", "other path"])  # fmt: skip
async def test_what_a_long_field_keeps_is_measured(switches: dict[str, Any], chars: int) -> None:
    """The longest text tried that comes back whole with its line ends, on the lead that is made anyway; 0 where none does."""
    spec = FieldSpec(entity="leads", label="Details", family="long")
    async with rig(switches=switches) as made:
        await made.nutshell.schema.define(spec)
        made.calls()
        learned = await made.nutshell.prober.probe(Journal(), spec)
        assert learned["long_text_max_chars"] == chars
        assert _standing(made) == []
        with_it = made.calls()
        assert "long_text_max_chars" not in await made.nutshell.prober.probe(Journal())
        assert with_it.count("POST leads") == made.calls().count("POST leads")


async def test_the_search_lag_is_measured() -> None:
    """The lag is at least the real one."""
    async with rig(switches={"search_lag_s": 1.2}) as made:
        learned = await _probed(made)
        assert 1.2 <= learned["search_lag_s"] <= 8


@pytest.mark.parametrize("unknown", ["refused", "silent"])
async def test_fields_are_defined_by_family(unknown: str) -> None:
    """Type names are tried until one is listed, the one that worked is remembered, and a second define changes nothing."""
    switches = {"cf_unknown_type": unknown, "cf_type_map": {"contacts": ["Text", "LongText", "Date", "Currency", "Decision"]}}
    async with rig(switches=switches) as made:
        schema = made.nutshell.schema
        schema._clock = _Impatient()  # type: ignore[assignment]
        specs = [
            FieldSpec(entity="contacts", label="Notes", family="long"),
            FieldSpec(entity="contacts", label="Value", family="money"),
            FieldSpec(entity="contacts", label="Status", family="choice", choices=("New", "Old")),
            FieldSpec(entity="contacts", label="Original created", family="date"),
        ]
        for spec in specs * 2:
            await schema.define(spec)
        held = {spec.label: spec for spec in await schema.custom_fields()}
        assert held["Status"].choices == ("New", "Old")
        assert held["Value"].family == "money"
        assert made.nutshell.flags.cf_type_map["contacts"]["choice"][0] == "Decision"
        for wrong in (
            FieldSpec(entity="contacts", label="Value", family="date"),
            FieldSpec(entity="contacts", label="value", family="money"),
            FieldSpec(entity="contacts", label="Status", family="choice", choices=("New", "Older")),
        ):
            with pytest.raises(RecordRejected) as caught:
                await schema.define(wrong)
            assert caught.value.field == wrong.label


async def test_check_and_reference_write_nothing() -> None:
    """Permissions, reference data and plan are read; sources are found or made by name."""
    async with rig() as made:
        checked = await made.nutshell.schema.check()
        assert checked["is_admin"] is True
        assert (checked["lacking"], checked["warnings"]) == ((), ())
        assert checked["rpc_methods"] > 20
        reference = await made.nutshell.schema.reference()
        assert {call.split()[0] for call in made.calls() if " rpc " not in call} <= {"GET", "POST"}
        assert reference.activity_types["phone call"].endswith("-activityTypes")
        assert {user["email"] for user in reference.users} >= {ADMIN}
        assert reference.tags["contacts/vip"] == reference.tags["vip"]
        assert len(reference.teams) == 2
        first = await made.nutshell.schema.source("Trade show")
        assert await made.nutshell.schema.source("trade show") == first
        made.nutshell.adopt({"rpc_methods": ["findTeams"]})
        assert await made.nutshell.schema.source("Trade Show") == first
        other = await made.nutshell.schema.source("Radio")
        assert (await made.nutshell.schema.reference()).sources["radio"] == other
    async with rig(user="ben.sales@blueberry.test") as made:
        assert any("administrator" in text for text in (await made.nutshell.schema.check())["warnings"])
