"""The rows of a lead's object map compiled into steps; one pass over a record collects everything its drafts need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from streamflow.mapping.dates import Moment, read_moment, zone_of
from streamflow.mapping.derived import Context, Issue
from streamflow.mapping.document import ObjectMap, Row
from streamflow.mapping.emails import Addresses, as_fields, normal, read_addresses
from streamflow.mapping.labels import label_key
from streamflow.mapping.phones import Phones, read_phones
from streamflow.mapping.phones import as_fields as phone_fields
from streamflow.mapping.postal import as_fields as address_fields
from streamflow.mapping.postal import read_address
from streamflow.mapping.text import defuse, plain, squeeze, tidy
from streamflow.mapping.values import is_empty, reader_for
from streamflow.model import Fields, Record

_REACHABLE_DIGITS: Final = 7


class Gathered:
    """What one pass over a lead has found; changed only while the pass runs."""

    __slots__ = (
        "addresses",
        "company",
        "fields",
        "issues",
        "lines",
        "moment",
        "name",
        "owner",
        "owner_text",
        "phones",
        "record",
        "source",
        "status",
        "surname",
    )

    def __init__(self, record: Record) -> None:
        self.record = record
        self.fields: Fields = {}
        self.lines: list[tuple[str, str]] = []
        self.issues: list[Issue] = []
        self.name = ""
        self.surname = ""
        self.company = ""
        self.owner = ""
        self.owner_text = ""
        self.source = ""
        self.status = ""
        self.addresses = Addresses()
        self.phones = Phones()
        self.moment: Moment | None = None

    def __repr__(self) -> str:
        return f"<Gathered {self.record.kind} {self.record.key}>"

    def complain(self, cause: str, field: str, suggestion: str, value: str) -> None:
        """Note an issue that does not block."""
        self.issues.append(Issue(cause=cause, field=field, suggestion=suggestion, value=value))

    def put(self, target: str, value: Any, label: str, raw: str) -> None:
        """Set a field, unless another source field filled it with something else: then the later value becomes a labelled line."""
        if self.fields.setdefault(target, value) != value:
            self.lines.append((label, tidy(raw).strip()))


Step: TypeAlias = Callable[[Gathered, str], None]

_ORDER: Final = ("reference_text", "reference_id", "owner", "owner_text")
"""Steps that stand in for others come after them, whatever the order of rows."""


class LeadFields:
    """One object map of leads, compiled: steps by source field."""

    def __init__(self, one: ObjectMap, *, settings: Mapping[str, Any], context: Context, is_tracking: Callable[[str], bool]) -> None:
        self._zone = zone_of(settings["zone"])
        self._region: str = settings["region"]
        self._context = context
        self._is_tracking = is_tracking
        self._source_values = {squeeze(name).casefold(): value for name, value in settings["source_values"].items()}
        self._plain: dict[str, tuple[Step, ...]] = {}
        self._late: list[tuple[str, Step]] = []
        self._custom: dict[str, tuple[Step, ...]] = {}
        self._drifted: dict[str, tuple[Step, ...] | None] = {}
        self.not_moved: set[str] = set()
        self.place = {row.source: place for place, row in reversed(list(enumerate(one.rows)))}
        for row in one.rows:
            self._compile(row)
        self._by_key = {label_key(label): steps for label, steps in self._custom.items()}
        self._late.sort(key=lambda item: item[0])

    def gather(self, record: Record) -> Gathered:
        """Take one record apart."""
        found = Gathered(record)
        data = record.data
        for name in sorted(data):  # so that no reader's order of keys shows in the outcome
            value = data[name]
            steps = self._plain.get(name)
            if steps is None:
                if name != "custom" and name[:1] != "_" and not is_empty(value):
                    self._unmapped(found, name, value)
            elif value and steps and not is_empty(value):
                text = value if type(value) is str else str(value)
                for step in steps:
                    step(found, text)
        if custom := data.get("custom"):
            self._gather_custom(found, custom)
        for _, late in self._late:
            late(found, "")
        return found

    def _gather_custom(self, found: Gathered, custom: Mapping[str, Any]) -> None:
        for label in sorted(custom):
            value = custom[label]
            if not value or is_empty(value):
                continue
            steps = self._custom.get(label)
            if steps is None and (steps := self._by_drift(label)) is None:
                self._unmapped(found, f"custom:{label}", value)
                continue
            text = value if type(value) is str else str(value)
            for step in steps:
                step(found, text)

    def _by_drift(self, label: str) -> tuple[Step, ...] | None:
        """Find the steps of a label that is written otherwise than in the map; remembers, since drifted labels come again and again."""
        if label not in self._drifted:
            if len(self._drifted) > 5_000:
                self._drifted.clear()
            self._drifted[label] = () if self._is_tracking(label) else self._by_key.get(label_key(label))
        return self._drifted[label]

    def _unmapped(self, found: Gathered, name: str, value: Any) -> None:
        label = name.removeprefix("custom:")
        found.lines.append((label, plain(str(value)).strip()))
        found.complain("unmapped_field", name, "kept in the description; add a row for this field to the map", "")

    # ---------------------------------------------------------------------------------------------- rows

    def _compile(self, row: Row) -> None:
        table, name = (self._custom, row.source[7:]) if row.source.startswith("custom:") else (self._plain, row.source)
        if row.target is None:
            table.setdefault(name, ())
            self.not_moved.add(row.source)
            return
        if row.transform in _ORDER:
            self._late.append((f"{_ORDER.index(row.transform)}", self._late_step(row)))
            table.setdefault(name, ())
            return
        table[name] = (*table.get(name, ()), self._step(row))

    def _step(self, row: Row) -> Step:
        makers: Mapping[str, Callable[[Row], Step]] = {
            "person_name": lambda row: _set("name"),
            "lead_title": lambda row: _set("name"),
            "surname": lambda row: _surname,
            "emails": lambda row: _emails,
            "phones": lambda row: self._phones,
            "address": lambda row: self._address,
            "company": lambda row: _set("company"),
            "local_day": self._local_day,
            "zoned_text": self._zoned_text,
            "block": _block,
            "marker": lambda row: _nothing,
            "native_source": lambda row: self._native_source(row),
            "money_value": lambda row: self._typed(row, "money"),
            "as_is": lambda row: _as_is(row),
        }
        maker = makers.get(row.transform)
        return maker(row) if maker is not None else self._typed(row, row.family)

    def _typed(self, row: Row, family: str) -> Step:
        target, source, label = row.target or "", row.source, row.source.removeprefix("custom:")
        read = reader_for(family, row.params)

        def step(found: Gathered, text: str) -> None:
            result = read(text)
            if result.cause:
                found.complain(result.cause, source, result.hint, text)
            if result.value is None:
                found.lines.append((label, plain(text).strip()))
            elif result.value:
                found.put(target, result.value, label, text)

        return step

    def _phones(self, found: Gathered, text: str) -> None:
        phones = read_phones(defuse(tidy(text)), self._region)
        known = {phone.value for phone in found.phones.valid}
        valid = (*found.phones.valid, *(phone for phone in phones.valid if phone.value not in known))
        found.phones = Phones(valid=valid, unparsable=(*found.phones.unparsable, *phones.unparsable))
        hopeful = tuple(raw for raw in found.phones.unparsable if sum(char.isdigit() for char in raw) >= _REACHABLE_DIGITS)
        if valid or hopeful:
            found.fields["phones"] = phone_fields(Phones(valid=valid, unparsable=hopeful))
        if phones.unparsable or any(phone.extension for phone in phones.valid):
            found.lines.append(("Number as written", tidy(text).strip()))
        if phones.unparsable:
            found.complain("bad_phone", "number", "kept as written; correct the number in the source or in the destination", text)

    def _address(self, found: Gathered, text: str) -> None:
        parts = read_address(plain(text), self._region)
        if parts:
            found.fields["addresses"] = address_fields(parts)

    def _local_day(self, row: Row) -> Step:
        target, source = row.target or "", row.source

        def step(found: Gathered, text: str) -> None:
            found.moment = moment = read_moment(text, self._zone)
            if moment is None:
                found.complain("bad_date", source, "kept as text; correct the date in the source", text)
                found.lines.append((source.removeprefix("custom:"), tidy(text).strip()))
            else:
                found.put(target, moment.local.date().isoformat(), source, text)

        return step

    def _zoned_text(self, row: Row) -> Step:
        target, source = row.target or "", row.source

        def step(found: Gathered, text: str) -> None:
            moment = read_moment(text, self._zone)
            found.put(target, moment.iso() if moment else squeeze(plain(text)), source, text)
            if moment and moment.mark:
                found.complain(f"{moment.mark}_time", source, "the clock shows this time twice or never; the first reading is taken", text)

        return step

    def _native_source(self, row: Row) -> Step:
        def step(found: Gathered, text: str) -> None:
            if row.source != "sourceid" or not found.source:
                label = self._context.label_of("source", text) if row.source == "sourceid" else text
                if label:
                    found.source = self._source_values.get(squeeze(label).casefold(), squeeze(label))

        return step

    def _late_step(self, row: Row) -> Step:
        target, source, kind = row.target or "", row.source, str(row.params.get("kind", ""))

        def reference_text(found: Gathered, _: str) -> None:
            if text := _value(found.record, source):
                found.put(target, squeeze(plain(text)), source, text)

        def reference_id(found: Gathered, _: str) -> None:
            if target not in found.fields and (key := _value(found.record, source)):
                found.fields[target] = squeeze(plain(self._context.label_of(kind, key) or f"{kind.capitalize()} {key}"))

        def owner(found: Gathered, _: str) -> None:
            if not found.owner and (key := _value(found.record, source)):
                found.owner = key.lower() if "@" in key else key

        def owner_text(found: Gathered, _: str) -> None:
            text = _value(found.record, source)
            shown = text or (self._context.label_of("user", found.owner) or found.owner if found.owner else "")
            if shown:
                found.put(target, squeeze(plain(shown)), source, shown)

        steps = {"reference_text": reference_text, "reference_id": reference_id, "owner": owner, "owner_text": owner_text}
        return steps[row.transform]


def _value(record: Record, source: str) -> str:
    value = record.data.get("custom", {}).get(source[7:]) if source.startswith("custom:") else record.data.get(source)
    return "" if is_empty(value) else str(value).strip()


def _set(slot: str) -> Step:
    def step(found: Gathered, text: str) -> None:
        setattr(found, slot, squeeze(tidy(text)))

    return step


def _surname(found: Gathered, text: str) -> None:
    text = squeeze(tidy(text))
    if not found.surname:
        found.surname = text
    elif text != found.surname:
        found.lines.append(("Surname", text))


def _emails(found: Gathered, text: str) -> None:
    addresses = read_addresses(tidy(text))
    if addresses.valid:
        known = {normal(address) for address in found.addresses.valid}
        valid = (*found.addresses.valid, *(address for address in addresses.valid if normal(address) not in known))
        found.addresses = Addresses(valid=valid)
        found.fields["emails"] = as_fields(valid)
    if addresses.invalid:
        found.lines.append(("E-mail as written", tidy(text).strip()))
        found.complain(
            "bad_email", "email", "kept as text in the description; correct the address in the source or in the destination", text
        )


def _block(row: Row) -> Step:
    label = str(row.params.get("label") or row.source.removeprefix("custom:"))

    def step(found: Gathered, text: str) -> None:
        found.lines.append((label, plain(text).strip()))

    return step


def _as_is(row: Row) -> Step:
    target = row.target or ""
    return lambda found, text: found.put(target, squeeze(tidy(text)), row.source, text)


def _nothing(found: Gathered, text: str) -> None:
    return None
