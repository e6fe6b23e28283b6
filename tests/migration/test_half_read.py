"""A list that breaks off behind its first pages: what those brought is moved as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamflow.migration.life import State
from tests.migration.rig import ASK_CUTOVER, Voyage, embark, in_tail

PAGES: dict[str, Any] = {"attachment": {"enabled": False}, "lead": {"paging": {"size": 7}}}

ROUNDS = 5      # after it is honest again: whoever is to come is there


async def test_people_of_a_page_behind_which_the_list_broke_off_come_with_their_company(tmp_path: Path) -> None:
    """Their firm is made as for all others, though the pass that showed them never came to an end."""
    async with embark(tmp_path, gates=ASK_CUTOVER, source={"order": "desc"}, streams=PAGES, sweep_every_s=0.0) as trip:
        await trip.until(State.TAIL)
        await in_tail(trip)
        keys: list[str] = []
        was_stopped = False

        def is_over() -> bool:
            nonlocal was_stopped
            if trip.m.gate is None:
                return False
            if not keys:      # by now this start has counted whom the firms have
                trip.lt.switches["repeat_page_after"] = 1
                keys.extend(_new(trip, name) for name in ("Nomsa Dlamini", "Fatima Naidoo"))
            elif "lead" in trip.m.stopped.kinds:
                was_stopped = True
                trip.lt.switches["repeat_page_after"] = None
            if not was_stopped or trip.m.stopped.kinds:
                trip.wire("leadtrekker")
            return sum("getusers" in line for _, line, _ in trip.asked) > ROUNDS

        trip.m.gate = trip.m._last_gate = None
        await trip.stopping(trip.phase, is_over)
        firms = {row["name"]: row["id"] for row in trip.live("accounts").values()}
        assert "Vaal River Pumps" in firms
        people = {row["name"]: row for row in trip.live("contacts").values()}
        assert [people[name]["links"]["accounts"] for name in ("Nomsa Dlamini", "Fatima Naidoo")] == [[firms["Vaal River Pumps"]]] * 2
        assert {(await trip.staged("lead"))[key].state for key in keys} == {"done"}
        assert not await trip.items("unknown_parent")


def _new(trip: Voyage, name: str) -> str:
    return trip.in_source("create", "leads", name=name, email=f"{name.split()[0].lower()}@vaal.test", company="Vaal River Pumps")
