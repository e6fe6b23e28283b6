"""The people on both sides: what they had before, and what they do while their account is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from streamflow.model import DestId, Key, Kind
from tests.simulate.conditions import Conditions
from tests.simulate.destination import PERSON, Account
from tests.simulate.doors import marker_of
from tests.simulate.source import CHILDREN, KEYS, Books, Row

FIRST = ("Dana", "Sam", "Lee", "Ines", "Omar", "Ruth", "Vera", "Tom", "Kim", "Noor", "Ada", "Max")
LAST = ("Whitlock", "Osei", "Marsh", "Iyer", "Petrov", "Brandt", "Delgado", "Quist", "Romero", "Nakamura")
TOWNS = ("Sanford", "Oviedo", "Deltona", "Apopka", "Ocoee")


class SourcePeople:
    """Who works in the account that is left."""

    def __init__(self, books: Books, conditions: Conditions, dice: Random) -> None:
        self._books, self._conditions, self._dice = books, conditions, dice
        self._numbers = dict.fromkeys(KEYS, 0)

    def begin(self) -> None:
        """Fill the account."""
        for rep, mail in (("r1", "ann@sim.test"), ("r2", "bob@sim.test")):
            self._books.put("rep", rep, {"repid": rep, "fullname": f"Rep {rep}", "mail": mail})
        for _ in range(self._conditions.clients):
            self.new_client()
        for kind in CHILDREN:
            self.new_child(kind)
        for _ in range(self._conditions.clients):
            self.new_child(self._dice.choice(CHILDREN))
        for versions in self._books.rows.values():
            versions[-1].shown_at = 0.0

    def plan(self, times: Iterable[float] | None = None) -> None:
        """Put the working days into the agenda, a deed at each of the times."""
        deeds: list[tuple[int, Callable[[], None]]] = [
            (2, self.new_client), (6, lambda: self.new_child(self._dice.choice(CHILDREN))), (6, self.edit_client),
            (7, lambda: self.edit_child(self._dice.choice(CHILDREN))), (2, self.remove_child), (1, self.remove_client),
            (1, self.merge_clients),
        ]
        weights = [weight for weight, _ in deeds]
        by_chance = (0.5 + self._dice.random() * (self._conditions.works_until_s - 1.0) for _ in range(self._conditions.deeds))
        for when in by_chance if times is None else times:
            deed = self._dice.choices([deed for _, deed in deeds], weights)[0]
            self._books.agenda.at(when, deed)

    def finish(self) -> None:
        """Write down what is left to write down, in the last moment before everybody stops."""
        edits = [self.edit_client, *(lambda kind=kind: self.edit_child(kind) for kind in ("quote", "remark"))]
        deeds = [*edits, self.new_client, self.remove_child]
        for deed in self._dice.sample(deeds, self._dice.randint(0, 3)):
            deed()

    def cheat(self) -> None:
        """Write in spite of the switch."""
        for _ in range(self._conditions.cheats):
            self.stray()

    def stray(self) -> None:
        """Write once more though everybody was to stop."""
        self._dice.choice((self.edit_client, lambda: self.edit_child("quote"), self.new_client))()

    # --- deeds

    def new_client(self) -> None:
        key = self._key("client")
        first, last = self._dice.choice(FIRST), self._dice.choice(LAST)
        email = f"{first}.{last}.{key}@x.test".lower()
        old = self._some("client")
        if old is not None and self._dice.random() < 0.12:      # the same person once more, or somebody who shares the address
            other = self._books.now("client", old)
            assert other is not None
            email = other["email"]
            first, last = other["fullname"].split() if self._dice.random() < 0.5 else (first, last)
        self._write(key, f"{first} {last}", email)

    def enter(self, name: str, email: str) -> None:
        """Write somebody down who is nobody's double."""
        self._write(self._key("client"), name, email)

    def _write(self, key: Key, name: str, email: str) -> None:
        self._books.put("client", key, {
            "clientid": key, "fullname": name, "email": email, "phone": f"40755501{len(self._books.rows) % 90 + 10}",
            "town": self._dice.choice(TOWNS), "repid": self._dice.choice(("r1", "r2")), "made": self._books.clock(), "moved": "",
        })

    def new_child(self, kind: Kind) -> None:
        client = self._some("client")
        if client is None:
            return
        key = self._key(kind)
        row: Row = {KEYS[kind]: key, "clientid": client, "repid": self._dice.choice(("r1", "r2"))}
        row |= {
            "quote": {"number": f"N-{key}", "amount": f"{self._dice.randint(10, 99)}.50", "phase": "A", "state": "Offered"},
            "visit": {"start": "2026-04-10 17:00:00", "subject": f"Windows {key}", "text": f"gate code {key}"},
            "remark": {"made": "2026-04-01 09:00:00", "text": f"said {key}"},
            "errand": {"due": "2026-09-01 09:00:00", "text": f"call back {key}"},
        }[kind]
        self._books.put(kind, key, row)
        self._books.touch(client)

    def edit_client(self) -> None:
        key = self._some("client")
        if key is not None:
            row = dict(self._books.now("client", key) or {})
            if self._dice.random() < 0.8:
                row["town"] = f"{self._dice.choice(TOWNS)} {self._dice.randint(1, 99)}"
            else:
                row["email"] = f"new.{self._dice.randint(1, 99)}.{key}@x.test"
            self._books.put("client", key, row, silent=self._dice.random() < self._conditions.silent)

    def edit_child(self, kind: Kind) -> None:
        key = self._some(kind)
        if key is None:
            return
        row = dict(self._books.now(kind, key) or {})
        what = {"quote": self._dice.choice(("amount", "phase", "state")), "visit": "text", "remark": "text", "errand": "text"}[kind]
        row[what] = {
            "amount": f"{self._dice.randint(100, 999)}.25", "phase": f"phase {self._dice.randint(1, 99)}",
            "state": self._dice.choice(("Paid", "Dead", "Offered")), "text": f"{row.get('text')}, then {self._dice.randint(1, 99)}",
        }[what]
        self._books.put(kind, key, row)
        if self._dice.random() >= self._conditions.silent:
            self._books.touch(row["clientid"])

    def remove_child(self) -> None:
        kind = self._dice.choice(CHILDREN)
        if (key := self._some(kind)) is not None and len(self._books.true(kind)) > 1:    # a kind that is gone as a whole stops the run
            self._books.put(kind, key, None)

    def remove_client(self) -> None:
        key = self._some("client")
        if key is None or len(self._books.true("client")) < 4:
            return
        held = {kind: [child for child, row in self._books.true(kind).items() if row["clientid"] == key] for kind in CHILDREN}
        if any(children and len(children) == len(self._books.true(kind)) for kind, children in held.items()):
            return
        for kind, children in held.items():
            for child in children:
                self._books.put(kind, child, None)
        self._books.put("client", key, None)

    def merge_clients(self) -> None:
        if len(self._books.true("client")) < 4:
            return
        lost, stays = self._some("client"), self._some("client")
        if lost is None or stays is None or lost == stays:
            return
        self._books.merged[lost] = stays
        for kind in CHILDREN:
            for child, row in self._books.true(kind).items():
                if row["clientid"] == lost:
                    self._books.put(kind, child, {**row, "clientid": stays})
        self._books.put("client", lost, None)
        self._books.touch(stays)

    def _key(self, kind: Kind) -> Key:
        self._numbers[kind] += 1
        return f"{kind[0]}{self._numbers[kind]}"

    def _some(self, kind: Kind) -> Key | None:
        keys = sorted(self._books.true(kind))
        return self._dice.choice(keys) if keys else None


