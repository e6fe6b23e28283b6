"""What happened to a lead: notes, calls, e-mails and reminders (leadtrekker.md 2.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from streamflow.sandbox.dice import Deck, Dice
from streamflow.sandbox.leadtrekker import account_reference as reference
from streamflow.sandbox.leadtrekker import people, texts
from streamflow.sandbox.leadtrekker.account_leads import lead_email, owner_userid
from streamflow.sandbox.leadtrekker.account_plan import ID_FIELDS, Plan, text_of

PARENTS: Final = {
    kind: Deck(f"{kind}-parents", {"own": 18, "merged": 1, "orphan": 1})
    for kind in ("notes", "calls", "emails", "reminders")
}
"""Which lead a child names: its own, one merged into its own, or one of which nothing is left."""
AUTHORS: Final = Deck("authors", {"owner": 12, "active": 4, "left": 2, "unknown": 1, "nobody": 1})
HOURS: Final = {kind: Deck(f"{kind}-hours", {"any": 11, "odd": 1}) for kind in ("notes", "calls", "emails")}
"""`odd`: at a clock time that zones with summer time have twice or not at all, if the lead's window holds one."""
CALLS: Final = Deck("calls", {"out": 8, "in": 3, "missed": 2, "no_direction": 1, "withheld": 1})
REMINDERS: Final = Deck("reminders", {
    "done": 6, "open": 5, "overdue": 4, "daily": 1, "weekly": 1, "monthly": 1, "words": 1, "done_repeat": 1,
    "no_user": 1, "no_note": 1,
})  # fmt: skip
REPEATS: Final = {
    "daily": "daily", "weekly": "Every 2 weeks", "monthly": "monthly", "words": "every 2nd Friday until 2099-12-31",
    "done_repeat": "weekly",
}  # fmt: skip
_DISPOSITIONS: Final = (
    "No answer", "Voicemail", "Interested", "Wrong number", "Call back later", "Sale; deposit paid", "", "null",
)  # fmt: skip


def child_records(plan: Plan, kind: str, index: int) -> list[dict[str, Any]]:
    """Give all children of one of the four *kind*s that hang under the lead at *index*, oldest first."""
    return [_child(plan, kind, index, place) for place in range(plan.child_count(kind, index))]


def _child(plan: Plan, kind: str, index: int, place: int) -> dict[str, Any]:
    ordinal = plan.ordinal(kind, index, place)
    if kind == "notes" and texts.note_card(plan.seed, ordinal, is_first=place == 0) == "twin":
        # same lead, author, second and text as the note before it: only the id tells the two apart
        return _child(plan, kind, index, place - 1) | {"noteid": plan.childid(index, place)}
    match PARENTS[kind].deal(plan.seed, ordinal):
        case "merged":
            leadid = plan.merged_leadid(index)
        case "orphan":
            leadid = plan.orphan_leadid(index)
        case _:
            leadid = plan.leadid(index)
    head = {
        ID_FIELDS[kind]: plan.childid(index, place), "leadid": leadid, "userid": _author(plan, kind, index, ordinal),
    }  # fmt: skip
    return head | _BODIES[kind](plan, index, place)


def _author(plan: Plan, kind: str, index: int, ordinal: int) -> str:
    dice = Dice(plan.seed, kind + "-author", ordinal)
    match AUTHORS.deal(plan.seed, ordinal):
        case "active":
            return dice.pick(reference.ACTIVE_USERIDS)
        case "left":
            return dice.pick(reference.LEFT_USERIDS)
        case "unknown":
            return reference.UNKNOWN_USERID
        case "nobody":
            return ""
    return owner_userid(plan.seed, index)


def _when(plan: Plan, kind: str, index: int, place: int) -> datetime:
    odd = plan.odd_hour(index) if HOURS[kind].deal(plan.seed, plan.ordinal(kind, index, place)) == "odd" else None
    return odd or plan.moment(kind, index, place)


def _note(plan: Plan, index: int, place: int) -> dict[str, Any]:
    ordinal = plan.ordinal("notes", index, place)
    card = texts.note_card(plan.seed, ordinal, is_first=place == 0)
    return {
        "created": text_of(_when(plan, "notes", index, place)),
        "note": texts.text(Dice(plan.seed, "note", ordinal), card),
    }


def _call(plan: Plan, index: int, place: int) -> dict[str, Any]:
    ordinal = plan.ordinal("calls", index, place)
    dice = Dice(plan.seed, "call", ordinal)
    card = CALLS.deal(plan.seed, ordinal)
    phone = people.behind(plan.seed, index, plan.lead_count).person.phone
    seconds = 0 if card == "missed" else dice.pick((0, 7, 161, 59, 3_599, 3_661, dice.between(1, 900)))
    return {
        "created": text_of(_when(plan, "calls", index, place)),
        "number": "Anonymous" if card == "withheld" else dice.pick((phone, f"+27{phone[1:]}", "")),
        "direction": {"no_direction": "", "withheld": "in"}.get(card, card),
        "duration": "" if dice.one_in(20) else f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
        "disposition": dice.pick(_DISPOSITIONS),
        "notes": texts.text(dice, dice.pick(("plain", "empty", "empty", "unicode", "crlf"))),
    }


def _email(plan: Plan, index: int, place: int) -> dict[str, Any]:
    ordinal = plan.ordinal("emails", index, place)
    dice = Dice(plan.seed, "mail", ordinal)
    card = texts.MAILS.deal(plan.seed, ordinal)
    someone = people.behind(plan.seed, index, plan.lead_count).person
    ours = reference.user_of(owner_userid(plan.seed, index))[1] or "sales@example.co.za"
    sender, receiver = ours, someone.email
    if card == "inbound":
        sender, receiver = receiver, sender
    elif card == "secondary":
        receiver = someone.second_email
    elif card == "list":
        receiver = f'"{someone.last}, {someone.first}" <{someone.email}>, accounts@example.com'
    elif people.IDENTITIES.deal(plan.seed, index) == "office":
        receiver = lead_email(plan, index)
    return {
        "sent": text_of(_when(plan, "emails", index, place)),
        "from": sender,
        "to": receiver,
        "subject": "" if card == "empty_subject" else texts.subject(dice),
        "body": texts.text(dice, card if card in ("html", "unicode") else dice.pick(("plain", "crlf", "html"))),
    }


def _reminder(plan: Plan, index: int, place: int) -> dict[str, Any]:
    ordinal = plan.ordinal("reminders", index, place)
    dice = Dice(plan.seed, "reminder", ordinal)
    card = REMINDERS.deal(plan.seed, ordinal)
    created = plan.moment("reminders", index, place)
    is_done = card.startswith("done")
    if is_done:
        due = created
    elif card == "overdue":
        due = max(created, plan.now - timedelta(hours=dice.between(24, 24 * 60)))
    else:
        due = plan.now + timedelta(hours=dice.between(24, 24 * 90))
    fields: dict[str, Any] = {
        "due": text_of(due.replace(second=0)),
        "note": "" if card == "no_note" else dice.pick(("Call back", "Send quote", texts.sentence(dice))),
        "repeat": REPEATS.get(card, ""),
        "done": "1" if is_done else "0",
    }
    return fields | {"userid": ""} if card == "no_user" else fields


_BODIES: Final[Mapping[str, Callable[[Plan, int, int], dict[str, Any]]]] = {
    "notes": _note, "calls": _call, "emails": _email, "reminders": _reminder,
}  # fmt: skip
