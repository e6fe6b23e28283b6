"""Notes, calls, e-mails, reminders and attachments: right place, right time, right text, right author."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.judge import texts
from tests.judge.marks import Marks, Place, content
from tests.judge.people import People, owner_of
from tests.judge.states import CHILDREN, Destination, Finding, Identity, Row, Source

_HEADER_LINES = 4
_DIRECTIONS: Mapping[str, tuple[str, ...]] = {
    "out": ("out", "outgoing", "outbound"), "in": ("in", "incoming", "inbound"), "missed": ("missed",),
}  # fmt: skip
_TIME_FIELD = {"note": "created", "call": "created", "email": "sent", "attachment": "created"}
_ACCEPTED: Mapping[str, tuple[str, ...]] = {
    "note": ("notes",), "call": ("activities", "notes"), "email": ("activities", "notes"), "reminder": ("tasks", "notes"),
    "attachment": ("notes",),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Happenings:
    """Compares what happened to leads with what the destination tells of it."""

    source: Source
    destination: Destination
    marks: Marks
    people: People
    fallback: str | None
    explained: Mapping[Identity, str] | None   # records that are said to have been left out, with the reason

    def every(self) -> Iterator[Finding]:
        """Yield everything that is wrong with them."""
        for kind in CHILDREN:
            for key, row in self.source.of(kind).items():
                what = f"{kind} {key}"
                found = self.marks.of(kind, key) or (self._files_like(key, row) if kind == "attachment" else [])
                if not found:
                    yield from self._absent(kind, key, row)
                    continue
                places = [place for _, place in found]
                if not all(at in _ACCEPTED[kind] for at, _ in places):
                    yield Finding(fault="wrong", what=what, why=f"became {', '.join(at for at, _ in places)}")
                    continue
                yield from self._parents(kind, key, row, places)
                for reason in _JUDGES[kind](self, row, places):
                    yield Finding(fault="wrong", what=f"{what} ({places[0][1]['id']})", why=reason)
        yield from self.twin_files()

    def _files_like(self, key: str, row: Row) -> list[tuple[str, Place]]:
        """
        Give the notes that tell of this file on the person it belongs to: a folder of files has no ids to mark them with.

        As many as the person's leads have such files may tell of it; more are doubled, which `twin_files` finds.
        """
        homes = [[home] for home in self._homes_of_file(key, str(row.get("leadid") or ""))]
        for (kind, _, _), places in self.marks.places.items():
            if kind == "attachment" and any(_parents_of(at, record) in homes and _tells(at, record, row) for at, record in places):
                return [("", place) for place in places]
        return []

    def _homes_of_file(self, key: str, lead: str) -> set[str]:
        """Give the people on whom a file may be: its lead's, and that of each lead in whose folder it was exported before a merge."""
        homes = {self.people.contact_of[lead]} if lead in self.people.contact_of else set()
        for before in self.source.moved_files.get(key, ()):
            homes |= {str(row["id"]) for _, (kind, row) in self.marks.of("lead", before) if kind == "contacts"}
            homes |= {str(row["links"].get("parent")) for _, (kind, row) in self.marks.of("lead", before) if kind == "notes"}
        return homes

    def twin_files(self) -> Iterator[Finding]:
        """Find files that more notes tell of than there are such files."""
        notes = [place for (kind, _, _), places in self.marks.places.items() if kind == "attachment" for place in places]
        files = self.source.of("attachment")
        for key, row in files.items():
            twins = sum(1 for each in files.values() if (each["name"], each["sha256"]) == (row["name"], row["sha256"]))
            told = [record["id"] for at, record in notes if _tells(at, record, row)]
            if len(told) > twins:
                yield Finding(fault="doubled", what=f"attachment {key}", why=f"told of by {', '.join(told)}")
        for at, record in notes:
            if not any(_tells(at, record, row) for row in files.values()) and not self.source.gone:
                yield Finding(fault="stray", what=record["id"], why="tells of a file that the source does not have")

    def _absent(self, kind: str, key: str, row: Row) -> Iterator[Finding]:
        lead = str(row.get("leadid") or "")
        is_orphan = lead not in self.source.of("lead")
        is_blank = kind == "note" and not texts.without_markup(str(row.get("note") or "")).strip()
        said = None if self.explained is None else self.explained.get((kind, key))
        if not is_orphan and not is_blank:
            why = f"of lead {lead} is not there" + (f"; the product says: {said}" if said else "")
            yield Finding(fault="lost", what=f"{kind} {key}", why=why)
        elif self.explained is not None and said is None:
            why = "its lead does not exist" if is_orphan else "it is empty"
            yield Finding(fault="unexplained", what=f"{kind} {key}", why=f"{why}, and nobody is told that it stayed behind")

    def _parents(self, kind: str, key: str, row: Row, places: Sequence[Place]) -> Iterator[Finding]:
        lead = str(row.get("leadid") or "")
        if lead not in self.source.of("lead"):
            lead = ""
        wanted = self.people.contact_of.get(lead)
        for at, record in places:
            has = _parents_of(at, record)
            hangs = f"hangs on {', '.join(has) or 'nothing'}"
            if wanted is None and not any(each in self.people.leads_of for each in has):
                yield Finding(fault="orphaned", what=f"{kind} {key} ({record['id']})", why=f"{hangs}, which is nobody's")
            elif wanted is not None and wanted not in has and not (kind == "attachment" and self._homes_of_file(key, lead) & {*has}):
                yield Finding(fault="orphaned", what=f"{kind} {key} ({record['id']})", why=f"{hangs}, not on {wanted}")

    # --- each kind ---

    def note(self, row: Row, places: Sequence[Place]) -> Iterator[str]:
        """Text whole and in order; time and author in the header."""
        contents = [content(at, record) for at, record in places]
        if not whole(contents, str(row.get("note") or "")):
            yield f"the text is not whole: {str(row.get('note'))[:80]!r} became {contents[0][:120]!r}"
        if any("@[" in text for text in contents):
            yield "it mentions a user of the destination"
        yield from self._header(row, "created", contents, places)

    def call(self, row: Row, places: Sequence[Place]) -> Iterator[str]:
        """Start, length, and the rest readable."""
        at, record = places[0]
        told = _all_text(places)
        length = texts.seconds(row.get("duration"))
        if at == "activities":
            yield from self._instants(record, texts.instant(row["created"]), length or 0)
            if not self._is_type(record, "call"):
                yield "is not of the type call"
        if length is not None and str(row["duration"]) not in told:
            yield f"duration {row['duration']} is not readable"
        direction = texts.present(row.get("direction"))
        if direction and not set(_DIRECTIONS.get(direction, (direction,))) & set(texts.words(told)):
            yield f"direction {direction} is not readable"
        for name, holds in (("disposition", texts.shows), ("notes", texts.holds)):
            value = texts.present(row.get(name))
            if value and not holds(_flat(told), _flat(value)):
                yield f"{name} {value[:60]!r} is not readable"
        number = texts.present(row.get("number"))
        if number and texts.squeeze(number) not in texts.squeeze(told) and texts.digits(number)[-9:] not in _numbers(told):
            yield f"number {number} is not readable"
        yield from self._header(row, "created", [_all_text(places)], places)

    def email(self, row: Row, places: Sequence[Place]) -> Iterator[str]:
        """Subject, body, both ends, and when it was sent."""
        told = _all_text(places)
        if places[0][0] == "activities":
            yield from self._instants(places[0][1], texts.instant(row["sent"]), 0)
        elif self._type_exists("email"):
            yield "is a note although there is an activity type for e-mails"
        contents = [content(at, record) for at, record in places]
        if not whole(contents, str(row.get("body") or "")):
            yield f"the body is not whole: {str(row.get('body'))[:80]!r}"
        for name in ("subject", "from", "to", "cc"):
            value = texts.present(row.get(name))
            if value and texts.squeeze(value) not in texts.squeeze(told):
                yield f"{name} {value!r} is not readable"
        yield from self._header(row, "sent", [told], places)

    def reminder(self, row: Row, places: Sequence[Place]) -> Iterator[str]:
        """Due, assignee, pattern; completed ones as notes that say so."""
        at, record = places[0]
        told = _all_text(places)
        is_done = str(row.get("done") or "0") == "1"
        if is_done != (at == "notes"):
            yield f"is {'completed' if is_done else 'open'} and became one of {at}"
        if at == "tasks":
            if int(record.get("dueTime") or 0) != texts.instant(row["due"]):
                yield f"is due {record.get('dueTime')}, not {texts.instant(row['due'])} ({row['due']})"
            wanted = owner_of(self.source, self.destination, row, self.fallback, field="user_email")
            if wanted is not None and (record.get("links") or {}).get("assignee") != wanted:
                yield f"is assigned to {(record.get('links') or {}).get('assignee')}, not to {wanted}"
        elif str(row["due"])[:16] not in told:
            yield f"due {row['due']} is not readable"
        if is_done and not {"done", "completed"} & set(texts.words(told)):
            yield "does not say that it was completed"
        repeat = texts.present(row.get("repeat"))
        if repeat and "repeat" not in texts.squeeze(told):
            yield f"pattern {repeat!r} is not noted"
        if not texts.holds(told, str(row.get("note") or "")):
            yield f"text {str(row.get('note'))[:60]!r} is not there"

    def attachment(self, row: Row, places: Sequence[Place]) -> Iterator[str]:
        """Name, size and checksum of the file are told; when it was added is not known of files in a folder."""
        told = _all_text(places)
        for name in ("size", "sha256"):
            if str(row.get(name)) not in told:
                yield f"{name} {row.get(name)} is not readable"
        if not _names_file(told, str(row.get("name"))):
            yield f"name {row.get('name')!r} is not readable"

    # --- what they share ---

    def _instants(self, record: Row, start: int, length: int) -> Iterator[str]:
        if record.get("startTime") != start:
            yield f"starts {record.get('startTime')}, not {start}"
        if record.get("endTime") != start + length:
            yield f"ends {record.get('endTime')}, not {start + length}"

    def _header(self, row: Row, name: str, contents: Sequence[str], places: Sequence[Place]) -> Iterator[str]:
        """Original time to the minute and the author are in the first lines, unless the record itself says so."""
        author = self.source.label("user", str(row.get("userid") or ""))
        mail = str(self.source.of("user").get(str(row.get("userid") or ""), {}).get("email") or "")
        user = self.destination.user_by_email(mail) if mail else None
        for text, (at, record) in zip(contents, places, strict=False):
            head = "\n".join(text.strip().split("\n")[:_HEADER_LINES])
            if at != "activities" and str(row[name])[:16] not in head.replace("T", " "):
                yield f"time {row[name]} is not in its head {head[:80]!r}"
            by = {record.get("creator"), *((record.get("links") or {}).get("participants") or ())}
            if author and author not in head and (user is None or user not in by):
                yield f"author {author} is not in its head {head[:80]!r}"

    def _is_type(self, record: Row, word: str) -> bool:
        kind = self.destination.of("activityTypes").get(str((record.get("links") or {}).get("activityType")), {})
        return word in texts.words(str(kind.get("name")))

    def _type_exists(self, word: str) -> bool:
        return any(word in texts.words(str(row.get("name")).replace("-", "")) for row in self.destination.of("activityTypes").values())


