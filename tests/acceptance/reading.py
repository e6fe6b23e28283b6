"""Small questions put to a run's evidence: which person a lead became, what a time in the source means."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

from tests.acceptance.evidence import Json, Run
from tests.judge import texts
from tests.judge.states import Row

WRITES = re.compile(r"(POST|PUT|PATCH|DELETE) /rest/.*|RPC (new|edit|delete|add|remove)\w*")
HEAD = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d)(?: by ([^\]]*))?\]")
"""First line of a text: when it was written in the source, and by whom."""


def crosswalk(run: Run, kind: str) -> dict[str, list[dict[str, str]]]:
    """Give the lines of the exported crosswalk for one source kind, by source key."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for line in run.tables["crosswalk"]:
        if line["source_kind"] == kind:
            found[line["source_key"]].append(line)
    return found


def persons(run: Run) -> dict[str, Row]:
    """Give the person each lead became, by the exported crosswalk; leads of the source as it is in the end."""
    lines = crosswalk(run, "lead")
    found = {}
    for lead in run.source.of("lead"):
        ids = [line["destination_id"] for line in lines.get(lead, ()) if line["destination_kind"] == "contacts"]
        if ids:
            found[lead] = run.after.of("contacts")[ids[0]]
    return found


def alone(run: Run) -> dict[str, Row]:
    """Give the persons who stand for one lead only and were made by the run: every value on them is that lead's."""
    leads_of: dict[str, list[str]] = defaultdict(list)
    for lead, person in persons(run).items():
        leads_of[person["id"]].append(lead)
    return {
        lead: person for lead, person in persons(run).items()
        if len(leads_of[person["id"]]) == 1 and person["id"] not in run.before.of("contacts")
    }  # fmt: skip


def born(run: Run, kind: str) -> Iterator[tuple[Row, str, Row]]:
    """Yield (source record, destination kind, destination record), first parts only, of everything of a kind that was moved."""
    for key, row in run.source.of(kind).items():
        for place_kind, place in (each for _, each in run.marks.of(kind, key)[:1]):
            yield row, place_kind, place


def people_of(kind: str, row: Row) -> list[str]:
    """Give the ids of the persons a note, activity or task hangs on."""
    links = row.get("links") or {}
    ids = [links.get("parent"), links.get("relatedEntity"), *(links.get("participants") or ())]
    return [str(each) for each in ids if each and not str(each).endswith("-users")]


def custom(person: Row, name: str) -> str:
    """Give a custom field's value as text."""
    return str((person.get("customFields") or {}).get(name) or "")


def moment(text: str) -> int:
    """Give the instant of a clock time of the source, in Unix seconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=texts.JOHANNESBURG).timestamp())


def head(text: str) -> tuple[int, str]:
    """Give instant and author that the first line of a moved text tells, (0, "") when it tells none."""
    found = HEAD.match(text)
    if found is None:
        return 0, ""
    return int(datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S %z").timestamp()), found[2] or ""


def written(calls: Mapping[str, int]) -> dict[str, int]:
    """Give those calls of a destination's log that write."""
    return {name: count for name, count in calls.items() if WRITES.fullmatch(name)}


def rows_of(document: Json) -> Iterator[tuple[Json, Json]]:
    """Yield (object, row) of a map document."""
    for one in document["objects"]:
        for row in one["rows"]:
            yield one, row
