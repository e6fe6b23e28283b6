"""What scheduled reports 133, 134 and 135 tell of the book, and of which record each row without an id is (lead-perfection.md 3.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from tests.judge.leadperfection.book import Book
from tests.judge.marks import Marks
from tests.judge.states import Identity, Row

Same: TypeAlias = Mapping[Identity, Identity]
"""Identity that a row was given -> the record of the book it tells of."""
Faults: TypeAlias = Callable[[str, str, str], int]
"""(kind, key in the book, key it was given) -> how much of that record is not told there."""

_PROSPECT = ("cst_id", "firstname", "lastname", "email", "phone1", "address1", "city", "state", "zip")
_LEAD = ("lds_id", "cst_id", "source", "sourcesubdescr", "promotername", "disposition", "brn_id", "entrydate", "apptdate")
_JOB = ("job_id", "lds_id", "cst_id", "contractid", "contractdate", "jobstatus", "productid", "brp_id", "finco", "stray")
_MILESTONE = ("salesrepname",)
"""Of a job only where report 134 has a row of it, which is one a milestone."""
WITHOUT_ID = ("lead", "appointment")


def reported(book: Book) -> Book:
    """Give the book as a reader of the three reports can know it: of notes the newest, of calls the number, no rep but by milestone."""
    leads = {key: _lead(row, book) for key, row in book.of("lead").items()}
    told = {str(row["cst_id"]) for row in leads.values()}
    meetings = {key: _meeting(row, book) for key, row in leads.items() if row["apptdate"]}
    rows = {
        "prospect": {key: _only(row, _PROSPECT) for key, row in book.of("prospect").items() if key in told},
        "lead": leads,
        "job": {key: _job(row, book) for key, row in book.of("job").items()},
        "appointment": meetings,
    }  # fmt: skip
    return Book(rows=rows, gone=book.gone, made=book.made, edited=book.edited, heirs=book.heirs, changes=book.changes)


def _only(row: Row, names: tuple[str, ...]) -> Row:
    return {name: row.get(name, "") for name in names}


def _lead(row: Row, book: Book) -> Row:
    """Calls are counted on the line of each enquiry, and the last one has its result there."""
    calls = book.under("call", str(row["cst_id"]))
    last = calls[-1] if calls else {}
    told = {"numdials": str(len(calls)), "lastresult": last.get("resultcode", ""), "lastcalldescr": last.get("resultdescr", "")}
    return {**_only(row, _LEAD), **told, "gsa": _cents(row["gsa"]), "netamount": _cents(row["gsa"])}


def _newest_notes(row: Row, book: Book) -> list[str]:
    """Give the texts of which one must stand with a job: the newest of its customer; of two of one moment either."""
    notes = [] if row.get("stray") else [note for note in book.under("note", str(row["cst_id"])) if not note.get("job_id")]
    newest = max((str(note["enteredon"]) for note in notes), default="")
    return [str(note["note"]) for note in notes if str(note["enteredon"]) == newest]


def _job(row: Row, book: Book) -> Row:
    amounts = {name: _cents(row[name]) for name in ("grossamount", "balancedue")}
    told = {**_only(row, _JOB), **amounts, "milestones": [], "newest_notes": _newest_notes(row, book)}
    if row["milestones"] and not row.get("stray"):
        told |= {**_only(row, _MILESTONE), "jobcost": _cents(row["jobcost"])}
        # One day each, and not which of the two it is.
        told["milestones"] = [
            {"mdt_id": each["datetype"], "datetype": each["datetype"], "actdate": each["actdate"] or each["estdate"]}
            for each in row["milestones"]
        ]  # fmt: skip
    return told


def _meeting(lead: Row, book: Book) -> Row:
    """Give the appointment that an enquiry's row tells of, under the enquiry's key: it has neither an id nor a text."""
    rows = [row for row in book.of_lead("appointment", str(lead["lds_id"])) if row["products"]]
    return {
        "ils_id": lead["lds_id"], "lds_id": lead["lds_id"], "cst_id": lead["cst_id"], "apptdate": lead["apptdate"],
        "disposition": lead["disposition"], "products": rows[0]["products"][:1] if rows else [],
    }  # fmt: skip


def _cents(amount: Any) -> str:
    """Give an amount as reports show it."""
    return f"{float(amount):.2f}" if amount not in (None, "") else ""


def matched(marks: Marks, candidates: Callable[[str, str], Iterator[str]], faults: Faults) -> Same:
    """
    Say of which record of the book each key is that a row without an id was given: the one it tells best, each taken once.

    Args:
        candidates: (kind, given key) -> keys in the book that may be meant: of the same person.
    """
    pairs: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for kind, given in marks.identities():
        if kind in WITHOUT_ID and given.startswith("~"):
            pairs[kind] += [(faults(kind, key, given), given, key) for key in candidates(kind, given)]
    same: dict[Identity, Identity] = {}
    for kind, each in pairs.items():
        taken: set[str] = set()
        for _, given, key in sorted(each):
            if (kind, given) not in same and key not in taken:
                same[kind, given] = (kind, key)
                taken.add(key)
    return same


def renamed(marks: Marks, same: Same) -> Marks:
    """Give the marks under the keys of the book."""
    places: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for (kind, key, part), found in marks.places.items():
        places[(*same.get((kind, key), (kind, key)), part)] += found
    return Marks(places=dict(places))
