"""
The least number of calls by what the contracts allow: of reading a source whole, and of writing what a map asks for and reading it back.

Arithmetic over what the source holds, and over what was written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streamflow.sandbox.leadperfection.account_work import HOMES

LEADTREKKER_PAGE = 500             # rows a page of the simulated source
LEADTREKKER_CHILD_STREAMS = 3      # notes, calls and e-mails are asked for lead by lead

PAGE, WINDOW = 50, 500      # rows that are reliable in a page, and rows that a window may hold (lead-perfection.md 1.6)
PROOF = 5                   # what StartIndex counts: told by five reads of a function with more than one page (1.6)
TOKEN, RIGHTS = 1, 6        # signing in; each function that is used is looked at before a run (1.2, 4.1)
LOOK_UPS = 9                # tables of codes, one call each (2.7)
TIMETABLE = 1               # the month of schedules that the roster is taken from (2.6)
QUIET = 1                   # what comes at once, before the first of those that prospects were seen to have


def leadtrekker(counts: Mapping[str, int]) -> int:
    """Count one call for each page of each list, and one for each lead and stream of children."""
    lists = [name for name in counts if name.rstrip("s") not in ("note", "call", "email", "attachment", "file")]
    pages = sum(max(1, math.ceil(counts[name] / LEADTREKKER_PAGE)) for name in lists)
    return pages + LEADTREKKER_CHILD_STREAMS * counts.get("leads", counts.get("lead", 0))


def lead_perfection(counts: Mapping[str, int]) -> int:
    """
    Count what cannot be left out, as if windows were cut exactly where they are full.

    Prospects, with all that is nested in them, and jobs come by pages, and behind each window one row is asked for in vain: a short page
    alone does not end a list (1.6). Prospects are listed twice: by the day of entry of their enquiries, and by what else is dated, where
    they have no such day (1.8). Appointments come unpaged, one call for as many as a window may hold and one for what lies far ahead;
    their answer also tells whose text belongs to which nested one, so that none is counted for joining them. Jobs and appointments that
    no prospect has are asked about one by one, and since all of those in the simulated account are nobody's, something known is asked for
    with each: nothing but that tells an empty answer from a fault (1.5).
    """
    paged = _paged(counts["prospects"], walks=2) + _paged(counts["jobs"])
    unpaged = QUIET + math.ceil(counts["appointments"] / WINDOW) + 1
    nobodys = sum(counts[name] * HOMES[name].cards.count("stray") // len(HOMES[name].cards) for name in ("appointments", "jobs"))
    return TOKEN + RIGHTS + LOOK_UPS + TIMETABLE + paged + unpaged + 2 * nobodys


def _paged(rows: int, *, walks: int = 1) -> int:
    windows = max(1, math.ceil(rows / WINDOW))
    return walks * (max(1, math.ceil(rows / PAGE)) + windows) + (PROOF if rows > PAGE else 0)


LEAST: Mapping[str, Callable[[Mapping[str, int]], int]] = {
    "leadtrekker-nutshell": leadtrekker, "lead-perfection-nutshell": lead_perfection,
}  # fmt: skip
"""By the name of the pair, from what the admin face of the source says it holds."""

AT_ONCE, FOUND = 50, 100                        # records by one GET, and whole ones on a page of a search (nutshell.md 1.4, 8)
ENTITIES = ("accounts", "contacts", "leads")    # those with custom fields, which no GET of many shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a map made of a source: records by kind, those of people's own that it changed, and actions that follow a create."""

    made: Mapping[str, int]
    changed: Mapping[str, int]
    actions: int


def nutshell(written: Written, *, many: bool) -> int:
    """
    Count one call for each record, one for each lead that is closed or moved, and the reads that show every field of all of them.

    There is no create of several records, and none that takes an outcome, a stage or a pipeline (0, 3.3). What several source records
    say of one person counts as if it were known when the person is made. *many*: custom fields come by pages of a search.
    """
    held = {kind: written.made.get(kind, 0) + written.changed.get(kind, 0) for kind in {**written.made, **written.changed}}
    reads = sum(math.ceil(number / AT_ONCE) for number in held.values())
    reads += sum(math.ceil(number / FOUND) if many else number for kind, number in held.items() if kind in ENTITIES)
    return sum(written.made.values()) + sum(written.changed.values()) + written.actions + reads
