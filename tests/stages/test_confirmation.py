"""What a write brings that turned out to have happened: the same as if its answer had come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamflow.errors import Uncertain
from streamflow.model import ADOPTED, DestId, Disposition, Ending, Intent, IntentState, Link, Op, Record, RecordState, Ref, Staged
from streamflow.stages.batch import Plan
from streamflow.stages.confirmation import brought, line_of
from streamflow.stages.directory import Directory
from streamflow.stages.doubt import QuietTime
from streamflow.stages.roles import roles_of
from streamflow.stages.undecided import Undecided, clear, outcome_awaited
from streamflow.stages.unknown import ALONE, Joiner, Meaning
from streamflow.store.change import Audit, DropLink, Finish, PutLink, PutSetting, SettleIntent
from tests.mapping.builders import PAIR
from tests.stages.rig import Rig, lead, note, rig

UNBOUND = QuietTime(timeout_s=1, late_commit_s=1, search_lag_s=None)


def unheard(one: Rig, *, is_killed: bool = False) -> None:
    """Let the next record be made, and nobody hear of it; *is_killed*: the process ends before its answer is noted."""
    create = one.nutshell.writer.create

    async def lost(kind: str, fields: dict[str, Any], *, author: str | None = None) -> DestId:
        one.nutshell.writer.create = create  # type: ignore[method-assign]
        await create(kind, fields, author=author)
        raise RuntimeError("the process ended here") if is_killed else Uncertain("no answer")

    one.nutshell.writer.create = lost  # type: ignore[method-assign]


async def hide(one: Rig) -> None:
    """Let the outcome of what is open be looked for when nothing of it can be seen, and left to a person."""
    find = one.nutshell.reader.find

    async def blind(*args: Any) -> list[str]:
        return []

    one.switch(events_lag_s=10_000.0)
    one.nutshell.reader.find = blind  # type: ignore[method-assign, assignment]
    await one.settle_unbounded()
    one.nutshell.reader.find = find  # type: ignore[method-assign]
    one.switch(events_lag_s=0.0)


@pytest.mark.parametrize("how", ["unanswered", "killed", "named by a person"])
async def test_what_a_person_removed_of_two_who_are_one_stays_removed(how: str) -> None:
    """Two leads are made as one person and nobody hears of it: what somebody then takes out of it is not written back by either."""
    async with rig(quiet=UNBOUND) as one:
        unheard(one, is_killed=how == "killed")
        first = lead("1", name="Thandi Mokoena", email="t@x.test", number="0825550101")
        second = lead("2", name="Thandi Mokoena", email="t@x.test", number="0825550102", address="14 Loop St, Cape Town, 8001")
        await one.stage(first, second)
        if how == "killed":
            with pytest.raises(RuntimeError):
                await one.deliver("lead")
            await one.restart()
        else:
            await one.deliver("lead")
        [person] = one.live("contacts")
        held = [each for each in (await one.fields("contacts", person["id"]))["phones"] if each["value"].endswith("01")]
        one.person("edit", "contacts", person["id"], phones=held, addresses=[])
        before = await one.fields("contacts", person["id"])
        assert not before.get("addresses")
        if how == "named by a person":
            await hide(one)
            [item] = await one.open_items("in_doubt")
            await one.decide(item, f"adopt:{person['id']}", reopen=Ref("lead", "1"))
        one.calls()
        await one.run_dry()
        assert [call for call in one.calls() if call.startswith("PATCH contacts")] == []
        assert await one.fields("contacts", person["id"]) == before
        assert await one.dispositions("lead") == {Disposition.CREATED: 1, Disposition.MERGED: 1}
        assert (await one.staged("lead", "2")).reason == "the same e-mail address and a compatible name"
        assert not await one.ledger.settings("meant:")


async def test_who_became_somebody_else_meanwhile_keeps_their_own_line() -> None:
    """One of two who are in a create without an answer changes its address: what was made of it by itself stays its own."""
    async with rig() as one:
        unheard(one)
        await one.stage(lead("1", name="Thandi Mokoena", email="t@x.test"), lead("2", name="Thandi Mokoena", email="t@x.test"))
        await one.deliver("lead")
        await one.stage(lead("2", name="Sipho Dube", email="s@x.test"))
        await one.deliver("lead")
        await one.run_dry()
        assert sorted(row["name"] for row in one.live("contacts")) == ["Sipho Dube", "Thandi Mokoena"]
        assert await one.dispositions("lead") == {Disposition.CREATED: 2}
        line, [own] = await one.link("lead", "2"), one.named("Sipho Dube")
        assert (line.dest_id, line.ours) == (own["id"], True)
        assert await one.verify() == {"verified": 2}


@pytest.mark.parametrize("word", ["adopt", "recreate"])
async def test_an_answer_about_a_note_of_an_earlier_run_leaves_it_theirs(word: str) -> None:
    """A person names what became of it: the line keeps what was there before us, so that no rollback removes it; no meaning is left."""
    async with rig(flags={"note_edit": "none"}, quiet=UNBOUND) as one:
        await one.stage(lead("1"), note("5", "1", "old"))
        await one.run_dry()
        link = await one.link("note", "5")
        theirs = replace(link, ours=False, before={}, phase=ADOPTED)
        await one.ledger.commit([DropLink(ref=link.ref), PutLink(link=theirs)])
        unheard(one)
        await one.stage(note("5", "1", "new"))
        await one.deliver("note")
        await hide(one)
        [item] = await one.open_items("in_doubt")
        [row] = one.live("notes")
        if word == "recreate":
            one.person("delete", "notes", row["id"])
        await one.decide(item, f"adopt:{row['id']}" if word == "adopt" else word, reopen=Ref("note", "5"))
        await one.run_dry()
        now, staged = await one.link("note", "5"), await one.staged("note", "5")
        assert staged.state is RecordState.DONE
        assert len(one.live("notes")) == 1
        assert (now.ours, now.is_adopted) == (word == "recreate", word == "adopt")
        if word == "adopt":
            assert now.dest_id == row["id"]
            assert "old" in (now.before or {}).get("body", "")
        assert not await one.ledger.settings("meant:")
        assert all(each.state is not IntentState.PARKED for each in await one.ledger.intents_of("note", "5"))


@pytest.mark.parametrize(("meant", "phase"), [("", "tail"), (ADOPTED, ADOPTED)])
def test_a_line_keeps_the_phase_it_was_meant_in(meant: str, phase: str) -> None:
    """What an earlier run made is not ours because a write to it is confirmed now; else the phase is that of who confirms it."""
    intent = Intent(id="1-1", ref=Ref("lead", "1"), op=Op.UPDATE, dest_kind="contacts", fields={"name": "x"})
    meaning = Meaning(base={"name": "x"}, before={"name": "y"}, ours=False, phase=meant)
    line = line_of(intent, meaning, "5-contacts", phase="tail", at="2026-06-01T10:00:00Z")
    assert (line.phase, line.base, line.before, line.ours, line.dest_id) == (phase, {"name": "x"}, {"name": "y"}, False, "5-contacts")
    assert (line.verified, line.written_at) == ("pending", "2026-06-01T10:00:00Z")


def test_who_was_in_a_create_is_tied_to_it_and_told_of() -> None:
    """They lead to the one record, of which nothing is theirs; the audit says so, and they go on with what else they bring."""
    line = Link(ref=Ref("lead", "1"), dest_kind="contacts", dest_id="5-contacts", base={"name": "x"}, ours=True)
    first, joined, told, goes_on = brought(line, [Joiner(key="2", seq=7, reason="the same address")])
    assert first == PutLink(link=line)
    assert joined == PutLink(link=replace(line, ref=Ref("lead", "2"), base={}, ours=False, before=None, verified="verified"))
    assert isinstance(told, Audit)
    assert (told.entry.action, told.entry.kind, told.entry.key, told.entry.dest_id) == ("link", "lead", "2", "5-contacts")
    assert goes_on == Finish(kind="lead", key="2", seq=7, state=RecordState.PENDING, reason="the same address")


WAITING = Staged(record=Record(kind="lead", key="1", data={}, digest="d"), seq=7, state=RecordState.PENDING)
OPEN = Intent(id="i1", ref=Ref("lead", "1"), op=Op.UPDATE, dest_kind="contacts", fields={"name": "Nia"}, dest_id="5-contacts", epoch=3)
PARKED = replace(OPEN, state=IntentState.PARKED)
HELD_UP = Finish(
    kind="lead", key="1", seq=7, state=RecordState.PARKED, reason="outcome of a write unknown", ground=ALONE, waiting_on="doubt:i1",
)


@pytest.mark.parametrize(("intent", "is_awaited"), [
    (OPEN, False), (replace(OPEN, epoch=2), True), (replace(OPEN, state=IntentState.IN_DOUBT), True),
    (replace(OPEN, state=IntentState.IN_DOUBT, epoch=2), True),
], ids=["being sent now", "of an earlier start", "in doubt", "in doubt since an earlier start"])  # fmt: skip
def test_a_record_waits_for_a_write_that_nobody_hears_the_answer_of(intent: Intent, is_awaited: bool) -> None:
    """One that is being sent by this very process comes again at once; of any other the outcome wakes it."""
    plan = outcome_awaited(WAITING, intent, 3)
    assert plan == Plan(staged=WAITING, finish=HELD_UP if is_awaited else None, disposition=plan.disposition)


def cleared(word: str, *intents: Intent, staged: Staged = WAITING, lost: bool = False) -> Plan | None:
    """Say what becomes of a record with these writes, of which a person said this."""
    doubts = Undecided(
        by_record={("lead", "1"): intents}, lost={"i1": [DropLink(ref=OPEN.ref)]} if lost else {},
        meanings={each.id: Meaning(base={"name": "Nia"}, before={"name": "Ann"}, ours=False) for each in intents},
    )
    directory = Directory(roles=roles_of(PAIR), decisions={"doubt:i1": word, "doubt:i2": "recreate"} if word else {})
    return clear(staged, doubts, directory, epoch=3)


def test_a_record_whose_writes_are_all_settled_is_not_held_up() -> None:
    """Nothing stands in its way, so nothing is decided here."""
    assert cleared("waive") is None


@pytest.mark.parametrize("word", ["", "adopt:", "nonsense"])
def test_a_write_that_a_person_has_to_tell_of_holds_its_record(word: str) -> None:
    """Until there is an answer that names something; the record keeps what it was, or is flagged."""
    assert cleared(word, PARKED) == Plan(
        staged=WAITING, finish=replace(HELD_UP, disposition=Disposition.FLAGGED), disposition=Disposition.FLAGGED,
    )
    moved = replace(WAITING, disposition=Disposition.CREATED)
    plan = cleared(word, PARKED, staged=moved)
    assert plan is not None
    assert plan.finish == replace(HELD_UP, disposition=Disposition.CREATED)


@pytest.mark.parametrize("before", [None, Disposition.CREATED])
def test_an_outcome_that_is_left_as_it_is_ends_with_a_reason(before: Disposition | None) -> None:
    """The record is done, as what it was, else flagged; nothing is written."""
    staged = replace(WAITING, disposition=before)
    finish = Finish(
        kind="lead", key="1", seq=7, state=RecordState.DONE, disposition=before or Disposition.FLAGGED,
        reason="a person left the outcome of a write as it is",
    )
    assert cleared("waive", PARKED, staged=staged) == Plan(staged=staged, finish=finish, disposition=Disposition.FLAGGED)


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_is_made_again_by_a_person_s_word_is_given_up_first(is_lost: bool) -> None:
    """The write is settled, with why, and its meaning is done with; where its record is gone, that leaves the crosswalk too."""
    given_up = [
        SettleIntent(id="i1", state=IntentState.ABANDONED, reason="made again by a person's decision"),
        PutSetting(name="meant:i1", value=None),
    ]
    assert cleared("recreate", PARKED, lost=is_lost) == Plan(
        staged=WAITING, changes=(*given_up, *([DropLink(ref=OPEN.ref)] if is_lost else [])),
    )


def test_what_a_person_names_is_in_the_crosswalk_as_it_was_meant() -> None:
    """It counts as found; the record comes again with it. All its writes are gone through, each by its own answer."""
    plan = cleared("adopt:5-contacts", PARKED, replace(PARKED, id="i2"))
    assert plan == Plan(staged=WAITING, changes=(
        SettleIntent(id="i1", state=IntentState.CONFIRMED, dest_id="5-contacts", reason="named by a person", ending=Ending.FOUND),
        PutLink(link=Link(
            ref=OPEN.ref, dest_kind="contacts", dest_id="5-contacts", base={"name": "Nia"}, ours=False, before={"name": "Ann"},
            phase="decision",
        )),
        PutSetting(name="meant:i1", value=None),
        SettleIntent(id="i2", state=IntentState.ABANDONED, reason="made again by a person's decision"),
        PutSetting(name="meant:i2", value=None),
    ))


def test_a_write_that_is_still_open_comes_before_every_answer() -> None:
    """What may still turn out is not decided on."""
    assert cleared("recreate", PARKED, replace(OPEN, id="i3", epoch=2)) == Plan(
        staged=WAITING, finish=replace(HELD_UP, waiting_on="doubt:i3"), disposition=Disposition.FLAGGED,
    )
