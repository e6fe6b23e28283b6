"""How a prospect with its leads, notes and calls is put together by the generator (lead-perfection.md 2.2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from streamflow.sandbox.dice import Deck, Dice
from streamflow.sandbox.leadperfection import codes, people, texts
from streamflow.sandbox.leadperfection.account_work import appointment, job, rep_of
from streamflow.sandbox.leadperfection.plan import CALL_DAYS, HOURS, REPEATS, Plan, day_of, text_of
from streamflow.sandbox.leadperfection.tree import FLAGS, Node

JOB_NOTES: Final = Deck("lp-job-notes", {"lead": 3, "job": 1})
"""Where the last note of a lead with a job hangs: at the lead, or at the job, where GetLead does not show it."""
CALLS: Final = Deck("lp-calls", {"out": 5, "in": 1, "no_result": 1, "no_agent": 1})


def prospect_tree(plan: Plan, index: int) -> Node:
    """Give the prospect at *index* with everything under it, in the form of tree.py."""
    created, touched = plan.window(index)
    fields, marks = people.written(plan.seed, index, people.behind(plan.seed, index))
    dnc = codes.DNC_CARDS.deal(plan.seed, index)
    slot = plan.slot(index)
    leads = [_lead(plan, index, place) for place in range(len(slot.leads))]
    forms = texts.NOTE_FORMS.deal(plan.seed, index)
    if sum(len(lead["jobs"]) for lead in leads) > 1:
        marks.append("prospect.several_jobs")
    if len(leads) > 1:
        marks.append("prospect.repeated_leads")
    if not leads:
        marks.append("prospect.without_leads")
    marks += [f"dnc.{dnc}"] if dnc != "none" else []
    marks += [f"notes.{forms}"] if slot.notes and forms != "objects" else []
    return {
        "cst_id": str(plan.cst_id(index)),
        **fields,
        "dnc": "" if dnc == "none" else dnc,
        "dateadded": day_of(created),
        "lastchanged": text_of(touched),
        "notes": [_note(plan, index, place) for place in range(slot.notes)],
        "notes_form": forms,
        "calls": [_call(plan, index, place, fields["phone1"]) for place in range(slot.calls)],
        "leads": leads,
        "marks": marks,
    }


def _lead(plan: Plan, index: int, place: int) -> Node:
    appointments, jobs, notes = plan.slot(index).leads[place]
    ordinal, entered = plan.ordinal("leads", index, place), plan.lead_entered(index, place)
    made = [appointment(plan, index, place, number) for number in range(appointments)]
    sold = [job(plan, index, place, number) for number in range(jobs)]
    is_set, is_sold = not all(row["stray"] for row in made), not all(row["stray"] for row in sold)
    source, source_card = _source(plan.seed, ordinal)
    disposition, disposition_card = _disposition(plan.seed, ordinal, is_sold=is_sold, is_set=is_set)
    _, rep_name, rep_card = rep_of(plan.seed, ordinal)
    first_note = plan.slot(index).notes + sum(lead[2] for lead in plan.slot(index).leads[:place])
    own_notes = [_note(plan, index, first_note + number) for number in range(notes)]
    marks = [f"source.{source_card}"] * (source_card != "listed") + [f"rep.{rep_card}"] * (rep_card != "active")
    marks += [f"disposition.{disposition_card}"] if disposition_card in ("blank", "retired", "DNC") else []
    if place and REPEATS.deal(plan.seed, ordinal) == "seconds":
        marks.append("lead.seconds_apart")
    if own_notes and sold and not sold[0]["stray"] and JOB_NOTES.deal(plan.seed, ordinal) == "job":
        note = own_notes.pop()
        note["marks"].append("note.of_a_job")
        note["job_id"] = sold[0]["job_id"]
        sold[0]["notes"].append(note)
    forms = texts.NOTE_FORMS.deal(plan.seed, ordinal + 7)
    dice = Dice(plan.seed, "lp-lead", ordinal)
    return {
        "lds_id": str(plan.lds_id(index, place)),
        **source,
        "lognumber": f"WEB-{dice.between(1000, 9999)}" if dice.one_in(2) else "",
        "brn_id": dice.pick(codes.BRANCHES)[0],
        "disposition": disposition,
        "salesrepname": rep_name,
        "entrydate": day_of(entered),
        "dateentered": text_of(entered),
        "lastchangedon": text_of(plan.lead_changed(index, place)),
        "apptdate": next((row["apptdate"] for row in reversed(made) if not row["stray"]), ""),
        **(flags := _flags(disposition, is_set=is_set, dice=dice)),
        "setbyname": dice.pick(codes.OFFICE_STAFF) if is_set else "",
        "setdate": text_of((entered + timedelta(hours=2)).replace(microsecond=0)) if is_set else "",
        **_confirmed(plan.seed, ordinal, entered, was=flags["everconfirmed"]),
        "gsa": next((job["grossamount"] for job in sold if not job["stray"]), "0.0000"),
        "appointments": made,
        "notes": own_notes,
        "notes_form": forms,
        "jobs": sold,
        "marks": marks + ([f"notes.{forms}"] if own_notes and forms != "objects" else []),
    }


def _source(seed: int, ordinal: int) -> tuple[Node, str]:
    dice = Dice(seed, "lp-source", ordinal)
    card = codes.SOURCE_CARDS.deal(seed, ordinal)
    source = dice.pick(tuple(codes.SOURCES))
    sub = dice.pick(codes.SOURCES[source])
    pro_id, promoter = dice.pick(codes.PROMOTERS) if dice.one_in(3) else ("", "")
    match card:
        case "delimiter":
            sub = dice.pick(codes.DELIMITED_SUBS)
        case "both_delimiters":
            source, sub = codes.DELIMITED_SOURCE, dice.pick(codes.DELIMITED_SUBS)
        case "blank_source":
            source, sub = "", ""
            pro_id, promoter = dice.pick(codes.PROMOTERS)
        case "no_sub":
            sub = ""
        case "renamed":
            source, sub = "Internet", codes.RENAMED_SUB
    srs_id = str(5000 + dice.below(90)) if sub else ""
    return {"source": source, "sourcesubdescr": sub, "srs_id": srs_id, "pro_id": pro_id, "promotername": promoter}, card


def _disposition(seed: int, ordinal: int, *, is_sold: bool, is_set: bool) -> tuple[str, str]:
    card = codes.DISPOSITION_CARDS.deal(seed, ordinal)
    if card in ("blank", "retired"):
        return "" if card == "blank" else codes.RETIRED_DISPOSITION, card
    if is_sold:
        return "Sale", "Sale"
    return ("Set", "Set") if is_set and card in ("NI", "DNC") else (card, card)


def _flags(disposition: str, *, is_set: bool, dice: Dice) -> Node:
    """Give the flags: plain ones are the state now, `ever` ones never fall back (lead-perfection.md 2.2)."""
    is_sold, cancelled = disposition == "Sale", disposition == "CXL"
    now = {
        "apptset": is_set and not cancelled, "confirmed": is_set and not cancelled and dice.one_in(2), "verified": dice.one_in(6),
        "issued": is_set and disposition != "Set", "sat": is_sold or disposition in ("1Leg", "NI"), "sold": is_sold,
    }  # fmt: skip
    ever = {
        "everset": is_set, "everconfirmed": now["confirmed"] or cancelled, "everissued": now["issued"],
        "evernetissued": now["issued"], "eversat": now["sat"],
    }  # fmt: skip
    assert tuple(now) == FLAGS
    return {**now, **ever}


def _confirmed(seed: int, ordinal: int, entered: datetime, *, was: bool) -> Node:
    """Say who confirmed the appointment and when; it stays where a cancelled one takes the flag away."""
    if not was:
        return {"confirmedbyname": "", "confirmeddate": ""}
    dice = Dice(seed, "lp-confirmed", ordinal)
    at = entered + timedelta(minutes=dice.between(125, 175))
    return {"confirmedbyname": dice.pick(codes.OFFICE_STAFF), "confirmeddate": text_of(at.replace(microsecond=0))}


def _note(plan: Plan, index: int, place: int) -> Node:
    original = _original(plan, index, place)
    ordinal = plan.ordinal("notes", index, original)
    card = _note_card(plan, ordinal)
    dice = Dice(plan.seed, "lp-note", ordinal)
    at = plan.note_at(index, original)
    edited = card == "edited"
    is_odd = plan.odd_hour(index) == at and HOURS.deal(plan.seed, ordinal) == "odd"
    by = dice.pick((*(rep.name for rep in codes.REPS), *codes.OFFICE_STAFF))
    marks = [f"note.{card}"] * (card != "plain") + ["note.odd_hour"] * is_odd
    return {
        "id": str(plan.note_id(index, place)),
        "enteredby": by,
        "enteredon": text_of(at),
        "updatedby": by if edited else "",
        "updatedon": text_of(_after(plan, index, original)) if edited else "",
        "important": dice.one_in(8),
        "category": dice.pick(("", "", "Sales", "Install")),
        "note": texts.text(dice, card),
        "marks": ["note.twin"] if original != place else marks,
    }


def note_changed(plan: Plan, index: int, place: int) -> datetime:
    """Give the moment of a note's last change, as windows see it, without making the note."""
    place = _original(plan, index, place)
    edited = _note_card(plan, plan.ordinal("notes", index, place)) == "edited"
    return _after(plan, index, place) if edited else plan.note_at(index, place)


