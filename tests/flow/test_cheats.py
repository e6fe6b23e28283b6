"""People at work meanwhile: at what moments of a cutover somebody goes on in the source, and how much others do before and after it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.flow import people
from tests.flow.box import Box
from tests.flow.people import CHEATS, People
from tests.judge.guarding import Edit
from tests.judge.states import Destination


class Account:
    """A source of which nothing is known but how often somebody wrote in it; it stands in for a box."""

    source_admin = ""
    writes = 0
    exported = None

    def source(self) -> int:
        """Give its state."""
        return self.writes

    def export(self) -> None:
        """Keep what is there for whoever reads files."""
        self.exported = self.writes

    def write(self, _url: str, order: Any) -> None:
        """Take what somebody writes in spite of the freeze."""
        self.writes += int(order["cheat"])


@pytest.mark.parametrize(("phases", "agreed", "switched", "written"), [
    (("tail", "cutover", "watch", "watch"), 0, CHEATS, 2 * CHEATS),
    (("tail", "cutover", "cutover", "tail", "cutover", "watch"), 0, CHEATS, 2 * CHEATS),
    (("tail", "tail"), None, None, 0), (("tail", "cutover", "tail"), 0, None, CHEATS),
])  # fmt: skip
def test_somebody_cheats_once_before_the_switch_and_once_after(
    phases: tuple[str, ...], agreed: int | None, switched: int | None, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the cutover begins; what was agreed is kept from before the first write, and the source at the switch after it."""
    account = Account()
    monkeypatch.setattr(people, "ask", account.write)
    one = People(cast(Box, account), Destination(live={}, deleted=frozenset()), seed=1, by_files=True)
    monkeypatch.setattr(one, "do", lambda choices: None)
    for phase in phases:
        one.work(phase)
    assert (one.agreed, one.source, account.writes) == (agreed, switched, written)
    assert account.exported == (None if switched is None else written), "what is written after the switch is in no file"


def test_people_have_work_left_for_after_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the tail was: what they may do in the watch is kept for it, and told apart."""
    account = Account()
    monkeypatch.setattr(people, "ask", account.write)
    monkeypatch.setattr(people, "PAUSE_S", 0.0)
    one = People(cast(Box, account), Destination(live={}, deleted=frozenset()), seed=1, by_files=True)
    done: list[Any] = []

    def do(_choices: Any) -> None:
        done.append(None)
        one.edits.append(Edit(rid="5-contacts", field="jobTitle", value=len(done)))

    monkeypatch.setattr(one, "do", do)
    for phase in ("tail",) * 5 * people.BEFORE + ("cutover",) * 5:
        one.work(phase)
    assert (len(done), one.since_switch) == (people.BEFORE, 0)
    for _ in range(5 * people.AFTER):
        one.work("watch")
    assert (len(done), one.since_switch) == (people.BEFORE + people.AFTER, people.AFTER)


def test_deeds_are_spread_over_a_long_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an hour somebody comes to work again and again up to its end, and in a short tail as often as in any."""
    monkeypatch.setattr(people, "ask", Account().write)
    now = [0.0]
    monkeypatch.setattr(people.time, "monotonic", lambda: now[0])
    times: list[float] = []
    for tail_s, deeds in ((10.0, people.BEFORE), (3600.0, 240)):
        one = People(cast(Box, Account()), Destination(live={}, deleted=frozenset()), seed=1)
        monkeypatch.setattr(one, "do", lambda _choices: times.append(now[0]))
        one.spread(tail_s)
        times.clear()
        for now[0] in range(1, 4000):
            one.work("tail")
        assert len(times) == deeds
    assert (times[0], times[-1]) == (1, 3586)
