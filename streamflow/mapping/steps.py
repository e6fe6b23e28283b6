"""What rows of people and deals do with one value of a record: a maker of a step for each transform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from streamflow.mapping.dates import FAR_HINT, FOLD_HINT, is_far, read_moment
from streamflow.mapping.derived import Context
from streamflow.mapping.document import ObjectMap, Row
from streamflow.mapping.emails import Addresses, normal, read_addresses
from streamflow.mapping.emails import as_fields as email_fields
from streamflow.mapping.gathered import Gathered
from streamflow.mapping.marks import spelled
from streamflow.mapping.pair import Pair
from streamflow.mapping.phones import Phones, labelled, read_phones
from streamflow.mapping.phones import as_fields as phone_fields
from streamflow.mapping.postal import PARTS, read_address
from streamflow.mapping.postal import as_fields as address_fields
from streamflow.mapping.settings import value_key, value_map
from streamflow.mapping.text import defuse, literal, squeeze, tidy
from streamflow.mapping.values import ROUNDED, Ways, as_line, reader_for

_REACHABLE_DIGITS: Final = 7
STILL_OPEN: Final = ("", "open")
_BY_VALUE: Final = ("outcome", "stage", "native_source")
_UNMAPPED: Final = "kept as text; say in settings.values of the map what it stands for"

Step: TypeAlias = Callable[[Gathered, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What steps of one object map are made with."""

    pair: Pair
    one: ObjectMap
    settings: Mapping[str, Any]  # whole
    zone: ZoneInfo
    ways: Ways
    context: Context

    def values_of(self, row: Row) -> dict[str, str]:
        """Give what values of the row's field stand for."""
        return value_map(self.settings, self.one.source, row.source, row.params)

    def told_as(self, transform: str, row: Row) -> str:
        """Give the field under which something is told: the one that usually fills this, so that a fault has one name."""
        return self.pair.source_of(self.one.source, transform, self.one.destination) or row.source


Maker: TypeAlias = Callable[[Row, Tools], Step]


def step_of(row: Row, tools: Tools) -> Step:
    """Make the step of a row; a transform without a maker of its own writes a typed value."""
    maker = _STEPS.get(row.transform)
    return maker(row, tools) if maker is not None else typed(row, tools, row.family)


def typed(row: Row, tools: Tools, family: str, label: str = "") -> Step:
    """Make the step that reads a value as a typed one; what does not fit is told and kept as a labelled line."""
    target, source, label = row.target or "", row.source, label or row.source.removeprefix("custom:")
    read, table = reader_for(family, row.params, tools.ways), tools.values_of(row)

    def step(found: Gathered, text: str) -> None:
        result = read(table.get(value_key(text), text) if table else text)
        if result.cause:
            found.complain(result.cause, source, result.hint, text)
        if result.value is None or result.cause == ROUNDED:
            found.lines.append((label, as_line(text)))
        if result.value:
            found.put(target, result.value, label, text)

    return step


def _set(slot: str) -> Maker:
    def step(found: Gathered, text: str) -> None:
        setattr(found, slot, squeeze(tidy(text)))

    return lambda row, tools: step


def _title(row: Row, tools: Tools) -> Step:
    place = tools.one.rows.index(row)

    def step(found: Gathered, text: str) -> None:
        found.titles.append((place, squeeze(tidy(text))))

    return step


def _surname(row: Row, tools: Tools) -> Step:
    def step(found: Gathered, text: str) -> None:
        text = squeeze(tidy(text))
        if not found.surname:
            found.surname = text
        elif text != found.surname:
            found.lines.append(("Surname", text))

    return step


def _emails(row: Row, tools: Tools) -> Step:
    field = tools.told_as("emails", row)

    def step(found: Gathered, text: str) -> None:
        addresses = read_addresses(tidy(text))
        if addresses.valid:
            known = {normal(address) for address in found.addresses.valid}
            valid = (*found.addresses.valid, *(address for address in addresses.valid if normal(address) not in known))
            found.addresses = Addresses(valid=valid)
            found.fields["emails"] = email_fields(valid)
        if addresses.invalid:
            found.lines.append(("E-mail as written", tidy(text).strip()))
            found.complain(
                "bad_email", field, "kept as text in the description; correct the address in the source or in the destination", text
            )

    return step


def _phones(row: Row, tools: Tools) -> Step:
    region, field = tools.settings["region"], tools.told_as("phones", row)

    def step(found: Gathered, text: str) -> None:
        if isinstance(listed := found.record.data.get(row.source), list):
            text = "\n".join(number for _, number in labelled(listed, ""))
        phones = read_phones(defuse(tidy(text)), region)
        known = {phone.value for phone in found.phones.valid}
        valid = (*found.phones.valid, *(phone for phone in phones.valid if phone.value not in known))
        found.phones = Phones(valid=valid, unparsable=tuple(dict.fromkeys((*found.phones.unparsable, *phones.unparsable))))
        hopeful = tuple(raw for raw in found.phones.unparsable if sum(char.isdigit() for char in raw) >= _REACHABLE_DIGITS)
        if valid or hopeful:
            found.fields["phones"] = phone_fields(Phones(valid=valid, unparsable=hopeful))
        if phones.unparsable or any(phone.extension for phone in phones.valid):
            found.lines.append(("Number as written", tidy(text).strip()))
        if phones.unparsable:
            found.complain("bad_phone", field, "kept as written; correct the number in the source or in the destination", text)

    return step


