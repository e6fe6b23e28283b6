"""What happened on a person or deal: notes, calls, mails, tasks, meetings and files taken apart; its shape puts it together."""

from __future__ import annotations

import re
from typing import Any, Final

from streamflow.mapping.dates import FAR_HINT, FOLD_HINT, Moment, is_far, read_moment
from streamflow.mapping.derived import NO_KIN, Derived, Kin
from streamflow.mapping.document import Row
from streamflow.mapping.emails import normal, read_addresses
from streamflow.mapping.owning import user_key
from streamflow.mapping.shapes import SHAPES
from streamflow.mapping.shapes.drafting import Drafting, Happening
from streamflow.mapping.shapes.task import in_words
from streamflow.mapping.steps import Tools
from streamflow.mapping.text import literal, plain, squeeze
from streamflow.mapping.values import as_line, as_text, is_empty
from streamflow.model import Key, Kind, Record, Ref

_DONE: Final = frozenset({"1", "true", "yes", "y", "x", "done", "completed", "complete", "closed"})
_BLANK_EDGES: Final = re.compile(r"\A(?:[ \t]*\n)+|\s+\Z")
_AUTHOR_ROLES: Final = ("author", "assignee")


class HappeningMapper:
    """The compiled map of one kind of happening. Stateless between records."""

    def __init__(self, tools: Tools) -> None:
        one, pair = tools.one, tools.pair
        self._tools = tools
        self._context = tools.context
        self._plan = pair.of(one.source)
        self._shape = SHAPES[self._plan.shape]
        self._users = pair.kind_naming("user")
        self._person = pair.person.kind
        self._drafting = Drafting(pair=pair, plan=self._plan, context=tools.context)
        self._rows: dict[str, list[Row]] = {}
        self._known = {row.source for row in one.rows}
        for row in one.rows:
            if row.target is not None:
                self._rows.setdefault(row.transform, []).append(row)
        lines = self._rows.get("line", [])
        self._slots = {row.source: pair.meaning(one, row, "slot") for row in lines}
        addresses = [row for row in lines if row.params.get("address")]
        # The receivers first: most mails go to the person
        self._address_rows = sorted(addresses, key=lambda row: self._slots[row.source] == "sender")
        self._parent_field = pair.source_of(one.source, "parent") or "parent"

    def needs(self) -> tuple[Kind, ...]:
        """Give the kinds of children that rules look at: none."""
        return ()

    def derive(self, record: Record, kin: Kin = NO_KIN) -> Derived:
        """Give the drafts of one record; a record whose parent cannot be told has none and a blocking issue."""
        found = self._gather(record)
        if reason := self._shape.why_left_out(found, self._drafting):
            return Derived(filtered=reason, issues=tuple(found.issues))
        if found.parent is None:
            noun = self._tools.pair.of(self._plan.parent or self._person).noun
            found.complain("unknown_parent", self._parent_field, f"name the {noun} it belongs to", is_blocking=True)
            return Derived(issues=tuple(found.issues))
        drafts = self._shape.compose(found, found.parent, self._drafting)
        return Derived(drafts=tuple(drafts), issues=tuple(found.issues))

    def addresses(self, record: Record) -> tuple[str, ...]:
        """Give the addresses (in normal form) by which the record's person may have to be found; none when it names its parent."""
        if self._named_parent(record) is not None:
            return ()
        cells = [_value(record, row.source) for row in self._rows.get("parent_email", ())]
        cells += [_value(record, row.source) for row in self._address_rows]
        return tuple(dict.fromkeys(normal(text) for cell in cells for text in read_addresses(cell).valid))

    # ------------------------------------------------------------------------------------------ taking apart

    def _gather(self, record: Record) -> Happening:
        found = Happening(record=record, parent=self._parent(record))
        self._gather_user(found)
        self._gather_time(found)
        self._gather_lines(found)
        for row in self._rows.get("body", ()):
            found.body = "\n\n".join(part for part in (found.body, _BLANK_EDGES.sub("", _free(record, row.source))) if part)
        for row in self._rows.get("repeat", ()):
            if text := _line(record, row.source):
                found.lines.append((str(row.params.get("label") or "Repeat"), in_words(text)))
        subjects = [squeeze(text) for row in self._rows.get("subject", ()) if (text := _line(record, row.source, is_typed=True))]
        found.subjects = tuple(dict.fromkeys(text for text in subjects if text))
        for row in self._rows.get("duration", ()):
            if not found.duration and (text := _line(record, row.source)):
                found.duration, found.duration_field = text, row.source
        for row in self._rows.get("span_end", ()):
            found.span_s = int(row.params.get("seconds", self._tools.settings["meeting_s"]))
        found.is_done = any(_value(record, row.source).lower() in _DONE for row in self._rows.get("state", ()))
        for name, value in sorted(record.data.items()):
            if name not in self._known and not name.startswith("_") and not is_empty(value):
                found.lines.append((name, as_line(value)))
                found.complain("unmapped_field", name, "kept as a labelled line; add a row for this field to the map")
        return found

    def _gather_lines(self, found: Happening) -> None:
        for row in self._rows.get("line", ()):
            text = _free(found.record, row.source) if row.family == "long" else _line(found.record, row.source)
            if not text or text.strip().lower() in _words(row.params.get("unless", "")):
                continue
            if row.params.get("time") and (moment := read_moment(text.strip(), self._tools.zone)) is not None:
                text = moment.header()
            unit = row.params.get("unit")
            found.lines.append((str(row.params.get("label") or row.source), f"{text} {unit}" if unit else text))
            if slot := self._slots[row.source]:
                found.slots[slot] = text

    def _gather_user(self, found: Happening) -> None:
        values = [text for role in _AUTHOR_ROLES for row in self._rows.get(role, ()) if (text := _value(found.record, row.source))]
        if values:
            found.user = user_key(values[0])
            named = next((text for text in reversed(values) if "@" not in text and not text.isdigit()), "")
            known = self._context.label_of(self._users, found.user)
            found.user_name = squeeze(named or known or (found.user if "@" in found.user else f"user {found.user}"))

    def _gather_time(self, found: Happening) -> None:
        for row in self._rows.get("time", ()):
            found.time_text = _value(found.record, row.source)
            found.moment = read_moment(found.time_text, self._tools.zone) if found.time_text else None
            if found.time_text and found.moment is None:
                found.complain("bad_date", row.source, "the text is kept; correct the time in the source", found.time_text)
            elif found.moment is not None and found.moment.mark:
                found.complain(f"{found.moment.mark}_time", row.source, FOLD_HINT, found.time_text)
            if found.moment is not None and row.params.get("plausible"):
                self._doubt(found, found.moment, row.source)

    def _doubt(self, found: Happening, moment: Moment, field: str) -> None:
        """Tell of a time that is far from ours."""
        if is_far(moment.local.date().isoformat(), self._context.now_s):
            found.complain("implausible_date", field, FAR_HINT, found.time_text)

    def _named_parent(self, record: Record) -> Ref | None:
        """Give the record that this one names as its parent; *params.kind* of a row says of which kind, where there are several."""
        for row in self._rows.get("parent", ()):
            if key := _value(record, row.source):
                return Ref(str(row.params.get("kind") or self._plan.parent or self._person), key)
        return None

    def _parent(self, record: Record) -> Ref | None:
        """Find the parent: by its id, then the person by the address given for it, then the only one among a mail's addresses."""
        if (named := self._named_parent(record)) is not None:
            return named
        for row in self._rows.get("parent_email", ()):
            if key := next((key for key in self._people(record, row)), None):
                return Ref(self._person, key)
        people = {key for row in self._address_rows for key in self._people(record, row)}
        return Ref(self._person, people.pop()) if len(people) == 1 else None

    def _people(self, record: Record, row: Row) -> list[Key]:
        found = read_addresses(_value(record, row.source)).valid
        return [key for address in found if (key := self._context.person_by_email(normal(address)))]


def _words(said: object) -> list[str]:
    """Give the values (by "|") of a row's params.unless: they say nothing that is worth a line."""
    return [word.strip().lower() for word in str(said).split("|") if word.strip()]


def _value(record: Record, source: str) -> str:
    value: Any = record.data.get(source)
    return "" if is_empty(value) else str(value).strip()


def _free(record: Record, source: str) -> str:
    """Give free text, in which a word such as "null" is what somebody wrote and tags are HTML."""
    value = record.data.get(source)
    return "" if value is None else plain(as_text(value))


def _line(record: Record, source: str, *, is_typed: bool = False) -> str:
    """Give a value of one line to the character; *is_typed* by a person, so that a word such as "null" is a word."""
    value = record.data.get(source)
    return "" if value is None or (not is_typed and is_empty(value)) else literal(as_text(value)).strip()
