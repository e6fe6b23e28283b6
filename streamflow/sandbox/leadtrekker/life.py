"""People at work in a Leadtrekker account: a seeded choice of what happens next."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.leadtrekker.operation import Operation, OperationRefused, Outcome, perform
from streamflow.sandbox.leadtrekker.state import State, local_text
from streamflow.sandbox.living import Life

Record = dict[str, Any]

WEIGHTS: Mapping[str, int] = {
    "create_lead": 12, "edit_lead": 28, "edit_lead_silently": 5, "add_note": 18, "add_call": 10, "add_email": 8,
    "add_reminder": 7, "complete_reminder": 4, "edit_note": 4, "delete_note": 1, "delete_lead": 1, "merge_leads": 2,
}  # fmt: skip
CHEAT_WEIGHTS: Mapping[str, int] = {"create_lead": 2, "edit_lead": 3, "add_note": 3}
"""What somebody does who forgot about the freeze: only what a later reading can find."""

_FIRST = ("Lerato", "Johan", "Nomsa", "Fatima", "Kabelo", "Anneke", "Sibusiso", "Chloé", "Rajesh", "Zanele")
_LAST = ("Dlamini", "van Wyk", "Naidoo", "O'Reilly", "Mahlangu", "Botha", "Khumalo", "Petersen")
_FIRMS = ("Vaal River Pumps (Pty) Ltd", "VAAL RIVER PUMPS", "Blue Crane Bakery CC", "Umhlanga Optics", "Protea & Sons")
_TEXTS = (
    "Left a voicemail, will try again on Friday.", "Wants the quote\r\nbroken down per site.", "<p>Asked for <b>two</b> references</p>",
    "Budget approved 👍", "Moved to next quarter – null response from finance.",
)  # fmt: skip
_OUTCOMES = ("No answer", "Interested", "Call back", "Wrong number")
_TRIES = 8


class LeadtrekkerLife(Life):
    """The life of one account; `done` rows name op, kind, id and lead, those of a merge `into` and the `files` it took along."""

    WEIGHTS = WEIGHTS
    CHEAT_WEIGHTS = CHEAT_WEIGHTS

    def __init__(self, state: State, *, clock: Clock, seed: int) -> None:
        super().__init__(clock=clock, seed=seed)
        self._state = state

    def record(self, operation: Operation, outcome: Outcome, at: float, *, by: str) -> None:
        """Write into the book what was done; *by* is `life`, `act` or `api`."""
        row: Record = {"op": operation.do, "kind": operation.kind, "id": outcome.key, "leadid": outcome.leadid}
        row |= {"time": self._state.written(at), "by": by, "silent": operation.silent}
        if operation.do == "merge":
            row |= {"into": str(operation.values.get("into", "")), "files": list(outcome.files)}
        self.note_down(f"{operation.do} {operation.kind}", row)

    def _live(self, weights: Mapping[str, int], at: float) -> None:
        operation = next_operation(self._dice, self._state, weights, at)
        if operation.do == "edit" and self.is_hushed():
            operation = replace(operation, silent=True)
        try:
            outcome = perform(self._state, operation, at=at)
        except OperationRefused:  # an account emptied by hand may leave nothing to do this to
            return
        self.record(operation, outcome, at, by="life")


def next_operation(dice: random.Random, state: State, weights: Mapping[str, int], at: float) -> Operation:
    """Choose what happens next at Unix second *at*; the same dice and state give the same choice."""
    deed = dice.choices(list(weights), weights=list(weights.values()))[0]
    lead = _any_lead(dice, state)
    if lead is None:
        return _new_lead(dice, state, None)
    return _DEEDS[deed](dice, state, lead, at)


def _new_lead(dice: random.Random, state: State, like: Record | None) -> Operation:
    first, last = dice.choice(_FIRST), dice.choice(_LAST)
    mail = f"{first}.{last}{dice.randrange(10_000)}@example.co.za".lower().replace(" ", "").replace("'", "")
    values: Record = {
        "name": first, "email": mail, "number": f"08{dice.randrange(10**8):08d}", "company": dice.choice(("", *_FIRMS)),
        "custom_fields": {"Surname": last, "Message": dice.choice(_TEXTS), "utm_source": "google"},
    }  # fmt: skip
    kin = dice.random()
    if like is not None and kin < 0.2:  # the same person fills in another form
        values |= {"name": like["name"], "email": f"{like['email'] or ''}".upper() + " ", "number": like["number"]}
        values["custom_fields"]["Surname"] = like["custom_fields"].get("Surname", "")
    elif like is not None and kin < 0.4:  # a colleague
        values["company"] = f"{like['company'] or ''}".upper()
    for kind, name in (("sources", "sourceid"), ("statuses", "statusid"), ("users", "userid")):
        values[name] = _any_reference(dice, state, kind)
    return Operation(do="create", kind="leads", values=values)


def _create_lead(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    return _new_lead(dice, state, lead)


def _edit_lead(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    return Operation(do="edit", kind="leads", key=lead["leadid"], values=_lead_change(dice, state))


def _edit_lead_silently(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    return Operation(do="edit", kind="leads", key=lead["leadid"], values=_lead_change(dice, state), silent=True)


def _lead_change(dice: random.Random, state: State) -> Record:
    change = dice.choice(("status", "owner", "number", "company", "custom"))
    if change == "status":
        return {"statusid": _any_reference(dice, state, "statuses")}
    if change == "owner":
        return {"userid": _any_reference(dice, state, "users")}
    if change == "number":
        return {"number": f"+27 8{dice.randrange(10)} {dice.randrange(1000):03d} {dice.randrange(10_000):04d}"}
    if change == "company":
        return {"company": dice.choice(_FIRMS)}
    return {"custom_fields": {"Message": f"{dice.choice(_TEXTS)} ({dice.randrange(1000)})"}}


def _add_note(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    values = _on(lead, dice, state) | {"note": f"{dice.choice(_TEXTS)} #{dice.randrange(10_000)}"}
    return Operation(do="create", kind="notes", values=values)


def _add_call(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    values = _on(lead, dice, state) | {
        "number": lead["number"], "direction": dice.choice(("in", "out")), "disposition": dice.choice(_OUTCOMES),
        "duration": f"00:{dice.randrange(60):02d}:{dice.randrange(60):02d}", "notes": dice.choice(("", *_TEXTS)),
    }  # fmt: skip
    return Operation(do="create", kind="calls", values=values)


def _add_email(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    values = _on(lead, dice, state)
    user = state.find("users", values["userid"])
    values |= {"from": user[1]["email"] if user else "", "to": lead["email"], "subject": f"Quote {dice.randrange(1000)}"}
    return Operation(do="create", kind="emails", values=values | {"body": f"<p>{dice.choice(_TEXTS)}</p>"})


def _add_reminder(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    due = local_text(at + 3600 * dice.randrange(1, 400))
    values = _on(lead, dice, state) | {"due": due, "note": "Call back", "repeat": dice.choice(("", "", "weekly"))}
    return Operation(do="create", kind="reminders", values=values)


def _complete_reminder(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    return _child_change(dice, state, lead, at, kind="reminders", do="edit", values={"done": "1"})


def _edit_note(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    text = f"Corrected: {dice.choice(_TEXTS)} #{dice.randrange(10_000)}"
    return _child_change(dice, state, lead, at, kind="notes", do="edit", values={"note": text})


def _delete_note(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    return _child_change(dice, state, lead, at, kind="notes", do="delete", values={})


def _delete_lead(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    return Operation(do="delete", kind="leads", key=lead["leadid"])


def _merge_leads(dice: random.Random, state: State, lead: Record, at: float) -> Operation:
    other = _any_lead(dice, state)
    if other is None or other["leadid"] == lead["leadid"]:
        return _edit_lead(dice, state, lead, at)
    return Operation(do="merge", kind="leads", key=lead["leadid"], values={"into": other["leadid"]})


def _child_change(dice: random.Random, state: State, lead: Record, at: float, *, kind: str, do: str, values: Record) -> Operation:
    """Change a child of some lead that has one; edit *lead* itself when none of a few has."""
    candidate: Record | None = lead
    for _ in range(_TRIES):
        rows = [] if candidate is None else list(state.children_of(kind, candidate["leadid"]))
        if rows:
            return Operation(do=do, kind=kind, key=dice.choice(rows)[0], values=values)
        candidate = _any_lead(dice, state)
    return _edit_lead(dice, state, lead, at)


def _on(lead: Record, dice: random.Random, state: State) -> Record:
    return {"leadid": lead["leadid"], "userid": _any_reference(dice, state, "users")}


def _any_lead(dice: random.Random, state: State) -> Record | None:
    """Pick a lead; one time in three among the newest, where people work most."""
    total = state.total("leads")
    if total == 0:
        return None
    rank = dice.randrange(min(total, 30)) if dice.random() < 0.33 else dice.randrange(total)
    rows = state.page("leads", offset=rank, limit=1, newest_first=True, view=None)
    return rows[0][2] if rows else None


def _any_reference(dice: random.Random, state: State, kind: str) -> str:
    rows = state.page(kind, offset=0, limit=1000, newest_first=False, view=None)
    return dice.choice(rows)[0] if rows else ""


_DEEDS: Mapping[str, Callable[[random.Random, State, Record, float], Operation]] = {
    "create_lead": _create_lead,
    "edit_lead": _edit_lead,
    "edit_lead_silently": _edit_lead_silently,
    "add_note": _add_note,
    "add_call": _add_call,
    "add_email": _add_email,
    "add_reminder": _add_reminder,
    "complete_reminder": _complete_reminder,
    "edit_note": _edit_note,
    "delete_note": _delete_note,
    "delete_lead": _delete_lead,
    "merge_leads": _merge_leads,
}
