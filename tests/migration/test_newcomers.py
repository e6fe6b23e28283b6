"""Users of the source who are shown only after records of theirs were moved, as new colleagues are, or those whom a list left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamflow.migration.life import State
from streamflow.migration.newcomers import is_there, names_of, says
from streamflow.model import Disposition, Record, RecordState, Ref, Staged
from streamflow.platforms.catalog import pair_of
from tests.migration.rig import ASK_CUTOVER, Voyage, embark, in_tail
from tests.migration.test_scopes import undo

SWEPT = {"sweep_every_s": 0.0}


@pytest.mark.parametrize("cut_short", [0, 1, 3])
async def test_what_is_told_of_a_user_who_turns_up_late_is_told_as_of_one_who_was_there(tmp_path: Path, cut_short: int) -> None:
    """Their notes bear their name, their people are theirs, however often the process ends meanwhile; what others wrote stays as it is."""
    async with embark(tmp_path, gates=ASK_CUTOVER, **SWEPT) as trip:
        late = _author(trip)
        user = next(row for row in trip.source_rows("users") if row["userid"] == late)
        trip.in_source("delete", "users", late)
        await trip.until(State.TAIL)
        await in_tail(trip)
        before = _bodies(trip)
        mine = [text for text in before.values() if f"by user {late}]" in text]
        assert mine, "nobody knew the name"
        trip.in_source("create", "users", late, **{name: value for name, value in user.items() if name != "userid"})
        for commit in range(1, cut_short + 1):
            await trip.killed_at(commit, lambda: in_tail(trip))
        await in_tail(trip)
        after = _bodies(trip)
        assert not [text for text in after.values() if f"by user {late}]" in text]
        assert len([text for text in after.values() if f"by {user['name']}]" in text]) == len(mine)
        assert {key: text for key, text in after.items() if text != before[key]}.keys() == {
            key for key, text in before.items() if f"by user {late}]" in text
        }
        home = (await trip.work.directory()).author(late)
        for key, staged in (await trip.staged("lead")).items():
            if str(staged.record.data.get("userid")) == late:
                line = (await trip.ledger.links([Ref("lead", key)]))[Ref("lead", key)]
                assert trip.live("contacts")[line.dest_id]["links"]["owner"] == home


async def test_who_turns_up_late_brings_nothing_back_that_was_undone(tmp_path: Path) -> None:
    """Notes that a rollback of a part took back stay away until the source changes them."""
    async with embark(tmp_path, gates=ASK_CUTOVER, **SWEPT) as trip:
        late = _author(trip)
        user = next(row for row in trip.source_rows("users") if row["userid"] == late)
        trip.in_source("delete", "users", late)
        await trip.until(State.TAIL)
        await in_tail(trip)
        await undo(trip, "kind:notes")
        trip.in_source("create", "users", late, **{name: value for name, value in user.items() if name != "userid"})
        await in_tail(trip)
        assert not [text for text in _bodies(trip).values() if "[sf:" in text]


@pytest.mark.parametrize(("disposition", "state", "is_told"), [
    (Disposition.CREATED, RecordState.DONE, True), (Disposition.UPDATED, RecordState.DONE, True),
    (Disposition.MERGED, RecordState.DONE, True), (Disposition.MATCHED, RecordState.DONE, True),
    (Disposition.FAILED, RecordState.DONE, False), (Disposition.FLAGGED, RecordState.DONE, False),
    (Disposition.FLAGGED, RecordState.HELD, False), (Disposition.CREATED, RecordState.HELD, False),
])  # fmt: skip
def test_who_turns_up_is_told_in_what_was_moved_and_brings_nothing_else_along(
    disposition: Disposition, state: RecordState, is_told: bool
) -> None:
    """What was refused, left out by a person, or waits for one is not sent again because a colleague turned up."""
    record = Record(kind="note", key="1", data={}, digest="1")
    staged = Staged(record=record, seq=1, first_seen="", last_seen="", state=state, disposition=disposition)
    assert is_there(staged) is is_told


@pytest.mark.parametrize("data", [
    {"userid": 27}, {"owner_email": "Ann@Example.com"}, {"custom": {"Sold by": "ann  smith"}}, {"team": [{"rep": "27"}]},
])  # fmt: skip
def test_a_newcomer_is_found_wherever_a_record_names_them(data: dict[str, Any]) -> None:
    """By number, address or name, in a field of the platform or in one that the account made up, alone or among others."""
    user = Record(kind="user", key="27", data={"name": "Ann Smith", "email": "ann@example.com"}, digest="1")
    words = set(names_of(user, pair_of("leadtrekker", "nutshell")))
    assert says(data, words)
    assert not says(dict.fromkeys(data, "somebody else"), words)


def _author(trip: Voyage) -> str:
    """Give a user who wrote notes and owns people."""
    owners = {str(row["userid"]) for row in trip.source_rows("leads")}
    return next(str(row["userid"]) for row in trip.source_rows("notes") if str(row["userid"]) in owners)


def _bodies(trip: Voyage) -> dict[str, str]:
    return {key: str(row["body"]) for key, row in trip.live("notes").items()}
