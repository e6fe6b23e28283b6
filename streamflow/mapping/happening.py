"""What happened on a lead: notes, calls, e-mails, reminders and files, each with its original time and author."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamflow.mapping.block import block
from streamflow.mapping.dates import Moment, read_duration_s, read_moment, zone_of
from streamflow.mapping.derived import Context, Derived, Issue
from streamflow.mapping.document import MapDocument, ObjectMap, Row
from streamflow.mapping.emails import normal, read_addresses
from streamflow.mapping.notes import Text, note_draft, note_drafts, parts
from streamflow.mapping.settings import settings_of
from streamflow.mapping.text import defuse, plain, squeeze, tidy
from streamflow.mapping.values import is_empty
from streamflow.model import Draft, Fields, Key, Record, Ref

_DONE: Final = frozenset({"1", "true", "yes", "y", "x", "done", "completed", "complete", "closed"})
_REPEATS: Final = {
    "d": "every day",
    "daily": "every day",
    "w": "every week",
    "weekly": "every week",
    "m": "every month",
    "monthly": "every month",
    "y": "every year",
    "yearly": "every year",
    "annually": "every year",
    "fortnightly": "every two weeks",
    "biweekly": "every two weeks",
    "weekdays": "every weekday",
    "quarterly": "every three months",
}
_TITLE_CHARS: Final = 100
_BLANK_EDGES: Final = re.compile(r"\A(?:[ \t]*\n)+|\s+\Z")
_AUTHOR_ROLES: Final = ("author", "assignee")


@dataclass(slots=True, kw_only=True)
class _Found:
    """One record taken apart."""

    record: Record
    parent: Ref | None = None
    user: Key = ""  # id, else address, else name
    user_name: str = ""
    moment: Moment | None = None
    time_text: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""
    subject: str = ""
    duration: str = ""
    is_done: bool = False
    issues: list[Issue] = field(default_factory=list)

    def complain(self, cause: str, field: str, suggestion: str, value: str = "", *, is_blocking: bool = False) -> None:
        self.issues.append(Issue(cause=cause, field=field, suggestion=suggestion, value=value, is_blocking=is_blocking))


class TimelineMapper:
    """The compiled map of one kind of happening. Stateless between records."""

    def __init__(self, one: ObjectMap, document: MapDocument, prefix: str, context: Context) -> None:
        self._kind = one.source
        self._prefix = prefix
        self._context = context
        self._zone = zone_of(settings_of(document.settings)["zone"])
        self._rows: dict[str, list[Row]] = {}
        self._known = {row.source for row in one.rows}
        for row in one.rows:
            if row.target is not None:
                self._rows.setdefault(row.transform, []).append(row)
        self._composers = {
            "note": self._note,
            "call": self._call,
            "email": self._email,
            "reminder": self._reminder,
            "attachment": self._file,
        }

    def derive(self, record: Record) -> Derived:
        """Give the drafts of one record; a record whose lead cannot be told has none and a blocking issue."""
        found = self._gather(record)
        if self._kind == "note" and not found.body and not found.lines:
            return Derived(filtered="an empty note", issues=tuple(found.issues))
        if found.parent is None:
            found.complain("unknown_parent", "leadid", "name the lead it belongs to", is_blocking=True)
            return Derived(issues=tuple(found.issues))
        drafts = self._composers[self._kind](found, found.parent)
        return Derived(drafts=tuple(drafts), issues=tuple(found.issues))

    def addresses(self, record: Record) -> tuple[str, ...]:
        """Give the addresses (in normal form) by which the record's lead may have to be found; none when it names its lead."""
        if self._lead_id(record):
            return ()
        cells = [_value(record, row.source) for row in self._rows.get("parent_email", ())]
        cells += [_value(record, row.source) for row in self._address_rows()]
        return tuple(dict.fromkeys(normal(text) for cell in cells for text in read_addresses(cell).valid))

    # ------------------------------------------------------------------------------------------ taking apart

    def _gather(self, record: Record) -> _Found:
        found = _Found(record=record, parent=self._parent(record))
        self._gather_user(found)
        self._gather_time(found)
        for row in self._rows.get("line", ()):
            if text := _text(record, row.source, is_free=row.family == "long"):
                unit = row.params.get("unit")
                found.lines.append((str(row.params.get("label") or row.source), f"{text} {unit}" if unit else text))
        for row in self._rows.get("body", ()):
            found.body = "\n\n".join(part for part in (found.body, _BLANK_EDGES.sub("", _text(record, row.source, is_free=True))) if part)
        for row in self._rows.get("repeat", ()):
            if text := _text(record, row.source):
                found.lines.append((str(row.params.get("label") or "Repeat"), in_words(text)))
        found.subject = next(
            (squeeze(text) for row in self._rows.get("subject", ()) if (text := _text(record, row.source, is_free=True))), ""
        )
        found.duration = next((text for row in self._rows.get("duration", ()) if (text := _text(record, row.source))), "")
        found.is_done = any(_value(record, row.source).lower() in _DONE for row in self._rows.get("state", ()))
        for name, value in sorted(record.data.items()):
            if name not in self._known and not name.startswith("_") and not is_empty(value):
                found.lines.append((name, plain(str(value)).strip()))
                found.complain("unmapped_field", name, "kept as a labelled line; add a row for this field to the map")
        return found

    def _gather_user(self, found: _Found) -> None:
        values = [text for role in _AUTHOR_ROLES for row in self._rows.get(role, ()) if (text := _value(found.record, row.source))]
        if values:
            found.user = values[0].lower() if "@" in values[0] else values[0]
            named = next((text for text in reversed(values) if "@" not in text and not text.isdigit()), "")
            found.user_name = squeeze(
                named or self._context.label_of("user", found.user) or (found.user if "@" in found.user else f"user {found.user}")
            )

    def _gather_time(self, found: _Found) -> None:
        for row in self._rows.get("time", ()):
            found.time_text = _value(found.record, row.source)
            found.moment = read_moment(found.time_text, self._zone) if found.time_text else None
            if found.time_text and found.moment is None:
                found.complain("bad_date", row.source, "the text is kept; correct the time in the source", found.time_text)
            elif found.moment is not None and found.moment.mark:
                hint = "the clock shows this time twice or never; the first reading is taken"
                found.complain(f"{found.moment.mark}_time", row.source, hint, found.time_text)

    def _lead_id(self, record: Record) -> str:
        return next((text for row in self._rows.get("parent", ()) if (text := _value(record, row.source))), "")

    def _address_rows(self) -> list[Row]:
        """Rows whose text holds addresses, the receivers first: most mails go to the lead."""
        rows = [row for row in self._rows.get("line", ()) if row.params.get("address")]
        return sorted(rows, key=lambda row: row.source == "from")

    def _parent(self, record: Record) -> Ref | None:
        """Find the lead: by its id, then by the address given for it, then by the only lead among a mail's addresses."""
        if lead := self._lead_id(record):
            return Ref("lead", lead)
        for row in self._rows.get("parent_email", ()):
            for address in read_addresses(_value(record, row.source)).valid:
                if key := self._context.lead_by_email(normal(address)):
                    return Ref("lead", key)
        people = {
            key
            for row in self._address_rows()
            for address in read_addresses(_value(record, row.source)).valid
            if (key := self._context.lead_by_email(normal(address)))
        }
        return Ref("lead", people.pop()) if len(people) == 1 else None

    # ------------------------------------------------------------------------------------------ putting together

    def _note(self, found: _Found, parent: Ref) -> list[Draft]:
        return self._as_notes(found, parent, _joined(block(found.lines), found.body))

    def _file(self, found: _Found, parent: Ref) -> list[Draft]:
        found.lines.append(("Archived at", self._context.archived_at(found.record)))
        return self._as_notes(found, parent, block(found.lines))

    def _call(self, found: _Found, parent: Ref) -> list[Draft]:
        lines = dict(found.lines)
        direction = lines.get("Direction", "").lower()
        way = "Outgoing call" if direction.startswith("out") else "Incoming call" if direction.startswith("in") else "Call"
        name = f"{way}: {lines['Disposition']}" if lines.get("Disposition") else way
        if found.duration:
            found.lines.insert(1 if direction else 0, ("Duration", found.duration))
        text = block(found.lines)
        return (
            self._as_activity(found, parent, "phone call", squeeze(name), text)
            if self._context.calls_as == "activity"
            else self._as_notes(found, parent, text, "Call")
        )

    def _email(self, found: _Found, parent: Ref) -> list[Draft]:
        if found.subject:
            found.lines.append(("Subject", found.subject))
        text = _joined(block(found.lines), found.body)
        if self._context.email_as == "activity":
            return self._as_activity(found, parent, "email", found.subject or "(no subject)", text)
        return self._as_notes(found, parent, text, "E-mail")

    def _reminder(self, found: _Found, parent: Ref) -> list[Draft]:
        if found.is_done:
            due = [("Due", found.moment.header() if found.moment else found.time_text)] if found.time_text else []
            for_whom = [("For", found.user_name)] if found.user_name else []
            body = _joined("Completed reminder", block([*due, *for_whom, *found.lines]), found.body, gap="\n")
            return note_drafts(self._text(found, body, header=""), parent, self._context.note_max_chars)
        if found.time_text:
            found.lines.insert(0, ("Due", found.moment.header() if found.moment else found.time_text))
        if found.user_name:
            found.lines.append(("For", found.user_name))
        fields: Fields = {"title": _title(found.body) or "Reminder", "link:relatedEntity": parent}
        if found.moment is not None:
            fields["dueTime"] = found.moment.unix_s
        if found.user:
            fields["link:assignee"] = Ref("user", found.user)
        return self._with_rest(self._text(found, _joined(found.body, block(found.lines)), header=""), parent, "tasks", fields)

    def _as_activity(self, found: _Found, parent: Ref, type_name: str, name: str, body: str) -> list[Draft]:
        """Write a logged activity; a note instead where type or time is missing, or where it would invite people to what is to come."""
        type_id = _activity_type(self._context.activity_types, type_name)
        if type_id is None:
            found.complain(
                "missing_activity_type", "kind", f"add the activity type {type_name!r} in the web app; written as a note until then"
            )
        is_future = found.moment is not None and found.moment.unix_s > self._context.now_s
        if type_id is None or found.moment is None or (is_future and self._context.future_activities == "skip"):
            return self._as_notes(found, parent, body, name)
        start_s = found.moment.unix_s
        participants = [parent, *([Ref("user", found.user)] if found.user else [])]
        fields: Fields = {
            "name": defuse(name),
            "activityType": type_id,
            "startTime": start_s,
            "endTime": start_s + self._duration_s(found),
            "isLogged": not is_future,
            "isAllDay": False,
            "link:participants": participants,
        }
        return self._with_rest(self._text(found, body), parent, "activities", fields)

    def _duration_s(self, found: _Found) -> int:
        if not found.duration:
            return 0
        seconds = read_duration_s(found.duration)
        if seconds is None:
            found.complain(
                "bad_duration", "duration", "the text is kept in the description; the activity ends when it starts", found.duration
            )
        return seconds or 0

    def _with_rest(self, text: Text, parent: Ref, kind: str, fields: Fields) -> list[Draft]:
        """Put the text into the description; what does not fit follows in notes of the parts "2/3", "3/3"."""
        (_, first), *rest = parts(text, self._context.note_max_chars)
        main = Draft(kind=kind, fields={**fields, "description": first}, author=text.author, marker=first.rsplit("\n", 1)[-1])
        return [main, *(note_draft(text, parent, part, body) for part, body in rest)]

    def _as_notes(self, found: _Found, parent: Ref, body: str, title: str = "") -> list[Draft]:
        header = f"{self._header(found)} {title}" if title else self._header(found)
        return note_drafts(self._text(found, body, header=defuse(header)), parent, self._context.note_max_chars)

    def _text(self, found: _Found, body: str, header: str | None = None) -> Text:
        record = found.record
        shown = self._header(found) if header is None else header
        return Text(prefix=self._prefix, kind=record.kind, key=record.key, header=shown, body=defuse(body), author=found.user or None)

    def _header(self, found: _Found) -> str:
        """Write the first line: "[2026-05-12 08:05:00 +02:00 by Pieter Nel]", with a mark where the clock shows the time twice or never."""
        when = found.time_text or "time unknown"
        if found.moment is not None:
            when = found.moment.header() + (f" ({found.moment.mark})" if found.moment.mark else "")
        return defuse(f"[{when} by {found.user_name}]" if found.user_name else f"[{when}]")


def in_words(pattern: str) -> str:
    """Say a repeat pattern in words ("weekly" → "every week"); what is no known pattern is said as it stands."""
    pattern = squeeze(pattern)
    return _REPEATS.get(pattern.lower(), pattern) + " (set up by hand)"


def _value(record: Record, source: str) -> str:
    value: Any = record.data.get(source)
    return "" if is_empty(value) else str(value).strip()


def _text(record: Record, source: str, *, is_free: bool = False) -> str:
    """Give a value as plain text; in free text a word such as "null" is what somebody wrote."""
    value = record.data.get(source)
    if value is None or (not is_free and is_empty(value)):
        return ""
    text = plain(str(value))
    return text if is_free else text.strip()


def _title(body: str) -> str:
    first = squeeze(tidy(body).strip().split("\n", 1)[0])
    return first if len(first) <= _TITLE_CHARS else first[: _TITLE_CHARS - 1].rstrip() + "…"


def _joined(*texts: str, gap: str = "\n\n") -> str:
    return gap.join(text for text in texts if text)


def _activity_type(types: Mapping[str, str], name: str) -> str | None:
    names = (name, "call") if name == "phone call" else (name, "e-mail")
    return next((types[each] for each in names if each in types), None)
