"""Somebody who goes on in the source: at what moments of a cutover, and what is kept of the source before each."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.flow import people
from tests.flow.box import Box
from tests.flow.people import CHEATS, People
from tests.judge.states import Destination


class Account:
    """A source of which nothing is known but how often somebody wrote in it; it stands in for a box."""

    source_admin = ""
    writes = 0

    def source(self) -> int:
        """Give its state."""
        return self.writes

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
