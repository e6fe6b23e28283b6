"""Jobs of the simulated Lead Perfection: two shapes, strays, notes that hang at a job (lead-perfection.md 2.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.leadperfection_rig import ALL_TIME, PLAIN, Wire, serving

JOBS = "Customers/GetJobStatusChanges"
SINCE = {"startdate": "2026-11-18 09:00:00", "enddate": "2027-01-01 00:00:00"}


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A server with tidy replies."""
    async with serving(**PLAIN) as made:
        yield made


async def test_jobs_have_two_shapes(wire: Wire) -> None:
    """The feed has parents, status code, dates and balance; the nested shape has cost and finance; neither has all."""
    feed = {row["job_id"]: row for row in await wire.rows(JOBS, **ALL_TIME)}
    nested = {job["id"]: job for row in await wire.lead() for lead in row["leads"] for job in lead["jobs"]}
    assert nested.keys() < feed.keys()
    only_feed, only_nested = {"jbs_id", "contractdate", "balancedue", "lastchanged", "lds_id"}, {"jobcost", "finco", "fincrlimit"}
    job_id = next(iter(nested))
    assert only_feed <= feed[job_id].keys()
    assert not only_feed & nested[job_id].keys()
    assert only_nested <= nested[job_id].keys()
    assert not only_nested & feed[job_id].keys()
    for key in nested:
        assert [feed[key][name] for name in ("contractid", "jobstatus", "grossamount", "salesrepid")] == [
            nested[key][name] for name in ("contractid", "jobstatus", "grossamount", "salesrepid")
        ]


async def test_the_feed_tells_no_children_unless_asked_to(wire: Wire) -> None:
    """Milestones and user fields are empty lists in the feed although the job has some; by the switch they are full."""
    assert not any(row["milestones"] or row["userfields"] for row in await wire.rows(JOBS, **ALL_TIME))
    await wire.switch(job_children="full")
    assert any(row["milestones"] and row["userfields"] for row in await wire.rows(JOBS, **ALL_TIME))


async def test_the_feed_selects_by_change_status_and_id(wire: Wire) -> None:
    """A window is one of `lastchanged`; jbs_id, job_id and cst_id narrow it; the prospect's id may be missing."""
    rows = await wire.rows(JOBS, **ALL_TIME)
    job = next(row for row in rows if row["jbs_id"])
    same = await wire.rows(JOBS, **ALL_TIME, jbs_id=job["jbs_id"])
    assert same == [row for row in rows if row["jbs_id"] == job["jbs_id"]]
    assert await wire.rows(JOBS, job_id=job["job_id"]) == [job]
    assert job in await wire.rows(JOBS, cst_id=job["cst_id"])
    assert await wire.rows(JOBS, **SINCE) == []
    await wire.act("edit", "jobs", job["job_id"], values={"balancedue": "1.0000"})
    assert [row["job_id"] for row in await wire.rows(JOBS, **SINCE)] == [job["job_id"]]
    await wire.switch(job_parent=False)
    assert not any("cst_id" in row for row in await wire.rows(JOBS, **ALL_TIME))


async def test_ids_are_numbers_in_some_methods() -> None:
    """The feed writes ids as JSON numbers while GetLead writes text; the switch makes all text."""
    async with serving(key_case="contract") as wire:
        assert {type(row["job_id"]) for row in await wire.rows(JOBS, **ALL_TIME)} == {int}
        assert {type(row["cst_id"]) for row in await wire.lead()} == {str}
        await wire.switch(numbers="text")
        assert {type(row["job_id"]) for row in await wire.rows(JOBS, **ALL_TIME)} == {str}


async def test_a_stray_job_is_in_the_feed_alone(wire: Wire) -> None:
    """A job whose lead and prospect are gone names ids that GetLead does not know."""
    job_id = await wire.example("job.stray")
    [row] = await wire.rows(JOBS, job_id=job_id)
    assert await wire.rows("Customers/GetLead", lds_id=row["lds_id"]) == []
    assert await wire.rows("Customers/GetLead", cst_id=row["cst_id"]) == []


async def test_notes_of_a_job_can_be_read_by_the_switch_alone() -> None:
    """By default nowhere; in GetInstallerJobNotes; or nested in GetLead's jobs."""
    async with serving(2000, **PLAIN) as wire:
        note_id = await wire.example("note.of_a_job")
        found = wire.simulation.state.find("notes", note_id)
        assert found is not None
        job = next(job for lead in found[0]["leads"] for job in lead["jobs"] if job["notes"])

        async def installer() -> list[str]:
            return [note["id"] for note in await wire.rows("Installer/GetInstallerJobNotes", jobid=job["job_id"])]

        assert await installer() == []
        assert note_id not in str(await wire.by_id(found[0]["cst_id"]))
        await wire.switch(job_notes="installer")
        assert await installer() == [note_id]
        await wire.switch(job_notes="nested")
        assert note_id in str(await wire.by_id(found[0]["cst_id"]))