def _original(plan: Plan, index: int, place: int) -> int:
    """Give the place of the note that this one repeats in all but its id; its own when it repeats none."""
    slot = plan.slot(index)
    firsts = {0, *(slot.notes + sum(lead[2] for lead in slot.leads[:number]) for number in range(len(slot.leads)))}
    while place not in firsts and texts.NOTES.deal(plan.seed, plan.ordinal("notes", index, place)) == "twin":
        place -= 1
    return place


def _note_card(plan: Plan, ordinal: int) -> str:
    card = texts.NOTES.deal(plan.seed, ordinal)
    is_rare = card == "long" and texts.NOTES.run_of(ordinal) % 3 > 0  # else they would be most of the bytes
    return "plain" if card == "twin" or is_rare else card


def _after(plan: Plan, index: int, place: int) -> datetime:
    """Give when an edited note was edited: halfway between its writing and the prospect's last moment."""
    written, touched = plan.note_at(index, place), plan.window(index)[1]
    return max(written, written + (touched - written) / 2).replace(microsecond=0)


def _call(plan: Plan, index: int, place: int, phone: str) -> Node:
    ordinal = plan.ordinal("calls", index, place)
    dice = Dice(plan.seed, "lp-call", ordinal)
    card = CALLS.deal(plan.seed, ordinal)
    rep = dice.pick(codes.ACTIVE)
    code, words = ("", "") if card == "no_result" else dice.pick(codes.CALL_RESULTS)
    kind, kind_words = codes.CALL_TYPES[1 if card == "in" else 0]
    old = CALL_DAYS.deal(plan.seed, ordinal) == "old"
    return {
        "calldatetime": text_of(plan.call_at(index, place)),
        "phone": phone,
        "resultcode": code,
        "resultdescr": words,
        "calltype": kind,
        "calltypedescr": kind_words,
        "agent": "" if card == "no_agent" else f"2{rep.slr_id}",
        "agentname": "" if card == "no_agent" else rep.name,
        "marks": [f"call.{card}"] * (card != "out") + ["call.old"] * old,
    }
