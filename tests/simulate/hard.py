"""People whose work meets the program's at its seams: they bring back, clear up before it begins, enter whom it is about to move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from streamflow.migration.life import State
from streamflow.model import DestId, Kind
from tests.simulate.conditions import Conditions
from tests.simulate.destination import PERSON, PROGRAM, Account
from tests.simulate.doors import marker_of
from tests.simulate.people import DestinationPeople, SourcePeople
from tests.simulate.source import Books

BEFORE_S = (0.2, 2.0)        # before anybody is matched: the map is confirmed at the operator's first look
AGAIN_S = 4.0                # until it is tried again, where there is nothing yet to do it to
TRIES = 30
KINDS: tuple[Kind, ...] = ("contacts", "leads")
"""What people delete, and find in the trash."""


class HardPeople:
    """Those in both accounts who do what nobody reckons with; `done` counts what truly came to pass."""

    def __init__(
        self, account: Account, books: Books, workers: SourcePeople, conditions: Conditions, dice: Random, phase: Callable[[], str]
    ) -> None:  # fmt: skip
        self._account, self._books, self._workers, self._phase = account, books, workers, phase
        self._conditions, self._dice = conditions, dice
        self._users = DestinationPeople(account, books, conditions, dice)
        self.done: Counter[str] = Counter()

    def begin(self) -> None:
        """Let the account know some more whom the source knows, where they are to be cleared up."""
        for _, row in sorted(self._books.true("client").items()) if self._conditions.early else ():
            if self._dice.random() < 0.5:
                self._users.make(row["fullname"], row["email"], "")

    def plan(self) -> None:
        """Put it all into the agenda."""
        for _ in range(self._conditions.early):
            self._books.agenda.at(self._dice.uniform(*BEFORE_S), self._clear_up)
        for number in range(self._conditions.known):
            if number % 2 == 0:
                self._when_tail(0.5 * self._conditions.works_until_s * self._dice.random(), self._enter_coming)
            else:
                self._books.agenda.at(self._dice.uniform(*BEFORE_S), self._enter_known)
        for _ in range(self._conditions.undeletes):
            until_s = self._conditions.works_until_s + 30.0
            self._at(self._dice.uniform(10.0, until_s), self._dice.choice((self._bring_back, self._delete_and_bring_back)))

    def _at(self, when: float, deed: Callable[[], bool], tries: int = TRIES) -> None:
        """Let something be done, and once more a while later as long as there is nothing to do it to."""

        def attempt() -> None:
            if not deed() and tries > 1:
                self._at(self._books.agenda.now + AGAIN_S, deed, tries - 1)

        self._books.agenda.at(when, attempt)

    def _when_tail(self, when: float, deed: Callable[[], bool]) -> None:
        self._at(when, lambda: self._phase() == State.TAIL and self._books.frozen_at is None and deed())

    # --- in the destination

    def _clear_up(self) -> None:
        """Delete somebody who was in the account before us, or merge two of them."""
        ids = [dest_id for dest_id, held in self._account.live("contacts").items() if held.maker == PERSON and not marker_of(held)]
        if len(ids) > 1:
            lost, stays = self._dice.sample(ids, 2)
            is_merge = self._dice.random() < 0.5
            self._account.delete(lost, PERSON, into=stays if is_merge else None)
            self.done["merged early" if is_merge else "deleted early"] += 1

    def _bring_back(self) -> bool:
        """Take something out of the trash: what they removed, or what we did."""
        ids = [
            dest_id for dest_id, held in self._account.records.items()
            if held.kind in KINDS and held.is_gone and held.into is None and marker_of(held)
        ]
        return bool(ids) and self._undelete(self._dice.choice(ids))

    def _delete_and_bring_back(self) -> bool:
        """Delete something by mistake, which is seen after a while."""
        ids = [dest_id for kind in KINDS for dest_id, held in self._account.live(kind).items() if marker_of(held)]
        if not ids:
            return False
        dest_id = self._dice.choice(ids)
        self._account.delete(dest_id, PERSON)
        self._at(self._books.agenda.now + self._dice.choice((1.0, 8.0, 25.0)), lambda: self._undelete(dest_id), 1)
        return True

    def _undelete(self, dest_id: DestId) -> bool:
        held = self._account.records[dest_id]
        if not held.is_gone or held.into is not None:
            return False
        self.done["brought back what we removed" if held.deeds[-1].actor == PROGRAM else "brought back what they removed"] += 1
        return self._account.restore(dest_id, PERSON)

    def _enter_known(self) -> None:
        """Enter by hand somebody whom the source knows, before the first of them is moved."""
        rows = self._books.true("client")
        if rows:
            row = rows[self._dice.choice(sorted(rows))]
            self._users.make(row["fullname"], row["email"], "")
            self.done["entered before the sample"] += 1

    def _enter_coming(self) -> bool:
        """Enter by hand somebody whom the source comes to know a moment later."""
        number = self._dice.randint(1000, 9999)
        name, email = f"Wilma Walkin{'abcdefghij'[number % 10]}", f"wilma{number}@walk.test"
        self._users.make(name, email, "")
        self._at(self._books.agenda.now + self._dice.uniform(0.5, 9.0), lambda: self._come(name, email), 1)
        self.done["entered in tail"] += 1
        return True

    # --- in the source

    def _come(self, name: str, email: str) -> bool:
        if self._books.frozen_at is not None:
            return False
        self._workers.enter(name, email)
        return True

    def toggle(self) -> None:
        """Write a record one way after the switch, then another way, then the first way again."""
        for _ in range(self._conditions.toggles):
            kind = self._dice.choice(("client", "quote"))
            rows = self._books.true(kind)
            if not rows:
                continue
            key = self._dice.choice(sorted(rows))
            field = {"client": "town", "quote": "phase"}[kind]
            one, other = f"late one {key}", f"late other {key}"
            at = self._books.agenda.now
            for value in (one, other, one):
                at += self._dice.uniform(1.0, 12.0)
                self._books.agenda.at(at, lambda kind=kind, key=key, field=field, value=value: self._put(kind, key, field, value))  # type: ignore[misc]
            self.done["toggled"] += 1

    def _put(self, kind: Kind, key: str, field: str, value: str) -> None:
        row = self._books.now(kind, key)
        if row is not None:
            self._books.put(kind, key, {**row, field: value})
            if kind != "client":
                self._books.touch(row["clientid"])
