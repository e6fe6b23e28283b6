"""Words that stand nowhere else, planted in both accounts before a run: names, firms, streets, notes and files that no log may show."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.flow.box import Box
from tests.flow.sides import LEADTREKKER
from tests.judge.states import ask

PEOPLE = 4
"""Records of people planted in the source, each with what hangs on it."""
OWN = 3
"""The same in the destination, where they are people's own."""
LEAST = 50
"""Words in all."""
_SYLLABLES = ("zu", "qiv", "bax", "ojo", "kuz", "wex", "yfi", "juq", "vop", "gix")
_PARTS = 5


def plant(box: Box, options: Mapping[str, Any], seed: int) -> tuple[Box, frozenset[str]]:
    """
    Put records of nobody else's words into both accounts, as people do; gives the box as a run now finds it, and the words.

    To be done before anything is read: *options* are those of the sandbox, and what it exported is exported anew.
    """
    words = _Words(random.Random(f"telltales-{seed}"))
    _SOURCES[box.side.pair](box, words)
    _destination(box, words)
    if options.get("reader") == "files":
        box.export()
    elif box.side is LEADTREKKER:     # the other source gives its files by API as well
        ask(f"{box.source_admin}export", {"folder": str(box.dir / "inbox"), "attachments_only": True})
    assert len(words.given) >= LEAST, len(words.given)
    return replace(box, seen=box.side.look(box.source_admin, options)), frozenset(words.given)


class _Words:
    """Gives words that nobody says, and knows which it gave."""

    def __init__(self, dice: random.Random) -> None:
        self.given: set[str] = set()
        self._dice = dice

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        word = "".join(self._dice.choices(_SYLLABLES, k=_PARTS)).capitalize()
        if word in self.given:
            return next(self)
        self.given.add(word)
        return word


def _leadtrekker(box: Box, words: _Words) -> None:
    for number in range(PEOPLE):
        lead = box.in_source(
            "create", "leads", name=next(words), email=f"{next(words).lower()}@example.co.za", number=f"08255{_digits(number)}",
            company=f"{next(words)} Kitchens", address=f"{number + 1} {next(words)} Straat, {next(words)}",
            custom_fields={"Surname": next(words)},
        )["id"]  # fmt: skip
        box.in_source("create", "notes", leadid=lead, userid="21", note=f"Gate {next(words)}")
        box.in_source("create", "calls", leadid=lead, userid="21", notes=next(words))
        box.in_source("create", "attachments", leadid=lead, name=f"{next(words)}.txt", text="A photo.")


def _lead_perfection(box: Box, words: _Words) -> None:
    like = next(row for _, row in sorted(box.source().of("lead").items()) if row["source"])
    for number in range(PEOPLE):
        person = box.in_source(
            "create", "prospects", firstname=next(words), lastname=next(words), email=f"{next(words).lower()}@mail.example",
            phone1=f"40755{_digits(number)}", address1=f"{number + 1} {next(words)} Loop", address2=f"Unit {next(words)}",
            city=next(words), state="FL", zip="32801",
        )["id"]  # fmt: skip
        lead = box.in_source(
            "create", "leads", cst_id=person, **{name: like[name] for name in ("source", "sourcesubdescr", "salesrepname")}
        )["id"]
        box.in_source("create", "notes", cst_id=person, enteredby="Ruizmar, Ana", note=f"Gate {next(words)}")
        box.in_source("create", "notes", lds_id=lead, enteredby="Ruizmar, Ana", note=f"Dog {next(words)}")


def _destination(box: Box, words: _Words) -> None:
    for _ in range(OWN):
        firm = str(box.in_destination("create", kind="accounts", values={"name": f"{next(words)} Holdings"})["id"])
        person = str(box.in_destination("create", kind="contacts", values={
            "name": f"{next(words)} {next(words)}", "emails": [{"name": "work", "value": f"{next(words).lower()}@customers.test"}],
            "links": {"accounts": [firm]},
        })["id"])  # fmt: skip
        box.in_destination("create", kind="notes", values={"body": f"Gate {next(words)}", "parent": person})
        box.in_destination("create", kind="tasks", values={"title": f"Call {next(words)}", "links": {"relatedEntity": person}})


def _digits(number: int) -> str:
    return f"{91_000 + 7 * number}"


_SOURCES: Mapping[str, Callable[[Box, _Words], None]] = {
    "leadtrekker-nutshell": _leadtrekker, "lead-perfection-nutshell": _lead_perfection,
}  # fmt: skip
