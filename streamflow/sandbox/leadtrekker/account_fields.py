"""The custom fields of a lead: whatever labels its web form had, with the drift and the dirt that comes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from streamflow.sandbox.dice import Deck, Dice
from streamflow.sandbox.leadtrekker import texts
from streamflow.sandbox.leadtrekker.account_plan import Plan
from streamflow.sandbox.leadtrekker.people import IDENTITIES, LITERALS, Person

INTENTS: Final = Deck("intents", {"nothing": 9, "budget": 5, "interest": 4, "both": 2})
"""Marks of deal intent; a lead with "nothing" here and no company is unqualified by the default rule."""
HEARD: Final = Deck("heard", {"absent": 8, "title": 6, "lower": 4, "spaces": 2})
DATES: Final = Deck("dates", {"absent": 10, "iso": 5, "day_first": 2, "year_1900": 1, "year_2099": 1, "words": 1})
MONEY: Final = Deck("money", {
    "absent": 9, "rand": 5, "digits": 2, "commas": 1, "decimal_comma": 1, "foreign": 1, "words": 1,
})  # fmt: skip
NUMBERS: Final = Deck("numbers", {"absent": 12, "digits": 6, "decimal": 1, "words": 1})
CHOICES: Final = Deck("choices", {"absent": 8, "listed": 9, "untidy": 2, "literal": 1})
TRACKING: Final = Deck("tracking", {"absent": 5, "utm": 7, "gclid": 4, "everything": 4})

HEARD_LABELS: Final = {
    "title": "How Did You Hear About Us", "lower": "How did you hear", "spaces": "how  did you hear about us ",
}  # fmt: skip
_CONTACT: Final = ("Phone", "Email", "WhatsApp")
_SEGMENTS: Final = ("Residential", "Commercial", "Farm")
_INTERESTS: Final = ("5 kW solar kit", "Kitchen tops", "Pool pump", "Borehole", "Roof repair")


def custom_fields(plan: Plan, index: int, *, surname: str | None, someone: Person) -> dict[str, str]:
    """Give the custom fields of a lead, keyed by label, values as text; labels differ from lead to lead."""
    fields: dict[str, str] = {}
    if surname is not None:
        fields["Surname"] = surname
    card = texts.MESSAGES.deal(plan.seed, index)
    if card != "absent":
        fields["Message"] = texts.text(Dice(plan.seed, "message", index), card)
    fields |= _intent(plan.seed, index)
    fields |= _typed(plan, index)
    fields |= _choices(plan.seed, index)
    if IDENTITIES.deal(plan.seed, index) == "plain" and Dice(plan.seed, "second", index).one_in(6):
        fields["Alternative email"] = someone.second_email
    return fields | _tracking(plan.seed, index)


def _intent(seed: int, index: int) -> dict[str, str]:
    dice = Dice(seed, "intent", index)
    card = INTENTS.deal(seed, index)
    fields: dict[str, str] = {}
    if card in ("budget", "both"):
        fields["Budget"] = f"R {dice.between(5, 400)} {dice.pick(('000', '500'))}.00"
    if card in ("interest", "both"):
        fields["Interested in"] = dice.pick(_INTERESTS)
    return fields


def _typed(plan: Plan, index: int) -> dict[str, str]:
    dice = Dice(plan.seed, "typed", index)
    day = plan.now + timedelta(days=dice.between(-400, 200))
    rand = dice.between(1, 999) * 1_000 + dice.pick((0, 500, 999))
    dates = {
        "iso": f"{day:%Y-%m-%d}", "day_first": f"{day:%d/%m/%Y}", "year_1900": "1900-01-01", "year_2099": "2099-12-31",
        "words": "next week",
    }  # fmt: skip
    money = {
        "rand": "R " + f"{rand:,}.00".replace(",", " "), "digits": str(rand), "commas": f"R{rand:,}.50",
        "decimal_comma": f"{rand:,},00".replace(",", " ", f"{rand:,}".count(",")), "foreign": f"USD {rand}",
        "words": "about 10k",
    }  # fmt: skip
    numbers = {
        "digits": str(dice.between(0, 12)), "decimal": dice.pick(("2.5", "2,5")),
        "words": dice.pick(("three", "3 or 4")),
    }  # fmt: skip
    found = {
        "Preferred date": dates.get(DATES.deal(plan.seed, index)),
        "Property value": money.get(MONEY.deal(plan.seed, index)),
        "Number of rooms": numbers.get(NUMBERS.deal(plan.seed, index)),
    }
    return {label: value for label, value in found.items() if value is not None}


def _choices(seed: int, index: int) -> dict[str, str]:
    dice = Dice(seed, "choices", index)
    fields: dict[str, str] = {}
    contact = dice.pick(_CONTACT)
    match CHOICES.deal(seed, index):
        case "listed":
            fields["Contact preference"] = contact
        case "untidy":
            fields["Contact preference"] = dice.pick((contact.upper(), contact + " ", contact.lower()))
        case "literal":
            fields["Contact preference"] = dice.pick(LITERALS)
    if dice.one_in(3):
        fields["Segment"] = dice.pick(_SEGMENTS)
    label = HEARD_LABELS.get(HEARD.deal(seed, index))
    if label is not None:
        fields[label] = dice.pick(("A friend", "Google", "Radio", "Saw your bakkie", ""))
    return fields


def _tracking(seed: int, index: int) -> dict[str, str]:
    dice = Dice(seed, "tracking", index)
    card = TRACKING.deal(seed, index)
    fields: dict[str, str] = {}
    if card in ("utm", "everything"):
        fields["utm_source"] = dice.pick(("google", "facebook", "newsletter"))
        fields["utm_medium"] = dice.pick(("cpc", "email", "social"))
        fields["utm_campaign"] = dice.pick(("winter_sale", "brand", "undefined"))
    if card in ("gclid", "everything"):
        fields["gclid"] = f"Cj0KC{dice.below(1 << 31):08x}{dice.below(1 << 31):08x}"
    if card == "everything":
        fields["IP"] = f"192.0.2.{dice.below(256)}"
        fields["Page URL"] = f"https://www.example.co.za/quote?step={dice.below(5)}&src=ad"
    return fields
