"""How a prospect with everything under it is held inside the simulator: plain dicts, one form whatever a reply shows.

prospect  cst_id, contact fields, dateadded, lastchanged, dnc · notes, calls, leads
lead      lds_id, source fields, disposition, rep, dates, flags (bool) · appointments, notes, jobs
appointment  ils_id, apptdate, products, gsas, texts, rep, changed
job       job_id, contractid, status, amounts (Decimal as text), dates, finance · milestones, userfields, notes, documents
note      id, enteredby, enteredon, updatedby, updatedon, important, category, note; job_id where it hangs at a job
call      calldatetime and the rest; has no id

Ids and amounts are text, flags are bool, times are text of the wall clock. A node made by the generator may have `marks`: the
problems it was given on purpose (problems.py). `stray` on an appointment or a job: its lead and prospect are in no reply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]

ID_FIELDS = {"prospects": "cst_id", "leads": "lds_id", "appointments": "ils_id", "jobs": "job_id", "notes": "id"}
FLAGS = ("apptset", "confirmed", "verified", "issued", "sat", "sold")
EVER = ("everset", "everconfirmed", "everissued", "evernetissued", "eversat")


def nodes(tree: Node, kind: str) -> Iterator[tuple[Node, Node | None]]:
    """Yield (node, lead it is under or None) of everything of *kind* in a prospect's tree."""
    if kind == "prospects":
        yield tree, None
    if kind in ("notes", "calls"):
        yield from ((node, None) for node in tree[kind])
    for lead in tree["leads"]:
        if kind == "leads":
            yield lead, lead
        elif kind == "notes":
            yield from ((node, lead) for node in lead["notes"])
            yield from ((node, lead) for job in lead["jobs"] for node in job["notes"])
        elif kind in ("appointments", "jobs"):
            yield from ((node, lead) for node in lead[kind])


def find(tree: Node, kind: str, key: str) -> tuple[Node, Node | None] | None:
    """Give one node of a tree by its id, with its lead."""
    field = ID_FIELDS[kind]
    return next(((node, lead) for node, lead in nodes(tree, kind) if node[field] == key), None)