class DestinationPeople:
    """Who works in the account that is moved to."""

    def __init__(self, account: Account, books: Books, conditions: Conditions, dice: Random) -> None:
        self._account, self._books, self._conditions, self._dice = account, books, conditions, dice

    def begin(self) -> None:
        """Fill the account with what was there before: somebody unknown, and somebody whom the source knows as well."""
        self.make("Paula Prior", "paula@prior.test", "Tampa")
        for _, row in sorted(self._books.true("client").items()):
            if self._dice.random() < 0.15:
                self.make(row["fullname"], row["email"], "" if self._dice.random() < 0.5 else "Tampa")

    def make(self, name: str, email: str, town: str) -> DestId:
        """Enter a person."""
        fields = {"name": name, "emails": [{"name": "work", "value": email, "isPrimary": True}], **({"custom:Town": town} if town else {})}
        return self._account.create("contacts", fields, PERSON)

    def plan(self, times: Iterable[float] | None = None) -> None:
        """Put the working days into the agenda, a deed at each of the times."""
        deeds = [(8, self.edit), (3, self.write_note), (1, self.delete), (1, self.merge), (1, self.meet)]
        by_chance = (3.0 + self._dice.random() * (self._conditions.works_until_s + 10.0) for _ in range(self._conditions.edits))
        for when in by_chance if times is None else times:
            deed = self._dice.choices([deed for _, deed in deeds], [weight for weight, _ in deeds])[0]
            self._account.agenda.at(when, deed)

    # --- deeds

    def edit(self) -> None:
        """Change a value of a record that was moved."""
        kind = self._dice.choice(("contacts", "leads", "activities"))
        dest_id = self._some(kind)
        if dest_id is None:
            return
        field = {"contacts": "custom:Town", "leads": self._dice.choice(("manualValue", "custom:Phase")), "activities": "name"}[kind]
        number = self._dice.randint(1000, 9999)
        self._account.update(dest_id, {field: f"{number}.75" if field == "manualValue" else f"people say {number}"}, PERSON)

    def write_note(self) -> None:
        """Hang a note of their own onto somebody."""
        dest_id = self._some("contacts")
        if dest_id is not None:
            body = f"ours {self._dice.randint(1000, 9999)}"
            self._account.create("notes", {"body": body, "link:parent": dest_id}, PERSON)

    def delete(self) -> None:
        dest_id = self._some(self._dice.choice(("contacts", "leads")))
        if dest_id is not None:
            self._account.delete(dest_id, PERSON)

    def merge(self) -> None:
        """Merge one person into another."""
        lost, stays = self._some("contacts"), self._some("contacts")
        if lost is not None and stays is not None and lost != stays:
            self._account.delete(lost, PERSON, into=stays)

    def meet(self) -> None:
        """Enter somebody by hand."""
        self.make(f"Nadia New{self._dice.randint(10, 99)}", f"nadia{self._dice.randint(10, 99)}@new.test", "")

    def _some(self, kind: Kind) -> DestId | None:
        ids = [dest_id for dest_id, held in self._account.live(kind).items() if marker_of(held)]
        return self._dice.choice(ids) if ids else None
