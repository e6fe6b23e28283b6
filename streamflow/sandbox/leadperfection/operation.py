"""One thing a person, a web form, the API or the life mode does to the account, and how it changes the state.

What moves which date (lead-perfection.md 1.8): a new or edited lead its `lastchangedon`; an appointment, a job, a milestone or
a note its own date and nothing above it; flags of a lead and everything of a prospect no date at all; a merge and a deletion
none either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from streamflow.sandbox.leadperfection.plan import KINDS, day_of
from streamflow.sandbox.leadperfection.stamps import local_now, local_text
from streamflow.sandbox.leadperfection.state import State
from streamflow.sandbox.leadperfection.tree import EVER, FLAGS, ID_FIELDS, Node, find

DEEDS = ("create", "edit", "delete", "merge")
_ALL_FLAGS = (*FLAGS, *EVER)


class OperationRefused(ValueError):
    """The operation names something that does not exist or cannot be done; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    A change still to be made.

    `values` are in the form of tree.py. A create names its parent in them: `cst_id` (lead, note, call), `lds_id`
    (appointment, job, note) or `job_id` (note); of a merge they are {"into": cst_id}; a job's may hold `milestone`, which
    replaces or adds one by `mdt_id`. `silent` moves no date at all; `touches_leads` lets the edit of a prospect move the
    `lastchangedon` of its leads.
    """

    do: str
    kind: str
    key: str | None = None
    values: Node = field(default_factory=dict)
    silent: bool = False
    touches_leads: bool = False


def perform(state: State, operation: Operation, *, at: float) -> tuple[str, str]:
    """
    Make the change at Unix second *at* and give (id, cst_id) of what it concerned.

    Raises:
        OperationRefused: unknown deed, kind, record or parent.
    """
    if operation.do not in DEEDS:
        raise OperationRefused(f"do must be one of {', '.join(DEEDS)}, not {operation.do!r}")
    if operation.kind not in KINDS:
        raise OperationRefused(f"no such kind: {operation.kind!r}; there are {', '.join(KINDS)}")
    if operation.do == "create":
        return _create(state, operation, at)
    key = operation.key or ""
    found = state.find(operation.kind, key) if operation.kind in ID_FIELDS else None
    if found is None:
        raise OperationRefused(f"no {ID_FIELDS.get(operation.kind, 'id of a call')} {key}")
    if operation.do == "merge":
        return _merge(state, operation, key)
    cst_id = found[0]["cst_id"]
    if operation.do == "delete" and operation.kind == "prospects":
        state.delete(cst_id)
        return key, cst_id
    tree = state.draft(cst_id)
    inner = find(tree, operation.kind, key)
    assert inner is not None
    if operation.do == "delete":
        _remove(tree, operation.kind, inner[0])
    else:
        if operation.kind == "appointments" and inner[1] is not None and inner[1]["apptdate"] == inner[0]["apptdate"]:
            inner[1]["apptdate"] = operation.values.get("apptdate", inner[0]["apptdate"])   # a lead shows when its appointment is
        _edit(state, operation, inner[0], at)
    state.put(tree)
    return key, cst_id


def _create(state: State, operation: Operation, at: float) -> tuple[str, str]:
    values = deepcopy(operation.values)
    if operation.kind == "prospects":
        key = operation.key or state.new_id("prospects")
        if state.prospect(key) is not None:
            raise OperationRefused(f"cst_id {key} exists already")
        state.put({**blank(state, "prospects", key, at), **values})
        return key, key
    tree, lead, job = _parents(state, values)
    key = operation.key or (state.new_id(operation.kind) if operation.kind in ID_FIELDS else "")
    node = blank(state, operation.kind, key, at)
    if operation.kind in ("appointments", "jobs") and lead is None:
        raise OperationRefused("name a lead in values.lds_id")
    match operation.kind:
        case "leads":
            tree["leads"].append(node)
        case "notes":
            (job or lead or tree)["notes"].append(node)
            node |= {"job_id": job["job_id"]} if job else {}
        case "calls":
            tree["calls"].append({**node, "phone": tree["phone1"]})
            node = tree["calls"][-1]
        case _:
            assert lead is not None
            lead[operation.kind].append(node)
            _tell_lead(state, lead, operation, values, at)
            node |= {"lds_id": lead["lds_id"]} if operation.kind == "jobs" else {}
    node |= {name: value for name, value in values.items() if name not in ("cst_id", "lds_id", "job_id")}
    state.put(tree)
    return key or tree["cst_id"], str(tree["cst_id"])


def _parents(state: State, values: Mapping[str, Any]) -> tuple[Node, Node | None, Node | None]:
    """Give (draft of the prospect, lead or None, job or None) that a new record names as its parent."""
    for kind, name in (("jobs", "job_id"), ("leads", "lds_id"), ("prospects", "cst_id")):
        if name not in values:
            continue
        found = state.find(kind, str(values[name]))
        if found is None:
            raise OperationRefused(f"no {name} {values[name]}")
        tree = state.draft(found[0]["cst_id"])
        inner = find(tree, kind, str(values[name]))
        assert inner is not None
        node, lead = inner
        return tree, lead, node if kind == "jobs" else None
    raise OperationRefused("name the parent in values: cst_id, lds_id or job_id")


def _tell_lead(state: State, lead: Node, operation: Operation, values: Mapping[str, Any], at: float) -> None:
    """Let a lead know of a new appointment or job: its flags, and the date of the appointment; no date moves."""
    if operation.kind == "jobs":
        lead |= {"sold": True, "sat": True, "eversat": True, "gsa": str(values.get("grossamount", lead["gsa"]))}
    else:
        when = str(values.get("apptdate", "")) or local_text(at, state.zone)
        lead |= {"apptset": True, "everset": True, "apptdate": when, "setdate": local_text(at, state.zone)}


def _edit(state: State, operation: Operation, node: Node, at: float) -> None:
    values, now = deepcopy(operation.values), local_text(at, state.zone)
    milestone = values.pop("milestone", None)
    if milestone is not None:
        rows = {row["mdt_id"]: row for row in node["milestones"]}
        blank = {"datetype": "", "estdate": now, "actdate": "", "enteredby": "", "enteredon": now, "lastchangedby": ""}
        stamp = {} if operation.silent else {"lastchangedon": now}
        rows[milestone["mdt_id"]] = {"lastchangedon": "", **blank, **rows.get(milestone["mdt_id"], {}), **milestone, **stamp}
        node["milestones"] = list(rows.values())
    node |= values
    if operation.kind == "leads" and values.get("confirmed"):
        node |= {"everconfirmed": True, "confirmedbyname": "Desk, Front", "confirmeddate": now, **values}
    if operation.silent or (not values and milestone is not None):
        return
    match operation.kind:
        case "prospects" if operation.touches_leads:
            for row in (node, *node["leads"]):
                row["lastchanged" if row is node else "lastchangedon"] = now
        case "leads" if values.keys() - set(_ALL_FLAGS):
            node["lastchangedon"] = now
        case "appointments":
            node["changed"] = now
        case "jobs":
            node["lastchanged"] = now
        case "notes":
            node["updatedon"] = now


def _remove(tree: Node, kind: str, node: Node) -> None:
    leads = tree["leads"]
    lists = {
        "leads": [leads], "appointments": [lead["appointments"] for lead in leads], "jobs": [lead["jobs"] for lead in leads],
        "notes": [tree["notes"], *(lead["notes"] for lead in leads), *(job["notes"] for lead in leads for job in lead["jobs"])],
    }  # fmt: skip
    for rows in lists[kind]:
        rows[:] = [row for row in rows if row is not node]


def _merge(state: State, operation: Operation, loser: str) -> tuple[str, str]:
    """Let a prospect vanish and its leads, notes and calls reappear under another, dates and ids unchanged."""
    survivor = str(operation.values.get("into", ""))
    if operation.kind != "prospects" or survivor == loser or state.prospect(survivor) is None:
        raise OperationRefused(f"cannot merge {loser} into {survivor or 'nothing'}: name another prospect in values.into")
    gone, tree = state.draft(loser), state.draft(survivor)
    state.delete(loser)
    for kind in ("leads", "notes", "calls"):
        tree[kind] += gone[kind]
    state.put(tree)
    return loser, loser


def blank(state: State, kind: str, key: str, at: float) -> Node:
    """Give an empty record of *kind* made at Unix second *at*."""
    return {"marks": [], **_BLANKS[kind](key, local_text(at, state.zone), day_of(local_now(at, state.zone)))}


_BLANKS: Mapping[str, Callable[[str, str, str], Node]] = {
    "prospects": lambda key, now, day: {
        "cst_id": key, "firstname": "", "lastname": "", "email": "", "email2": "", "phone1": "", "altphones": [], "address1": "",
        "address2": "", "city": "", "state": "", "zip": "", "dnc": "", "dateadded": day, "lastchanged": now, "notes": [],
        "notes_form": "objects", "calls": [], "leads": [],
    },
    "leads": lambda key, now, day: {
        "lds_id": key, "source": "", "sourcesubdescr": "", "srs_id": "", "pro_id": "", "promotername": "", "lognumber": "",
        "brn_id": "ORL", "disposition": "", "salesrepname": "", "entrydate": day, "dateentered": now, "lastchangedon": now,
        "apptdate": "", **dict.fromkeys(_ALL_FLAGS, False), "setbyname": "", "setdate": "", "confirmedbyname": "",
        "confirmeddate": "", "gsa": "0.0000", "appointments": [], "notes": [], "notes_form": "objects", "jobs": [],
    },
    "appointments": lambda key, now, day: {
        "ils_id": key, "apptdate": now, "disposition": "Set", "products": [], "gsas": [], "notes": "", "presnotes": "",
        "dispositioncomments": "", "slr_id": "", "salesrep": "", "statuscode": "S", "changed": now, "stray": False,
    },
    "jobs": lambda key, now, day: {
        "job_id": key, "lds_id": "", "contractid": f"ORL-{key}", "jbs_id": "SC", "jobstatus": "Scheduled", "productid": "WIN",
        "salesrepname": "", "salesrepid": "", "installer1": "", "grossamount": "0.0000", "balancedue": "0.0000",
        "jobcost": "0.0000", "finco": "", "finamount": "0.0000", "fincrlimit": "-1", "finmonths": "", "brp_id": "ORL",
        "contractdate": day, "entrydate": day, "dateentered": now, "lastchanged": now, "milestones": [], "userfields": [],
        "notes": [], "documents": 0, "stray": False, "stray_cst_id": "",
    },
    "notes": lambda key, now, day: {
        "id": key, "enteredby": "", "enteredon": now, "updatedby": "", "updatedon": "", "important": False, "category": "",
        "note": "",
    },
    "calls": lambda key, now, day: {
        "calldatetime": now, "phone": "", "resultcode": "", "resultdescr": "", "calltype": "O", "calltypedescr": "Outbound",
        "agent": "", "agentname": "",
    },
}  # fmt: skip
