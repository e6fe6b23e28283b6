"""Appointments against meetings: start, derived end, text, whose; those of nobody stay behind and are told (LP-12, 13, 14)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.judge import texts
from tests.judge.leadperfection import values
from tests.judge.leadperfection.ground import Ground, all_text
from tests.judge.leadperfection.telling import telling
from tests.judge.leadperfection.timeline import is_type, judge_author, judge_time, misplaced
from tests.judge.marks import Place
from tests.judge.states import Finding, Row

_TEXTS = ("notes", "presnotes", "dispositioncomments")


def judge_meetings(ground: Ground) -> Iterator[Finding]:
    """Yield everything that is wrong with appointments."""
    for key, row in ground.book.of("appointment").items():
        places = [place for _, place in ground.of("appointment", key)]
        what = f"appointment {key}"
        if row.get("stray"):
            if places:
                yield Finding(fault="wrong", what=what, why="it is nobody's and was written all the same")
            elif ground.seen.stray(row):
                yield from ground.left_out("appointment", key, "it has no contact")
            continue
        if not places:
            yield ground.lost("appointment", key, f"of prospect {row['cst_id']} is not there")
            continue
        yield from misplaced(ground, what, row, places)
        for why in judge_values(ground, row, places):
            yield Finding(fault="wrong", what=f"{what} ({places[0][1]['id']})", why=why)


def judge_values(ground: Ground, row: Row, places: Sequence[Place]) -> Iterator[str]:
    """Yield what of an appointment is not told, or told wrong, at these places."""
    at, record = places[0]
    start = values.instant(row["apptdate"], ground.seen.zone)
    if at == "activities":
        if not is_type(ground, record, "meeting"):
            yield "is not of the type meeting"
        if record.get("startTime") != start:
            yield f"starts {record.get('startTime')}, not {start} ({row['apptdate']})"
        if record.get("endTime") != start + ground.meeting_s:
            yield f"ends {record.get('endTime')}, not {start + ground.meeting_s}"
    elif at != "notes" or not ground.seen.was_to_come(str(row["apptdate"])):
        yield f"is past and became one of {at}"   # only what is still to come may be a note: nobody is to be invited
    yield from judge_time(ground, "start", row["apptdate"], places)
    yield from judge_author(ground, row.get("salesrep"), places, row.get("slr_id"))
    told = telling(None, [all_text(places)])
    if at == "activities" and not str(record.get("name") or "").strip():
        yield "has no name"
    if not ground.seen.is_reported and str(row["lds_id"]) not in texts.words(told.text):
        yield f"its enquiry {row['lds_id']} is not told"
    ends = [line for line in told.text.split("\n") if line.casefold().startswith("end")]
    if not any({"derived", "assumed", "reckoned"} & set(texts.words(line)) for line in ends):
        yield "its end is not said to be derived"
    for name in _TEXTS:
        text = str(row.get(name) or "")
        if texts.present(text) and not texts.holds(_unindented(told.text), text):
            yield f"{name} {text[:60]!r} is not whole"
    for name, label in (("disposition", "disposition"), ("statuscode", "status")):
        value = texts.present(row.get(name))
        if value and not told.says(value, label):
            yield f"{name} {value!r} is not there"
    for product in row.get("products") or ():
        if product not in told.text:
            yield f"product {product} is not there"
    for amount in filter(None, (row.get("gsas") or ()) if ground.seen.amounts else ()):
        if not told.says(amount, "amount amounts gsa"):
            yield f"amount {amount} is not there"


def _unindented(text: str) -> str:
    """Take the indentation from further lines of labelled values."""
    return "\n".join(line.removeprefix("  ") for line in text.split("\n"))