_JUDGES: Mapping[str, Callable[[Happenings, Row, Sequence[Place]], Iterator[str]]] = {
    "note": Happenings.note, "call": Happenings.call, "email": Happenings.email, "reminder": Happenings.reminder,
    "attachment": Happenings.attachment,
}  # fmt: skip


def whole(contents: Sequence[str], text: str, header_lines: int = _HEADER_LINES) -> bool:
    """Say whether *contents*, one text a part, hold all of *text* in order and nothing of it twice, headers apart."""
    if len(contents) == 1:
        return texts.holds(contents[0], text)
    rest = texts.words(texts.without_markup(text))
    for part in contents:
        lines = part.strip().split("\n")
        for skipped in range(1, header_lines):
            taken = texts.words("\n".join(lines[skipped:]))
            if taken and rest[: len(taken)] == taken:
                rest = rest[len(taken) :]
                break
        else:
            return False
    return not rest


def _tells(at: str, record: Row, row: Row) -> bool:
    text = content(at, record)
    return str(row["sha256"]) in text and _names_file(text, str(row["name"]))


def _names_file(text: str, name: str) -> bool:
    """Say whether a text names a file; of several with one name in a folder all but the first bear a number."""
    stem, dot, extension = texts.squeeze(name).rpartition(".")
    return re.search(rf"{re.escape(stem)}(?: \(\d+\))?{re.escape(dot + extension)}", texts.squeeze(text)) is not None


def _all_text(places: Sequence[Place]) -> str:
    parts = (each for at, record in places for each in (record.get("name"), record.get("title"), content(at, record)))
    return "\n".join(str(part) for part in parts if part)


def _numbers(text: str) -> set[str]:
    """Give the last nine digits of every line: numbers are told a line each."""
    return {found[-9:] for line in text.split("\n") if (found := texts.digits(line))}


def _flat(text: str) -> str:
    return " ".join(text.split())


def _parents_of(at: str, record: Row) -> list[str]:
    links = record.get("links") or {}
    if at == "activities":
        return [rid for rid in links.get("participants") or () if not str(rid).endswith("-users")]
    return [rid for rid in (links.get("parent"), links.get("relatedEntity")) if rid]
