"""What hangs under a lead: appointments and jobs, as the generator makes them (lead-perfection.md 2.3, 2.4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from streamflow.sandbox.dice import Deck, Dice
from streamflow.sandbox.leadperfection import codes, texts
from streamflow.sandbox.leadperfection.plan import APPOINTMENT_DAYS, Plan, day_of, text_of
from streamflow.sandbox.leadperfection.tree import Node

HOMES: Final = {
    "appointments": Deck("lp-appointment-homes", {"own": 16, "stray": 1}), "jobs": Deck("lp-job-homes", {"own": 19, "stray": 1}),
}  # fmt: skip
"""`stray`: only the flat feeds show it, under a lead that is gone."""
AMOUNTS: Final = Deck("lp-amounts", {"usual": 11, "zero": 2, "negative": 1, "tiny": 1, "odd": 1})
CONTRACTS: Final = Deck("lp-contracts", {"usual": 13, "blank": 1, "future": 1, "absurd": 1})
MILESTONE_CARDS: Final = Deck("lp-milestones", {"none": 2, "started": 5, "finished": 5, "scheduled": 2, "absurd": 1, "two_meanings": 1})
USERFIELDS: Final = Deck("lp-userfields", {"filled": 12, "untidy": 2, "none": 2})
APPOINTMENT_TEXTS: Final = Deck("lp-appointment-texts", {"plain": 9, "blank": 3, "html": 2, "crlf": 1, "unicode": 1, "literal": 1})
PRODUCT_CARDS: Final = Deck("lp-products", {"one": 12, "two": 3, "five": 1, "retired": 1, "none": 1})


def rep_of(seed: int, lead_ordinal: int) -> tuple[codes.Rep | None, str, str]:
    """Give (rep or None, the name as rows show it, card) of the lead with this number."""
    dice = Dice(seed, "lp-rep", lead_ordinal)
    card = codes.REP_CARDS.deal(seed, lead_ordinal)
    match card:
        case "nobody":
            return None, "", card
        case "pseudo":
            return None, dice.pick(codes.PSEUDO), card
        case "left":
            rep = dice.pick(codes.LEFT)
            return rep, rep.name, card
        case "namesake":
            rep = codes.ACTIVE[5]
            return rep, rep.name, card
    rep = dice.pick(codes.ACTIVE[:5] + codes.ACTIVE[6:])
    return rep, f"{rep.name} - OFFICE" if card == "office" else rep.name, card


def appointment(plan: Plan, index: int, lead_place: int, place: int) -> Node:
    """Give one appointment; its texts come in the date-range call only, its identity by GetLead."""
    ordinal, lead_ordinal = plan.appointment_ordinal(index, lead_place, place), plan.ordinal("leads", index, lead_place)
    dice = Dice(plan.seed, "lp-appointment", ordinal)
    rep, _, _ = rep_of(plan.seed, lead_ordinal)
    at = plan.appointment_at(index, lead_place, place)
    days, text_card = APPOINTMENT_DAYS.deal(plan.seed, ordinal), APPOINTMENT_TEXTS.deal(plan.seed, ordinal)
    product_card, home = PRODUCT_CARDS.deal(plan.seed, ordinal), HOMES["appointments"].deal(plan.seed, ordinal)
    has_odd = days == "odd" and plan.odd_hour(index) == at
    marks = [f"appointment-time.{days}"] if days in ("future", "absurd") or has_odd else []
    marks += [f"appointment-text.{text_card}"] if text_card != "plain" else []
    marks += [f"appointment-product.{product_card}"] if product_card != "one" else []
    products = _products(dice, product_card)
    note = "" if text_card == "blank" else "null" if text_card == "literal" else texts.text(dice, text_card)
    return {
        "ils_id": str(plan.child_id(index, lead_place, place)),
        "apptdate": text_of(at),
        "disposition": "Set" if at > plan.now else dice.pick(("Sale", "CXL", "NoHome", "1Leg", "NI")),
        "products": products,
        "gsas": [f"{dice.between(20, 300) * 100}.00" if dice.one_in(2) else "" for _ in products],
        "notes": note,
        "presnotes": texts.sentence(dice) if dice.one_in(3) else "",
        "dispositioncomments": texts.sentence(dice) if dice.one_in(4) else "",
        "slr_id": rep.slr_id if rep else "",
        "salesrep": rep.spoken if rep else "",
        "statuscode": dice.pick(("C", "S", "X")),
        "changed": text_of(plan.appointment_changed(index, lead_place, place)),
        "stray": home == "stray",
        "marks": marks + ["appointment.stray"] * (home == "stray"),
    }


def job(plan: Plan, index: int, lead_place: int, place: int) -> Node:
    """Give one job with its milestones and user fields."""
    ordinal, lead_ordinal = plan.job_ordinal(index, lead_place, place), plan.ordinal("leads", index, lead_place)
    dice = Dice(plan.seed, "lp-job", ordinal)
    rep, rep_name, _ = rep_of(plan.seed, lead_ordinal)
    entered = plan.job_entered(index, lead_place, place)
    cards = {
        "job": HOMES["jobs"].deal(plan.seed, ordinal), "amount": AMOUNTS.deal(plan.seed, ordinal),
        "contract-date": CONTRACTS.deal(plan.seed, ordinal), "milestones": MILESTONE_CARDS.deal(plan.seed, ordinal),
        "job-status": codes.STATUS_CARDS.deal(plan.seed, ordinal), "userfields": USERFIELDS.deal(plan.seed, ordinal),
    }  # fmt: skip
    ordinary = {"own", "usual", "filled", "started", "finished", *codes.STATUSES}
    amount = _amount(dice, cards["amount"])
    code, name = _status(cards["job-status"])
    branch = dice.pick(codes.BRANCHES)[0]
    product = codes.RETIRED_PRODUCT if dice.one_in(12) else dice.pick(codes.PRODUCTS)[0]
    return {
        "job_id": str(plan.child_id(index, lead_place, place)),
        "lds_id": str(plan.dead_lds_id(index)) if cards["job"] == "stray" else str(plan.lds_id(index, lead_place)),
        "contractid": f"{branch}-{entered:%y}-{1000 + ordinal}",
        "jbs_id": code,
        "jobstatus": name,
        "productid": product,
        "salesrepname": rep_name,
        "salesrepid": rep.slr_id if rep else "",
        "installer1": f"Crew {dice.between(1, 6)}" if dice.one_in(2) else "",
        "grossamount": amount,
        "balancedue": "0.0000" if dice.one_in(2) else amount,
        "jobcost": f"{dice.between(5, 90) * 100}.5000",
        "finco": dice.pick(("", "", "GreenLend")),
        "finamount": "0.0000",
        "fincrlimit": dice.pick(("-1", "12056.2")),
        "finmonths": dice.pick(("", "120")),
        "brp_id": branch,
        "contractdate": _contract_date(plan, entered, cards["contract-date"]),
        "entrydate": day_of(plan.lead_entered(index, lead_place)),
        "dateentered": text_of(entered),
        "lastchanged": text_of(plan.job_changed(index, lead_place, place)),
        "milestones": _milestones(plan, cards["milestones"], index, lead_place, place),
        "userfields": _userfields(dice, cards["userfields"]),
        "notes": [],
        "documents": dice.pick((0, 0, 1, 2)),
        "stray": cards["job"] == "stray",
        "stray_cst_id": str(plan.dead_cst_id(index)) if cards["job"] == "stray" else "",
        "marks": [f"{what}.{card}" for what, card in cards.items() if card not in ordinary]
        + ["job-product.retired"] * (product == codes.RETIRED_PRODUCT),
    }


def _products(dice: Dice, card: str) -> list[str]:
    count = {"one": 1, "two": 2, "five": 5}.get(card, 0)
    first = dice.below(len(codes.PRODUCTS))
    found = [codes.PRODUCTS[(first + place) % len(codes.PRODUCTS)][0] for place in range(count)]
    return [codes.RETIRED_PRODUCT] if card == "retired" else found


def _amount(dice: Dice, card: str) -> str:
    match card:
        case "zero":
            return "0.0000"
        case "negative":
            return f"-{dice.between(1, 40) * 100}.0000"
        case "tiny":
            return "0.0100"
        case "odd":
            return f"{dice.between(1_000, 30_000)}.3333"
    return f"{dice.between(20, 400) * 100}.0000"


def _status(card: str) -> tuple[str, str]:
    if card == "retired":
        return codes.RETIRED_STATUS
    return ("", "") if card == "blank" else (card, codes.STATUSES[card])


def _contract_date(plan: Plan, entered: datetime, card: str) -> str:
    match card:
        case "blank":
            return ""
        case "absurd":
            return "1900-01-01T00:00:00"
        case "future":
            return day_of(plan.now + timedelta(days=40))
    return day_of(entered)


def _milestones(plan: Plan, card: str, index: int, lead_place: int, place: int) -> list[Node]:
    """Give the milestones of a job: `estdate` is always forecast, an `actdate` ahead of now is a booking."""
    changed, entered = plan.milestone_changed(index, lead_place, place), plan.job_entered(index, lead_place, place)
    wanted = {"none": "", "started": "RS", "finished": "RSFC", "scheduled": "RS", "absurd": "S", "two_meanings": "PS"}[card]
    rows = []
    for number, code in enumerate(wanted):
        due = entered + timedelta(days=7 * (number + 1))
        is_last = number == len(wanted) - 1
        actual = "" if is_last and card == "started" else day_of(due)
        if is_last and card == "scheduled":
            actual = day_of(plan.now + timedelta(days=12))
        rows.append({
            "mdt_id": code,
            "datetype": "Permit Applied" if card == "two_meanings" and code == "P" else codes.MILESTONES[code],
            "estdate": "2206-10-20T00:00:00" if card == "absurd" else day_of(due),
            "actdate": actual,
            "enteredby": codes.OFFICE_STAFF[1],
            "enteredon": text_of(entered),
            "lastchangedby": codes.OFFICE_STAFF[1] if is_last else "",
            "lastchangedon": text_of(changed) if is_last else "",
        })  # fmt: skip
    return rows


def _userfields(dice: Dice, card: str) -> list[Node]:
    """Give custom fields of a job by title: a date, a choice, a number, money, text and one nobody fills."""
    if card == "none":
        return []
    untidy = card == "untidy"
    values = {
        "Permit Expiration": "soon" if untidy else f"{dice.between(1, 12)}/{dice.between(1, 28)}/2027",
        "HOA Required": dice.pick(("yes ", "Y")) if untidy else dice.pick(("Yes", "No", "")),
        "Roof Squares": "about 30" if untidy else dice.pick(("24", "31.5", "")),
        "Deposit": "$1,200.00" if untidy else dice.pick(("1200", "2500.00", "")),
        "Color": dice.pick(("White", "Bronze", "Tan")),
        "Gate Code": dice.pick(("", "#1180", "0042")),
        "Old Field": "",
    }
    return [{"fieldtitle": title, "fieldvalue": value} for title, value in values.items()]
