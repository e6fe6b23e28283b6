"""Leads of Lead Perfection, which are enquiries: told on the person, or open deals, every value of each readable (LP-01, LP-03, X-24)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tests.judge import texts
from tests.judge.leadperfection import values
from tests.judge.leadperfection.ground import Ground, parents_of
from tests.judge.leadperfection.telling import Telling, telling
from tests.judge.marks import Place, content
from tests.judge.states import Finding, Row

_TOLD: Mapping[str, str] = {
    "promotername": "promoter", "disposition": "disposition status", "gsa": "gsa gross sale amount value", "salesrepname": "rep owner",
    "lognumber": "log", "brn_id": "branch",
    "numdials": "dials dialed dialled", "lastresult": "result", "lastcalldescr": "call", "netamount": "net",
}  # fmt: skip
_TIMES: Mapping[str, str] = {
    "dateentered": "entered create created", "apptdate": "appointment", "setdate": "set", "confirmeddate": "confirmed",
}  # fmt: skip
_BY: Mapping[str, str] = {"setbyname": "set", "confirmedbyname": "confirmed"}
_OF_ITS_OWN = ("setdate", "confirmeddate")
"""What stands under a label of its own: names of staff and times of the same hour are elsewhere in the text too."""
_FLAGS = (
    "apptset", "confirmed", "verified", "issued", "sat", "sold", "everset", "everconfirmed", "everissued", "evernetissued", "eversat",
)  # fmt: skip


def judge_enquiries(ground: Ground) -> Iterator[Finding]:
    """Yield everything that is wrong with enquiries."""
    for key, row in ground.book.of("lead").items():
        places = [place for _, place in ground.of("lead", key)]
        if not places:
            yield ground.lost("lead", key, f"of prospect {row['cst_id']} is told nowhere")
            continue
        deals = [record for at, record in places if at == "leads"]
        homes = {ground.person(row), *(str(each["id"]) for each in deals)}
        for at, record in places:
            if ground.person(row) is not None and not homes & set(parents_of(at, record)):
                has = ", ".join(parents_of(at, record)) or "nothing"
                yield Finding(fault="orphaned", what=f"lead {key} ({record['id']})", why=f"hangs on {has}, not on {ground.person(row)}")
        if len(deals) > 1 or (deals and any(ground.on("leads", "job", str(job["job_id"])) for job in ground.book.of_lead("job", key))):
            yield Finding(fault="doubled", what=f"lead {key}", why="is a deal beside that of its job")
        for why in judge_values(ground, row, places):
            yield Finding(fault="wrong", what=f"lead {key} ({places[0][1]['id']})", why=why)


def judge_values(ground: Ground, row: Row, places: Sequence[Place]) -> Iterator[str]:
    """Yield what of an enquiry is not told, or told wrong, at these places."""
    deals = [record for at, record in places if at == "leads"]
    notes = [content(at, record) for at, record in places if at == "notes"]
    worth = [f"gross sale amount: {each.get('manualValue')}" for each in deals]
    told = telling(deals[0].get("customFields") if deals else None, [*notes, *worth])
    for name, label in _TOLD.items():
        value = texts.present(row.get(name))
        if value and not told.says(value, label):
            yield f"{name} {value!r} is not there"
    for name, label in _BY.items():
        if (value := texts.present(row.get(name))) and not any(values.same(value, held) for held in told.under(label)):
            yield f"{name} {value!r} is not there"
    yield from _source(ground, row, told)
    for name, label in _TIMES.items():
        moment = values.clock(row.get(name) or "")
        lines = [*told.under(*label.split()[:1]), *([] if name in _OF_ITS_OWN else [told.text])]
        if moment and not any(moment in held.replace("T", " ") for held in lines):
            yield f"{name} {moment} is not there"
    if (day := str(row.get("entrydate") or "")[:10]) and not told.says(day, "entry entered"):
        yield f"entrydate {day} is not there"
    flags = {_folded(label): held for label, held in told.labelled}
    for name in _FLAGS:
        held = flags.get(_folded(name), "")
        if bool(row.get(name)) != (held.strip().casefold() in ("true", "yes", "1")):
            yield f"flag {name} is {row.get(name)} and reads {held!r}"


def _source(ground: Ground, row: Row, told: Telling) -> Iterator[str]:
    """Both to the letter, apart or joined."""
    source, sub = texts.present(row["source"]), texts.present(row["sourcesubdescr"])
    lines = [(set(texts.words(label)), held) for label, held in told.labelled]
    joined = [values.split_pair(held, ground.delimiter) for words, held in lines if {"lead", "source"} <= words]
    if (source, sub) in joined:
        return
    for name, value, label in (("source", source, {"source"}), ("sub-source", sub, {"sub", "source"})):
        others = [held for words, held in lines if words in (label, {"subsource"} if "sub" in label else label)]
        if value and value not in others:
            yield f"{name} {value!r} is not there to the letter (there: {others})"


def _folded(label: str) -> str:
    """Make one word of a flag's name, however it is written: "Appointment set" and "apptset"."""
    return re.sub(r"[\W_]+", "", label.casefold().replace("appointment", "appt"))
