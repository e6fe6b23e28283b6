"""What Lead Perfection's values need before they are values: lists under one form, names of reps, codes with their table. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from streamflow.model import Kind
from streamflow.platforms.rows.canon import RAW, Mend, squeezed
from streamflow.platforms.rows.values import amount_of, flag_of, local_time, text_of
from streamflow.platforms.spec import PlatformSpec

TABLES = {
    "d": "disposition", "p": "product", "q": "queue", "y": "document_type", "e": "call_result", "k": "call_type", "P": "promoter",
    "B": "branch", "R": "product",
}  # fmt: skip
"""The letters by which look-ups are asked (lead-perfection.md 2.7)."""
STATES = frozenset(
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT"
    " VT VA WA WV WI WY PR VI GU AS MP AA AE AP AB BC MB NB NL NS NT NU ON PE QC SK YT".split()
)  # fmt: skip
_CUT_NULL = "nu"      # "null" in a field of two letters, and the code of Nunavut in lower case (4.1, quirk 5)
_CODE_LENGTH = 2      # what is longer is a name, and stays as it is
_OFFICE = re.compile(r"\s+-\s+[A-Z0-9][A-Z0-9 .&]*$")
_PRODUCTS = ("productid1", "productid2", "productid3", "productid4", "productid5")
_STEP_TEXTS = ("mdt_id", "datetype", "estdate", "actdate", "date", "enteredby", "enteredon", "lastchangedby", "lastchangedon")
_STEP_DATES = frozenset(("estdate", "actdate", "date", "enteredon", "lastchangedon"))


def mends(spec: PlatformSpec) -> Mapping[Kind, Mend]:
    """Give what is done to the rows of each kind, under canonical names, whichever reader brought them."""

    def job(data: dict[str, Any]) -> None:
        _rep(data)
        stream = spec.streams["job"]
        if isinstance(data.get("milestones"), list):
            zone = ZoneInfo(stream.timezone)
            data["milestones"] = [_step(row, stream.date_formats, zone) for row in data["milestones"] if isinstance(row, Mapping)]

    return {
        "prospect": _prospect, "lead": _rep, "job": job, "appointment": _appointment, "rep": _roster, "schedule": _schedule, "code": _code,
        "origin": _code,
    }  # fmt: skip


def rep_name(text: str) -> str:
    """Give a rep's name as rosters have it: "Okafor, Ben" of "Okafor, Ben - OFFICE"; blanks are single."""
    return _OFFICE.sub("", " ".join(text.split()))


def labelled(phones: Any) -> list[dict[str, str]]:
    """Give extra phones as tables with label, phone and type, in their order; they come as tables or as bare texts (2.2, 2.5)."""
    found: list[dict[str, str]] = []
    for item in phones if isinstance(phones, list) else [phones]:
        table = {squeezed(str(name)): value for name, value in item.items()} if isinstance(item, Mapping) else {"phone": item}
        number = text_of(table.get("phone")).strip()
        if number:
            found.append({"label": f"AltPhone{len(found) + 1}", "phone": number, "type": text_of(table.get("type")).strip()})
    return found


def _prospect(data: dict[str, Any]) -> None:
    columns = [data.pop(f"altphone{n}{part}", None) for n in (1, 2, 3) for part in ("", "type")]
    if any(value is not None for value in columns):
        data["altphones"] = [{"phone": columns[2 * n], "type": columns[2 * n + 1]} for n in range(3)]
    if "altphones" in data:
        data["altphones"] = labelled(data["altphones"])
    if isinstance(state := data.get("state"), str):
        bare = state.strip()
        is_code = bare.upper() in STATES and bare != _CUT_NULL
        known = bare.upper() if is_code else bare if len(bare) > _CODE_LENGTH else ""
        if known != state and bare:
            data.setdefault(RAW, {})["state"] = state
            data["state"] = known
        data["state_as_written"] = "" if known or bare == _CUT_NULL else bare


def _rep(data: dict[str, Any]) -> None:
    if "salesrepname" in data:
        data["rep"] = rep_name(text_of(data["salesrepname"]))


def _appointment(data: dict[str, Any]) -> None:
    _rep(data)
    one = data.pop("productid", None)
    codes = [data.pop(name, None) for name in _PRODUCTS]
    amounts = [data.pop(f"gsa{place}", None) for place in range(1, 6)]
    listed = [text_of(code).strip() for code in codes]
    if one is not None or any(code is not None for code in codes):
        first = [code for code in listed if code]
        data["products"] = first + [code for each in text_of(one).split(";") if (code := each.strip()) and code not in first]
    if any(amount is not None for amount in amounts):
        written = [amount_of(text) or text for text in (text_of(amount).strip() for amount in amounts)]
        if any(listed):      # places without either are between others
            data["gsas"] = [amount for code, amount in zip(listed, written, strict=True) if code or amount]
        else:
            filled = max((place for place, amount in enumerate(written, start=1) if amount), default=0)
            data["gsas"] = written[: max(filled, len(data.get("products", ())))]


def _roster(data: dict[str, Any]) -> None:
    if "name" in data:
        data["name"] = rep_name(text_of(data["name"]))
    key = text_of(data.get("slr_id")).strip() or text_of(data.get("name"))
    if key:
        data["rep_id"] = key


def _schedule(data: dict[str, Any]) -> None:
    slots = data.get("slots")
    data["slots"] = [_slot(row) for row in (slots if isinstance(slots, list) else ()) if isinstance(row, Mapping)]
    if data.get("slr_id") and data.get("date"):
        data["schedule_id"] = f"{data['slr_id']}:{text_of(data['date'])[:10]}"


def _slot(row: Mapping[str, Any]) -> str:
    given = {squeezed(str(name)): text_of(value).strip() for name, value in row.items()}
    state = "taken" if flag_of(given.get("hasapptscheduled", "")) == "true" else "free"
    return f"{given.get('slotdescr', '')} {given.get('tmstime', '')}: {state}".strip()


def _code(data: dict[str, Any]) -> None:
    table, code = text_of(data.get("table")), text_of(data.get("code")).strip()
    data["table"], data["code"] = TABLES.get(table, table), code
    if code:      # of milestones one code was seen with two meanings (lead-perfection.md 2.3)
        meaning = f":{text_of(data.get('name'))}" if data["table"] == "milestone" else ""
        data["code_id"] = f"{data['table']}:{code}{meaning}"


def _step(row: Mapping[str, Any], formats: tuple[str, ...], zone: ZoneInfo) -> dict[str, str]:
    """Give one milestone with its keys in one case and its dates in one form; what is no date stays as it is."""
    given = {squeezed(str(name)): text_of(value).strip() for name, value in row.items()}
    known = {squeezed(name): name for name in _STEP_TEXTS}
    step: dict[str, str] = {}
    for spelt, value in given.items():
        name = known.get(spelt, spelt)
        step[name] = (local_time(value, formats, zone, cut=True) or value) if name in _STEP_DATES and value else value
    return step
