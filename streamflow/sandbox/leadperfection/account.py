"""A Lead Perfection account made from a seed: what a real one could hold, with every trouble a real one has.

Shares are exact: a run of as many records as a deck has cards holds each card just so often; the decks stand beside the code
that obeys them, and problems.py names each problem. Of 100 records 20 are prospects, 25 leads, 17 appointments, 8 jobs, 22
notes and 8 calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from streamflow.sandbox.leadperfection.account_prospect import note_changed, prospect_tree
from streamflow.sandbox.leadperfection.account_work import HOMES, MILESTONE_CARDS
from streamflow.sandbox.leadperfection.plan import KINDS, Plan
from streamflow.sandbox.leadperfection.problems import PROBLEMS
from streamflow.sandbox.leadperfection.stamps import number_of
from streamflow.sandbox.leadperfection.tree import ID_FIELDS, Node, nodes

Dated = tuple[str, float, int]
"""(what date, wall clock seconds, id of the record it is a date of)."""


class Account:
    """One account; everything is a pure function of (seed, records, now), and nothing is held per record.

    Args:
        seed: Another seed is another account.
        records: Prospects, leads, appointments, jobs, notes and calls together; met exactly.
        now: End of the account's two years, the tenant's wall clock.

    Raises:
        ValueError: *records* is below 1.
    """

    __slots__ = ("plan", "prospect_count")

    def __init__(self, *, seed: int, records: int, now: datetime) -> None:
        self.plan = Plan(seed=seed, records=records, now=now)
        self.prospect_count = self.plan.prospect_count

    def prospect(self, index: int) -> Node:
        """Give a prospect with all under it, in the form of tree.py; IndexError when there is none."""
        if not 0 <= index < self.prospect_count:
            raise IndexError(f"prospect {index} of {self.prospect_count}")
        return prospect_tree(self.plan, index)

    def counts(self) -> dict[str, int]:
        """Give the exact number of records of every kind, by arithmetic; strays included."""
        return {kind: self.plan.total(kind) for kind in KINDS}

    def examples(self, problem: str, limit: int = 5) -> list[tuple[str, str]]:
        """Give (kind, id) of up to *limit* records with a problem; a call is named by its prospect's id."""
        return self.problems(limit, {problem}).get(problem, [])

    def problems(self, limit: int = 5, wanted: Collection[str] = PROBLEMS) -> dict[str, list[tuple[str, str]]]:
        """Give examples of problems by name, reading the account until each of *wanted* has *limit*, or it ends."""
        found: dict[str, list[tuple[str, str]]] = {}
        missing = set(wanted)
        for index in range(self.prospect_count):
            tree = self.prospect(index)
            marked = ((kind, node, mark) for kind in KINDS for node, _ in nodes(tree, kind) for mark in node["marks"])
            for kind, node, mark in marked:
                rows = found.setdefault(mark, [])
                if len(rows) < limit:
                    rows.append((kind, str(node.get(ID_FIELDS.get(kind, ""), tree["cst_id"]))))
                if len(rows) == limit:
                    missing.discard(mark)
            if not missing:
                break
        return found

    def dates(self, index: int) -> Iterator[Dated]:
        """Yield what `dates_of` finds in the prospect at *index*, by arithmetic alone."""
        plan = self.plan
        slot, seed = plan.slot(index), plan.seed
        for place, (appointments, jobs, _) in enumerate(slot.leads):
            lds_id, entered = plan.lds_id(index, place), plan.lead_entered(index, place)
            yield "entry", number_of(entered.replace(hour=0, minute=0, second=0, microsecond=0)), lds_id
            yield "entered", number_of(entered), lds_id
            yield "lead", number_of(plan.lead_changed(index, place)), lds_id
            for number in range(appointments):
                key = plan.child_id(index, place, number)
                stray = HOMES["appointments"].deal(seed, plan.appointment_ordinal(index, place, number)) == "stray"
                yield "start", number_of(plan.appointment_at(index, place, number)), key
                if not stray:
                    yield "appointment", number_of(plan.appointment_changed(index, place, number)), key
            for number in range(jobs):
                key, ordinal = plan.child_id(index, place, number), plan.job_ordinal(index, place, number)
                stray = HOMES["jobs"].deal(seed, ordinal) == "stray"
                yield "stray_job" if stray else "job", number_of(plan.job_changed(index, place, number)), key
                if not stray and MILESTONE_CARDS.deal(seed, ordinal) != "none":
                    yield "milestone", number_of(plan.milestone_changed(index, place, number)), key
        for place in range(slot.count("notes")):
            yield "note", number_of(note_changed(plan, index, place)), plan.note_id(index, place)
