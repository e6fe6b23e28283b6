"""What a run that was taken back left beside records: lead sources, tags and custom fields, against what the report says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.judge.states import Destination, Finding

_TABLES = ("tags", "sources")


def left_beside(before: Destination, after: Destination, report: Mapping[str, Any]) -> Iterator[Finding]:
    """
    Compare what is there with what was there before, and with what the report of the rollback says that it left.

    A lead source that goes while a lead names it takes that word from the lead, whoever's it is.
    """
    kept = {str(each["id"]) for each in report["sources"] if each["action"] == "kept"}
    fields = {f"{each['entity']}/{each['label']}" for each in report["cannot_be_removed_by_api"]["custom_fields"]}
    for kind in _TABLES:
        was, has = before.of(kind), after.of(kind)
        for rid in sorted(has.keys() - was.keys() - kept):
            yield Finding(fault="stray", what=rid, why="was made by the run, is still there and not listed")
        for rid in sorted(was):
            if rid not in has or was[rid]["name"] != has[rid]["name"]:
                yield Finding(fault="foreign touched", what=rid, why=f"existed before and is {'another' if rid in has else 'gone'}")
    for name in sorted(after.defined - before.defined - fields):
        yield Finding(fault="stray", what=name, why="was defined by the run, is still there and not listed")
    for name in sorted(before.defined - after.defined):
        yield Finding(fault="foreign touched", what=name, why="was defined before and is gone")
    for name in sorted((kept - after.of("sources").keys()) | (fields - after.defined)):
        yield Finding(fault="unexplained", what=name, why="is said to be left, and is not there")
    yield from _loose(after)


def _loose(after: Destination) -> Iterator[Finding]:
    for rid, row in sorted(after.of("leads").items()):
        for source in (row.get("links") or {}).get("sources") or ():
            if source not in after.of("sources"):
                yield Finding(fault="overwritten", what=rid, why=f"names the lead source {source}, which is gone")