def _address(row: Row, tools: Tools) -> Step:
    def step(found: Gathered, text: str) -> None:
        if parts := read_address(literal(text), tools.settings["region"]):
            found.fields["addresses"] = address_fields(parts)

    return step


def _address_part(row: Row, tools: Tools) -> Step:
    part = PARTS[row.params["part"]]

    def step(found: Gathered, text: str) -> None:
        if (value := squeeze(literal(text))) and found.address.setdefault(part, value) != value:
            found.lines.append((row.source.removeprefix("custom:"), value))

    return step


def _local_day(row: Row, tools: Tools) -> Step:
    """Write the day; *params.plausible*: one that is far from our time is told as well."""
    target, source, is_checked = row.target or "", row.source, bool(row.params.get("plausible"))

    def step(found: Gathered, text: str) -> None:
        moment = read_moment(text, tools.zone)
        if moment is None:
            found.complain("bad_date", source, "kept as text; correct the date in the source", text)
            found.lines.append((source.removeprefix("custom:"), tidy(text).strip()))
        else:
            day = moment.local.date().isoformat()
            found.put(target, day, source, text)
            if is_checked and is_far(day, tools.context.now_s):
                found.complain("implausible_date", source, FAR_HINT, text)

    return step


def _zoned_text(row: Row, tools: Tools) -> Step:
    target, source = row.target or "", row.source

    def step(found: Gathered, text: str) -> None:
        moment = read_moment(text, tools.zone)
        found.put(target, moment.iso() if moment else squeeze(literal(text)), source, text)
        if moment and moment.mark:
            found.complain(f"{moment.mark}_time", source, FOLD_HINT, text)

    return step


def _native_source(row: Row, tools: Tools) -> Step:
    is_id = tools.pair.meaning(tools.one, row, "by") == "id"
    kind = tools.pair.kind_naming("source")
    table = {**{value_key(name): value for name, value in tools.settings["source_values"].items()}, **tools.values_of(row)}

    def step(found: Gathered, text: str) -> None:
        if not is_id or not found.source:
            label = tools.context.label_of(kind, text) if is_id else text
            if label:
                found.source = table.get(value_key(label), squeeze(label))

    return step


def _by_value_map(slot: str) -> Maker:
    """
    Make steps whose value stands for something of the destination.

    One that is in no map is told, kept unless another row keeps it, and changes nothing. An empty map asks for nothing: nobody said yet
    what any value stands for, so none is told.
    """

    def maker(row: Row, tools: Tools) -> Step:
        table, label = tools.values_of(row), row.source.removeprefix("custom:")
        is_kept = any(other.source == row.source and other.target and other.transform not in _BY_VALUE for other in tools.one.rows)

        def step(found: Gathered, text: str) -> None:
            if (word := table.get(value_key(text))) is None:
                if table:
                    found.complain("unmapped_value", row.source, _UNMAPPED, text)
                line = (label, as_line(text, row.family))
                if not is_kept and line not in found.lines:
                    found.lines.append(line)
            elif word.strip().lower() not in STILL_OPEN:
                setattr(found, slot, word.strip())

        return step

    return maker


def _block(row: Row, tools: Tools) -> Step:
    label = str(row.params.get("label") or row.source.removeprefix("custom:"))

    def step(found: Gathered, text: str) -> None:
        found.lines.append((label, as_line(text, row.family)))

    return step


def _as_is(row: Row, tools: Tools) -> Step:
    target = row.target or ""
    return lambda found, text: found.put(target, squeeze(tidy(text)), row.source, text)


def _marks(row: Row, tools: Tools) -> Step:
    """Write marks with what *params.values* says of them."""
    write, words = typed(replace(row, params={}), tools, row.family), tools.values_of(row)
    return lambda found, text: write(found, spelled(text, words))


def _nothing(row: Row, tools: Tools) -> Step:
    return lambda found, text: None


_STEPS: Final[Mapping[str, Maker]] = {
    "person_name": _set("name"),
    "lead_title": _title,
    "surname": _surname,
    "emails": _emails,
    "phones": _phones,
    "address": _address,
    "address_part": _address_part,
    "company": _set("company"),
    "parent": _set("parent"),
    "local_day": _local_day,
    "zoned_text": _zoned_text,
    "block": _block,
    "marks": _marks,
    "marker": _nothing,
    "native_source": _native_source,
    "stage": _by_value_map("stage"),
    "outcome": _by_value_map("outcome"),
    "money_value": lambda row, tools: typed(row, tools, "money"),
    "as_is": _as_is,
}
