"""People at work in a Lead Perfection account: a seeded choice of what happens next."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.leadperfection import codes
from streamflow.sandbox.leadperfection.operation import Operation, OperationRefused, blank, perform
from streamflow.sandbox.leadperfection.plan import day_of, text_of
from streamflow.sandbox.leadperfection.stamps import local_now, local_text
from streamflow.sandbox.leadperfection.state import State
from streamflow.sandbox.leadperfection.tree import Node, nodes
from streamflow.sandbox.living import Life

WEIGHTS: Mapping[str, int] = {
    "new_prospect": 10, "repeat_lead": 6, "edit_lead": 14, "flip_flag": 8, "edit_contact": 8, "set_appointment": 12,
    "edit_appointment": 7, "sell": 6, "edit_job": 9, "move_milestone": 6, "add_note": 16, "edit_note": 4, "delete_note": 1,
    "add_call": 8, "delete_prospect": 1, "merge": 2,
    "edit_visit": 3, "edit_figures": 3, "edit_userfield": 3, "mark_dnc": 2,
}  # fmt: skip
CHEAT_WEIGHTS: Mapping[str, int] = {"new_prospect": 2, "edit_lead": 3, "add_note": 3}

_FIRST = ("Nadia", "Cole", "Priya", "Otis", "Jo-Anne", "Marco", "Tilda", "Bram")
_LAST = ("Westerfield", "O'Lakewood", "Castañobrook", "Pennhurst", "Galeworth", "Ashmere")
_TEXTS = (
    "Left a voicemail.", "Wants the quote<br>itemized", "HOA approved 👍", "Moved to next month – null response.",
    "Spouse must be there.\r\nCall after 5",
)  # fmt: skip
_TRIES = 8
Deed = Callable[[random.Random, State, Node, float], Operation]


class LeadPerfectionLife(Life):
    """The life of one account; `done` rows name op, kind, id and prospect."""

    WEIGHTS = WEIGHTS
    CHEAT_WEIGHTS = CHEAT_WEIGHTS

    def __init__(self, state: State, *, clock: Clock, seed: int) -> None:
        super().__init__(clock=clock, seed=seed)
        self._state = state
        self.touches_leads = False

    def record(self, operation: Operation, key: str, cst_id: str, at: float, *, by: str) -> None:
        """Write into the book what was done; *by* is `life`, `act` or `api`."""
        row: dict[str, Any] = {"op": operation.do, "kind": operation.kind, "id": key, "cst_id": cst_id}
        row |= {"time": local_text(at, self._state.zone), "by": by, "silent": is_quiet(operation)}
        if operation.do == "merge":
            row["into"] = str(operation.values.get("into", ""))
        self.note_down(f"{operation.do} {operation.kind}", row)

    def _live(self, weights: Mapping[str, int], at: float) -> None:
        operation = replace(next_operation(self._dice, self._state, weights, at), touches_leads=self.touches_leads)
        if operation.do == "edit" and self.is_hushed():
            operation = replace(operation, silent=True)
        try:
            key, cst_id = perform(self._state, operation, at=at)
        except OperationRefused:  # an account emptied by hand may leave nothing to do this to
            return
        self.record(operation, key, cst_id, at, by="life")


def is_quiet(operation: Operation) -> bool:
    """Say whether an operation moves no date that a window of changes could find."""
    flags_only = operation.kind == "leads" and operation.values.keys() <= {"sat", "apptset", "sold", "confirmed", "verified", "issued"}
    is_edit = operation.do == "edit" and (flags_only or (operation.kind == "prospects" and not operation.touches_leads))
    return operation.silent or is_edit or operation.do in ("delete", "merge") or operation.kind == "calls"


def next_operation(dice: random.Random, state: State, weights: Mapping[str, int], at: float) -> Operation:
    """Choose what happens next at Unix second *at*; the same dice and state give the same choice."""
    deed = dice.choices(list(weights), weights=list(weights.values()))[0]
    tree = _any_prospect(dice, state)
    return _new_prospect(dice, state, None, at) if tree is None else _DEEDS[deed](dice, state, tree, at)


def _new_prospect(dice: random.Random, state: State, kin: Node | None, at: float) -> Operation:
    first, last = dice.choice(_FIRST), dice.choice(_LAST)
    values: Node = {
        "firstname": first, "lastname": last, "phone1": f"407{dice.randrange(200, 999)}{dice.randrange(10_000):04d}",
        "email": dice.choice(("", f"{first}.{last}{dice.randrange(10_000)}@mail.example".lower().replace("'", "").replace("ñ", "n"))),
        "address1": f"{dice.randrange(1, 900)} Heron Loop", "city": "Orlando", "state": "FL", "zip": "32801",
        "altphones": [{"phone": f"321{dice.randrange(200, 999)}{dice.randrange(10_000):04d}", "type": "Cell"}] * dice.randrange(2),
    }  # fmt: skip
    if kin is not None and dice.random() < 0.25:  # another of the household
        values |= {name: kin[name] for name in ("lastname", "phone1", "address1", "city", "state", "zip")}
    if dice.random() < 0.2:  # written down by somebody, and no enquiry made of it: only the note is dated
        note = blank(state, "notes", state.new_id("notes"), at) | {"note": dice.choice(_TEXTS), "enteredby": dice.choice(codes.ACTIVE).name}
        return Operation(do="create", kind="prospects", values={**values, "notes": [note]})
    return Operation(do="create", kind="prospects", values={**values, "leads": [_lead_values(dice, state, at)]})


def _lead_values(dice: random.Random, state: State, at: float) -> Node:
    source = dice.choice(tuple(codes.SOURCES))
    return blank(state, "leads", state.new_id("leads"), at) | {
        "source": source, "sourcesubdescr": dice.choice((*codes.SOURCES[source], *codes.DELIMITED_SUBS)), "disposition": "",
        "salesrepname": dice.choice(codes.ACTIVE).name,
    }  # fmt: skip


def _repeat_lead(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    values = {name: value for name, value in _lead_values(dice, state, at).items() if name != "lds_id"}
    return Operation(do="create", kind="leads", values={**values, "cst_id": tree["cst_id"]})


def _edit_lead(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    change = dice.choice((
        {"disposition": dice.choice(codes.DISPOSITIONS)[0]}, {"salesrepname": dice.choice(codes.REPS).name},
        {"sourcesubdescr": dice.choice(codes.DELIMITED_SUBS)},
    ))  # fmt: skip
    return _on_some(dice, state, tree, at, "leads", "edit", change)


def _flip_flag(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    operation = _on_some(dice, state, tree, at, "leads", "edit", {})
    found = state.find("leads", operation.key or "") if operation.kind == "leads" else None
    flag = dice.choice(("sat", "apptset", "sold", "confirmed"))
    return operation if found is None else replace(operation, values={flag: not found[1][flag]})


def _edit_contact(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    change = dice.choice((
        {"address1": f"{dice.randrange(1, 900)} Citrus Way"}, {"phone1": f"813{dice.randrange(200, 999)}{dice.randrange(10_000):04d}"},
        {"address2": dice.choice(("Apt 7", "Unit C", ""))}, {"email": f"moved{dice.randrange(10_000)}@mail.example"},
    ))  # fmt: skip
    return Operation(do="edit", kind="prospects", key=tree["cst_id"], values=change)


def _set_appointment(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    rep = dice.choice(codes.ACTIVE)
    start = local_now(at, state.zone) + timedelta(days=dice.randrange(1, 20))
    values = {
        "apptdate": text_of(start.replace(hour=dice.randrange(9, 19), minute=0, second=0, microsecond=0)), "slr_id": rep.slr_id,
        "salesrep": rep.spoken, "products": ["WIN"], "gsas": [""], "notes": dice.choice(_TEXTS),
    }  # fmt: skip
    return _under_some_lead(dice, tree, "appointments", values) or _repeat_lead(dice, state, tree, at)


def _edit_appointment(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    start = local_now(at, state.zone) + timedelta(days=dice.randrange(1, 20))
    change = dice.choice((
        {"disposition": dice.choice(("Sale", "CXL", "NoHome"))}, {"notes": f"{dice.choice(_TEXTS)} #{dice.randrange(10_000)}"},
        {"apptdate": text_of(start.replace(hour=dice.randrange(9, 19), minute=30, second=0, microsecond=0))},
    ))  # fmt: skip
    return _on_some(dice, state, tree, at, "appointments", "edit", change)


def _edit_visit(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    """What came of an appointment: what was shown and for how much, and what the rep wrote of it."""
    products = [product for product, _ in dice.sample(codes.PRODUCTS, dice.randrange(1, 4))]
    change = dice.choice((
        {"products": products, "gsas": [dice.choice(("", f"{dice.randrange(20, 300) * 100}.00")) for _ in products]},
        {"presnotes": f"{dice.choice(_TEXTS)} #{dice.randrange(10_000)}"},
        {"dispositioncomments": f"{dice.choice(_TEXTS)} #{dice.randrange(10_000)}"},
    ))  # fmt: skip
    return _on_some(dice, state, tree, at, "appointments", "edit", change)


def _sell(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    rep = dice.choice(codes.ACTIVE)
    values = {
        "grossamount": f"{dice.randrange(20, 400) * 100}.0000", "salesrepname": rep.name, "salesrepid": rep.slr_id,
        "contractdate": day_of(local_now(at, state.zone)), "userfields": [{"fieldtitle": "HOA Required", "fieldvalue": "Yes"}],
    }  # fmt: skip
    return _under_some_lead(dice, tree, "jobs", values) or _repeat_lead(dice, state, tree, at)


def _edit_job(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    code = dice.choice(tuple(codes.STATUSES))
    change = dice.choice((
        {"jbs_id": code, "jobstatus": codes.STATUSES[code]}, {"grossamount": f"{dice.randrange(20, 400) * 100}.0000"},
        {"balancedue": "0.0000"},
    ))  # fmt: skip
    return _on_some(dice, state, tree, at, "jobs", "edit", change)


def _edit_figures(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    """What a job costs and how it is paid, what is built by whom; now and then what the enquiry is worth."""
    if dice.random() < 0.2:
        return _on_some(dice, state, tree, at, "leads", "edit", {"gsa": f"{dice.randrange(20, 400) * 100}.0000"})
    change = dice.choice((
        {"jobcost": f"{dice.randrange(5, 90) * 100}.5000"}, {"productid": dice.choice(codes.PRODUCTS)[0]},
        {"finco": "GreenLend", "finamount": f"{dice.randrange(20, 200) * 100}.0000", "finmonths": dice.choice(("60", "120"))},
        {"installer1": f"Crew {dice.randrange(1, 7)}"},
    ))  # fmt: skip
    return _on_some(dice, state, tree, at, "jobs", "edit", change)


def _edit_userfield(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    """Another value in one custom field of a job; a job without that field has it from now on."""
    operation = _on_some(dice, state, tree, at, "jobs", "edit", {})
    found = state.find("jobs", operation.key or "") if operation.kind == "jobs" else None
    if found is None:
        return operation
    title, value = dice.choice((
        ("Permit Expiration", f"{dice.randrange(1, 13)}/{dice.randrange(1, 29)}/2027"), ("HOA Required", dice.choice(("Yes", "No"))),
        ("Roof Squares", f"{dice.randrange(10, 60)}.5"), ("Deposit", f"{dice.randrange(5, 40) * 100}.00"),
        ("Color", dice.choice(("White", "Bronze", "Tan"))), ("Gate Code", f"#{dice.randrange(10_000):04d}"),
    ))  # fmt: skip
    rows = [row for row in found[1]["userfields"] if row["fieldtitle"] != title]
    return replace(operation, values={"userfields": [*rows, {"fieldtitle": title, "fieldvalue": value}]})


def _move_milestone(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    code = dice.choice(tuple(codes.MILESTONES))
    day = day_of(local_now(at, state.zone))
    milestone = {"mdt_id": code, "datetype": codes.MILESTONES[code], "actdate": dice.choice(("", day)), "lastchangedby": "Desk, Front"}
    return _on_some(dice, state, tree, at, "jobs", "edit", {"milestone": milestone})


def _add_note(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    values = {"note": f"{dice.choice(_TEXTS)} #{dice.randrange(10_000)}", "enteredby": dice.choice(codes.ACTIVE).name}
    under_lead = _under_some_lead(dice, tree, "notes", values) if dice.random() < 0.4 else None
    return under_lead or Operation(do="create", kind="notes", values={**values, "cst_id": tree["cst_id"]})


def _edit_note(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    text = f"Corrected: {dice.choice(_TEXTS)} #{dice.randrange(10_000)}"
    return _on_some(dice, state, tree, at, "notes", "edit", {"note": text, "updatedby": "Desk, Front"})


def _delete_note(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    operation = _on_some(dice, state, tree, at, "notes", "delete", {})
    found = state.find("notes", operation.key or "") if operation.do == "delete" else None
    # Without an enquiry its notes are all that is dated of a customer.
    return operation if found is None or found[0]["leads"] else _add_note(dice, state, found[0], at)


def _add_call(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    code, words = dice.choice(codes.CALL_RESULTS)
    rep = dice.choice(codes.ACTIVE)
    values = {"cst_id": tree["cst_id"], "resultcode": code, "resultdescr": words, "agent": f"2{rep.slr_id}", "agentname": rep.name}
    return Operation(do="create", kind="calls", values=values)


def _mark_dnc(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    return Operation(do="edit", kind="prospects", key=tree["cst_id"], values={"dnc": dice.choice(("C", "M", "CT", "E", ""))})


def _delete_prospect(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    return Operation(do="delete", kind="prospects", key=tree["cst_id"])


def _merge(dice: random.Random, state: State, tree: Node, at: float) -> Operation:
    other = _any_prospect(dice, state)
    if other is None or other["cst_id"] == tree["cst_id"]:
        return _edit_lead(dice, state, tree, at)
    return Operation(do="merge", kind="prospects", key=tree["cst_id"], values={"into": other["cst_id"]})


def _on_some(dice: random.Random, state: State, tree: Node, at: float, kind: str, do: str, values: Node) -> Operation:
    """Do it to a record of *kind* of some prospect who has one; a note is added where a few have none."""
    candidate: Node | None = tree
    field = {"leads": "lds_id", "appointments": "ils_id", "jobs": "job_id", "notes": "id"}[kind]
    for _ in range(_TRIES):
        rows = [node for node, _ in nodes(candidate, kind)] if candidate is not None else []
        if rows:
            return Operation(do=do, kind=kind, key=dice.choice(rows)[field], values=values)
        candidate = _any_prospect(dice, state)
    return _add_note(dice, state, tree, at)


def _under_some_lead(dice: random.Random, tree: Node, kind: str, values: Node) -> Operation | None:
    if not tree["leads"]:
        return None
    return Operation(do="create", kind=kind, values={**values, "lds_id": dice.choice(tree["leads"])["lds_id"]})


def _any_prospect(dice: random.Random, state: State) -> Node | None:
    """Pick a prospect; one time in three among the newest, where people work most."""
    for _ in range(_TRIES):
        ranks = state.ranks
        rank = ranks - 1 - dice.randrange(min(ranks, 30)) if dice.random() < 0.33 else dice.randrange(ranks)
        tree = state.nth(rank)
        if tree is not None:
            return tree
    return next(state.prospects(), None)


_DEEDS: Mapping[str, Deed] = {
    "new_prospect": _new_prospect, "repeat_lead": _repeat_lead, "edit_lead": _edit_lead, "flip_flag": _flip_flag,
    "edit_contact": _edit_contact, "set_appointment": _set_appointment, "edit_appointment": _edit_appointment, "sell": _sell,
    "edit_job": _edit_job, "move_milestone": _move_milestone, "add_note": _add_note, "edit_note": _edit_note,
    "delete_note": _delete_note, "add_call": _add_call, "delete_prospect": _delete_prospect, "merge": _merge,
    "edit_visit": _edit_visit, "edit_figures": _edit_figures, "edit_userfield": _edit_userfield, "mark_dnc": _mark_dnc,
}  # fmt: skip
