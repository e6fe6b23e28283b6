"""Calls, which have no id: told apart by what they are; what was seen once stays when the source forgets it (lead-perfection.md 2.9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.judge import texts
from tests.judge.leadperfection import values
from tests.judge.leadperfection.ground import Found, Ground, all_text, parents_of
from tests.judge.leadperfection.telling import telling
from tests.judge.leadperfection.timeline import is_type, judge_author, judge_time
from tests.judge.marks import Place
from tests.judge.states import Finding, Row

_DIRECTIONS: Mapping[str, tuple[str, ...]] = {"O": ("out", "outgoing", "outbound"), "I": ("in", "incoming", "inbound")}


def judge_calls(ground: Ground) -> Iterator[Finding]:
    """Yield everything that is wrong with calls."""
    found = {key: ground.of("call", key) for key in sorted(key for kind, key in ground.marks.identities() if kind == "call")}
    by_time: dict[str, list[str]] = {}
    for key, parts in found.items():
        for line in {line[1:20] for _, place in parts for line in all_text([place]).split("\n") if line.startswith("[")}:
            by_time.setdefault(line.replace("T", " "), []).append(key)
    taken: set[str] = set()
    elsewhere = []
    for row in ground.book.of("call").values():
        alike = [key for key in by_time.get(values.clock(row["calldatetime"]), ()) if _tells(found[key], row)]
        here = [key for key in alike if any(ground.person(row) in parents_of(*place) for _, place in found[key])]
        if not here:
            elsewhere.append((row, alike))
            continue
        key = next((key for key in here if key not in taken), here[0])
        taken.add(key)
        yield from _judged(ground, row, found[key])
    for row, alike in elsewhere:   # what others do not account for may have gone astray
        free = [key for key in alike if key not in taken]
        if free:
            taken.add(free[0])
            has = ", ".join(parents_of(*found[free[0]][0][1])) or "nobody"
            if ground.person(row) is not None:
                yield Finding(fault="orphaned", what=_what(row), why=f"is on {has}, not on {ground.person(row)}")
            yield from _judged(ground, row, found[free[0]])
        elif ground.seen.call(row):
            yield Finding(fault="lost", what=_what(row), why="is not there")
    yield from _left(ground, found, taken)


def _what(row: Row) -> str:
    return f"call of {row['calldatetime']} with prospect {row['cst_id']}"


def _judged(ground: Ground, row: Row, parts: Found) -> Iterator[Finding]:
    places = [place for _, place in parts]
    for why in _values(ground, row, places):
        yield Finding(fault="wrong", what=f"{_what(row)} ({places[0][1]['id']})", why=why)


def _left(ground: Ground, found: Mapping[str, Found], taken: set[str]) -> Iterator[Finding]:
    for key, parts in found.items():
        parents = [parent for _, place in parts for parent in parents_of(*place)]
        if key in taken or (parents and all(ground.is_ghost(parent) and not ground.living(parent) for parent in parents)):
            continue
        for row in ground.book.of("call").values():
            if _tells(parts, row) and values.clock(row["calldatetime"]) in all_text([place for _, place in parts]).replace("T", " "):
                why = f"the call of {row['calldatetime']} is there once more"
                yield Finding(fault="doubled", what=f"call {key} ({parts[0][1][1]['id']})", why=why)
                break
        else:
            if not any(ground.is_ghost(parent) for parent in parents):
                yield Finding(fault="stray", what=str(parts[0][1][1]["id"]), why="tells of a call that the source never had")


def _tells(parts: Found, row: Row) -> bool:
    """Say whether a record tells of a call with this number, result and agent."""
    told = telling(None, [all_text([place for _, place in parts])])
    number = values.bare_digits(row.get("phone"))
    if number and not any(number in texts.digits(line) for line in told.text.split("\n")):
        return False
    return all(told.says(value, label) for value, label in ((row.get("resultcode"), "result code"), (row.get("agent"), "agent")) if value)


def _values(ground: Ground, row: Row, places: Sequence[Place]) -> Iterator[str]:
    at, record = places[0]
    start = values.instant(row["calldatetime"], ground.seen.zone)
    if at == "activities":
        if not is_type(ground, record, "call"):
            yield "is not of the type call"
        if not str(record.get("name") or "").strip():
            yield "has no name"
        if record.get("startTime") != start:
            yield f"starts {record.get('startTime')}, not {start} ({row['calldatetime']})"
    elif at != "notes" or any("call" in texts.words(str(kind.get("name"))) for kind in ground.destination.of("activityTypes").values()):
        yield f"became one of {at}"
    yield from judge_time(ground, "time", row["calldatetime"], places)
    yield from judge_author(ground, row.get("agentname"), places)
    told = telling(None, [all_text(places)])
    for name, label in (("resultdescr", "result"), ("resultcode", "result"), ("agent", "agent"), ("calltype", "type")):
        if (value := texts.present(row.get(name))) and not told.says(value, label):
            yield f"{name} {value!r} is not there"
    direction = texts.present(row.get("calltype"))
    if direction and not set(_DIRECTIONS.get(direction, (direction,))) & set(texts.words(told.text)):
        yield f"direction {direction} is not readable"
