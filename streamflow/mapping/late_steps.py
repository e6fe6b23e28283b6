"""Steps that stand in for others, or look at more than one value: they come after all others, whatever the order of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamflow.mapping.dates import FAR_HINT, is_far, read_date, read_moment
from streamflow.mapping.delimited import join
from streamflow.mapping.document import Row
from streamflow.mapping.gathered import Gathered
from streamflow.mapping.owning import user_key
from streamflow.mapping.phones import labelled
from streamflow.mapping.rollups import child_of, rolled_up
from streamflow.mapping.steps import Maker, Step, Tools, typed
from streamflow.mapping.text import literal, squeeze, tidy
from streamflow.mapping.values import field_of, is_empty
from streamflow.model import Record

_LEAD_FLAG: Final = "Lead"


def _value(record: Record, source: str) -> str:
    value = field_of(record.data, source)
    return "" if is_empty(value) else str(value).strip()


def _reference_text(row: Row, tools: Tools) -> Step:
    target, source = row.target or "", row.source

    def step(found: Gathered, _: str) -> None:
        if text := _value(found.record, source):
            found.put(target, squeeze(literal(text)), source, text)

    return step


def _reference_id(row: Row, tools: Tools) -> Step:
    target, source, kind = row.target or "", row.source, str(row.params.get("kind", ""))

    def step(found: Gathered, _: str) -> None:
        if target not in found.fields and (key := _value(found.record, source)):
            found.fields[target] = squeeze(literal(tools.context.label_of(kind, key) or f"{kind.capitalize()} {key}"))

    return step


def _owner(row: Row, tools: Tools) -> Step:
    def step(found: Gathered, _: str) -> None:
        if not found.owner and (key := _value(found.record, row.source)):
            found.owner = user_key(key)

    return step


def _owner_text(row: Row, tools: Tools) -> Step:
    target, source, users = row.target or "", row.source, tools.pair.kind_naming("user")

    def step(found: Gathered, _: str) -> None:
        text = _value(found.record, source)
        shown = text or (tools.context.label_of(users, found.owner) or found.owner if found.owner else "")
        if shown:
            found.put(target, squeeze(literal(shown)), source, shown)

    return step


def _constant(row: Row, tools: Tools) -> Step:
    target, value = row.target or "", str(row.params["value"])
    return lambda found, _: found.put(target, value, row.source, value)


def _lead_flag(row: Row, tools: Tools) -> Step:
    """Flag a person as a lead; *params.then* is the flag once records of *params.kind* hang on it."""
    target, value = row.target or "", str(row.params.get("value", _LEAD_FLAG))
    kind, then = str(row.params.get("kind", "")), str(row.params.get("then", ""))

    def step(found: Gathered, _: str) -> None:
        flag = then if then and found.kin.children.get(kind) else value
        found.put(target, flag, row.source, flag)

    return step


def _pair_text(row: Row, tools: Tools) -> Step:
    write = typed(row, tools, row.family)
    other, delimiter = str(row.params["with"]), str(row.params.get("delimiter", tools.settings["delimiter"]))

    def step(found: Gathered, _: str) -> None:
        one, two = (squeeze(literal(_value(found.record, source))) for source in (row.source, other))
        if text := join(one, two, delimiter):
            write(found, text)

    return step


def _phone_labelled(row: Row, tools: Tools) -> Step:
    """Write the number of *params.slot* (from 1); the row of the last slot keeps all further ones as labelled lines."""
    target, slot, stem = row.target or "", int(row.params["slot"]), str(row.params.get("label", "Phone "))
    slots = [int(each.params["slot"]) for each in tools.one.rows if each.transform == row.transform and each.source == row.source]
    is_last = slot == max(slots)

    def step(found: Gathered, _: str) -> None:
        numbers = labelled(found.record.data.get(row.source), stem)
        if slot <= len(numbers):
            found.put(target, ": ".join(numbers[slot - 1]), row.source, numbers[slot - 1][1])
        if is_last:
            found.lines += numbers[slot:]

    return step


def _milestone_date(row: Row, tools: Tools) -> Step:
    """
    Write the day of a step out of a list of tables.

    Params: code (several by "|"), key (where tables hold the code), date (where they hold the day); of several keys or dates by "|" the
    first filled one counts.
    """
    target, codes = row.target or "", {code.strip().lower() for code in str(row.params["code"]).split("|")}
    keys, dates = str(row.params.get("key", "code")).split("|"), str(row.params.get("date", "date")).split("|")

    def step(found: Gathered, _: str) -> None:
        tables = found.record.data.get(row.source)
        for table in tables if isinstance(tables, list) else ():
            if not isinstance(table, Mapping):
                continue
            code, text = _first(table, keys), _first(table, dates)
            if code.lower() not in codes or not text:
                continue
            moment = read_moment(text, tools.zone)
            day = moment.local.date().isoformat() if moment is not None else read_date(text, tools.ways.date_order)
            label = f"{row.source} {code}"
            if day is None:
                found.complain("bad_date", row.source, "kept as text; correct the date in the source", text)
                found.lines.append((label, squeeze(tidy(text))))
                continue
            if is_far(day, tools.context.now_s):
                found.complain("implausible_date", row.source, FAR_HINT, text)
            found.put(target, day, label, text)

    return step


def _first(table: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((str(table[name]).strip() for name in names if not is_empty(table.get(name))), "")


def _rollup(row: Row, tools: Tools) -> Step:
    kind, name = child_of(row)
    write = typed(row, tools, row.family, label=f"{tools.pair.of(kind).noun} {name.removeprefix('custom:')}")
    delimiter = str(tools.settings["delimiter"])

    def step(found: Gathered, _: str) -> None:
        if text := rolled_up(row, found.kin, delimiter):
            write(found, text)

    return step


def _rollup_owner(row: Row, tools: Tools) -> Step:
    def step(found: Gathered, _: str) -> None:
        if not found.owner and (key := rolled_up(row, found.kin)):
            found.owner = user_key(key)

    return step


LATE_STEPS: Final[Mapping[str, Maker]] = {
    "reference_text": _reference_text,
    "reference_id": _reference_id,
    "owner": _owner,
    "rollup_owner": _rollup_owner,
    "owner_text": _owner_text,
    "constant": _constant,
    "lead_flag": _lead_flag,
    "pair_text": _pair_text,
    "phone_labelled": _phone_labelled,
    "milestone_date": _milestone_date,
    "rollup": _rollup,
}
"""In the order in which they come."""
