"""What all shapes share: a happening taken apart, and the drafts it can be written as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from streamflow.mapping.dates import Moment, read_duration_s
from streamflow.mapping.derived import Context, Issue
from streamflow.mapping.notes import Text, note_draft, note_drafts, parts
from streamflow.mapping.pair import KindPlan, Pair
from streamflow.mapping.text import defuse
from streamflow.model import Draft, Fields, Key, Record, Ref

CLOCKS_DIFFER_S: Final = 300
"""A call or an e-mail is listed once it has happened: one that lies ahead by no more than this has the time of a clock that is fast."""


@dataclass(slots=True, kw_only=True)
class Happening:
    """One record taken apart."""

    record: Record
    parent: Ref | None = None
    user: Key = ""  # id, else address, else name
    user_name: str = ""
    moment: Moment | None = None
    time_text: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)
    slots: dict[str, str] = field(default_factory=dict)  # what lines mean to the shape: "direction" -> "out"
    body: str = ""
    subjects: tuple[str, ...] = ()
    duration: str = ""
    duration_field: str = ""
    span_s: int = 0  # usual length, where the source knows no end
    is_done: bool = False
    issues: list[Issue] = field(default_factory=list)

    def complain(self, cause: str, field: str, suggestion: str, value: str = "", *, is_blocking: bool = False) -> None:
        """Note an issue."""
        self.issues.append(Issue(cause=cause, field=field, suggestion=suggestion, value=value, is_blocking=is_blocking))


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """Writes what a shape has put together as activity, task or note."""

    pair: Pair
    plan: KindPlan
    context: Context

    @property
    def is_activity(self) -> bool:
        """Whether the destination takes such happenings as activities."""
        return self.context.as_.get(self.plan.shape, "activity") == "activity"

    def user(self, found: Happening) -> Ref:
        """Name the user of a happening."""
        return Ref(self.pair.kind_naming("user"), found.user)

    def as_activity(
        self, found: Happening, parent: Ref, types: tuple[str, ...], name: str, body: str, *, ahead_s: int = 0
    ) -> list[Draft]:
        """
        Write a logged activity; a note instead where type or time is missing, or where it would invite people to what is to come.

        Args:
            ahead_s: By how much it may lie ahead, in seconds, and be over all the same.
        """
        type_id = next((self.context.activity_types[each] for each in types if each in self.context.activity_types), None)
        if type_id is None:
            found.complain(
                "missing_activity_type", "kind", f"add the activity type {types[0]!r} in the web app; written as a note until then"
            )
        is_future = found.moment is not None and found.moment.unix_s > self.context.now_s + ahead_s
        if type_id is None or found.moment is None or (is_future and self.context.future_activities == "skip"):
            return self.as_notes(found, parent, body, name)
        start_s = found.moment.unix_s
        participants: list[Ref] = [parent]
        if found.user:
            participants.append(self.user(found))
        fields: Fields = {
            "name": defuse(name),
            "activityType": type_id,
            "startTime": start_s,
            "endTime": start_s + self._length_s(found),
            "isLogged": not is_future,
            "isAllDay": False,
            "link:participants": participants,
        }
        return self.with_rest(self.text(found, body), parent, "activities", fields)

    def with_rest(self, text: Text, parent: Ref, kind: str, fields: Fields) -> list[Draft]:
        """Put the text into the description; what does not fit follows in notes of the parts "2/3", "3/3"."""
        (_, first), *rest = parts(text, self.context.note_max_chars)
        main = Draft(kind=kind, fields={**fields, "description": first}, author=text.author, marker=first.rsplit("\n", 1)[-1])
        return [main, *(note_draft(text, parent, part, body) for part, body in rest)]

    def as_notes(self, found: Happening, parent: Ref, body: str, title: str = "") -> list[Draft]:
        """Write notes with original time and author in the first line."""
        header = f"{self.header(found)} {title}" if title else self.header(found)
        return note_drafts(self.text(found, body, header=defuse(header)), parent, self.context.note_max_chars)

    def text(self, found: Happening, body: str, header: str | None = None) -> Text:
        """Give the text with its header and marker."""
        record = found.record
        shown = self.header(found) if header is None else header
        has_own_time = self.context.note_backdate and self.plan.shape != "task"   # a task's moment is when it is due
        return Text(
            prefix=self.pair.prefix, kind=record.kind, key=record.key, header=shown, body=defuse(body), author=found.user or None,
            at_s=found.moment.unix_s if has_own_time and found.moment is not None else None,
        )

    def header(self, found: Happening) -> str:
        """Write the first line: "[2026-05-12 08:05:00 +02:00 by Pieter Nel]", with a mark where the clock shows the time twice or never."""
        when = found.time_text or "time unknown"
        if found.moment is not None:
            when = found.moment.header()
        return defuse(f"[{when} by {found.user_name}]" if found.user_name else f"[{when}]")

    def _length_s(self, found: Happening) -> int:
        if not found.duration:
            return found.span_s
        seconds = read_duration_s(found.duration)
        if seconds is None:
            hint = "the text is kept in the description; the activity ends when it starts"
            found.complain("bad_duration", found.duration_field, hint, found.duration)
        return seconds or 0


Compose: TypeAlias = Callable[[Happening, Ref, Drafting], list[Draft]]


def _never(found: Happening, drafting: Drafting) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one sort of happening becomes drafts on its parent."""

    compose: Compose
    why_left_out: Callable[[Happening, Drafting], str] = _never  # "" when it is written


def blocks(*texts: str, gap: str = "\n\n") -> str:
    """Put texts below each other, without the empty ones."""
    return gap.join(text for text in texts if text)
