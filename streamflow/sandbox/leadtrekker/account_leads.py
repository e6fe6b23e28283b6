"""How the record of one lead is put together (leadtrekker.md 2.2)."""

from __future__ import annotations

from typing import Any

from streamflow.sandbox.dice import Dice
from streamflow.sandbox.leadtrekker import account_reference as reference
from streamflow.sandbox.leadtrekker import companies, people
from streamflow.sandbox.leadtrekker.account_fields import custom_fields
from streamflow.sandbox.leadtrekker.account_plan import Plan, text_of


def lead_record(plan: Plan, index: int) -> dict[str, Any]:
    """Give the record of the lead at *index*; `custom_fields` is an object keyed by label."""
    identity = people.behind(plan.seed, index, plan.lead_count)
    someone = identity.person
    name, surname = people.written_name(plan.seed, index, identity)
    created, touched = plan.window(index)
    return {
        "leadid": plan.leadid(index),
        "name": name,
        "email": people.written_email(plan.seed, index, identity),
        "number": people.written_phone(plan.seed, index, identity),
        "company": companies.written_company(
            plan.seed, index, person_number=someone.number, own_name=f"{someone.first} {someone.last}",
            lead_count=plan.lead_count,
        ),
        "address": people.written_address(plan.seed, index, someone),
        **_source(plan.seed, index),
        **_status(plan.seed, index),
        **_owner(plan.seed, index),
        "groupid": Dice(plan.seed, "group", index).pick(reference.GROUPIDS),
        "created": text_of(created),
        "updated": text_of(touched),
        "custom_fields": custom_fields(plan, index, surname=surname, someone=someone),
    }  # fmt: skip


def lead_email(plan: Plan, index: int) -> str:
    """Give the e-mail cell of the lead at *index*, without making the rest of the record."""
    return people.written_email(plan.seed, index, people.behind(plan.seed, index, plan.lead_count))


def owner_userid(seed: int, index: int) -> str:
    """Give the user a lead belongs to; blank for nobody."""
    dice = Dice(seed, "owner", index)
    match reference.OWNERS.deal(seed, index):
        case "nobody":
            return ""
        case "left":
            return dice.pick(reference.LEFT_USERIDS)
        case "desk":
            return reference.DESK_USERID
        case "unknown":
            return reference.UNKNOWN_USERID
    return dice.pick(reference.ACTIVE_USERIDS)


def _owner(seed: int, index: int) -> dict[str, str]:
    userid = owner_userid(seed, index)
    name, email = reference.user_of(userid)
    if reference.OWNERS.deal(seed, index) == "untidy":
        email = f" {email.upper()}"
    return {"userid": userid, "owner": name, "owner_email": email}


def _source(seed: int, index: int) -> dict[str, str]:
    dice = Dice(seed, "source", index)
    sourceid = dice.pick([key for key, label in reference.SOURCE_LABELS.items() if label])
    label = reference.SOURCE_LABELS[sourceid]
    match reference.SOURCES.deal(seed, index):
        case "absent":
            sourceid, label = "", ""
        case "no_label":
            sourceid, label = "10458", ""
        case "unlisted":
            sourceid, label = "10999", dice.pick(("Old landing page", ""))
        case "untidy":
            label = dice.pick((label.lower(), f"{label} ", label.upper()))
        case "label_only":
            sourceid, label = "", dice.pick(("Word of mouth", "Facebook"))
    return {"sourceid": sourceid, "source": label}


def _status(seed: int, index: int) -> dict[str, str]:
    card = reference.STATUSES.deal(seed, index)
    match card:
        case "unknown":
            statusid, name = reference.UNKNOWN_STATUS
        case "literal":
            statusid, name = "", Dice(seed, "status", index).pick(people.LITERALS)
        case _:
            statusid, name = card, reference.STATUS_NAMES[card]
    return {"statusid": statusid, "status": name}
