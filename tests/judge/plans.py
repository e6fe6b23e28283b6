"""What a rollback said beforehand that it would do, against what it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.judge.states import Finding

COUNTED = ("deleted", "restored")
"""What is compared by number; whatever is told to be spared has an id. The accounts show which records the others were."""


def against_plan(planned: Mapping[str, Any] | None, done: Mapping[str, Any]) -> Iterator[Finding]:
    """Compare two reports of one rollback that nobody disturbed, the dry run's (None: there was none) and its own."""
    if planned is None:
        yield Finding(fault="unexplained", what="rollback", why="was carried out without a plan having been shown")
        return
    for name in ("scope", *COUNTED):
        if planned[name] != done[name]:
            yield Finding(fault="unexplained", what=name, why=f"{planned[name]} was planned and {done[name]} done")
    meant, left = _spared(planned) | _beside(planned), _spared(done) | _beside(done)
    for each in sorted(meant - left):
        yield Finding(fault="unexplained", what=" ".join(each), why="was told so by the plan, and by the report was not")
    for each in sorted(left - meant):
        yield Finding(fault="unexplained", what=" ".join(each), why="is told so by the report, and was not by the plan")


def _spared(report: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Give the records, and for whose sake each: several of the source may share one."""
    return {(str(each["kind"]), str(each["id"]), str(each["source"])) for each in report["spared"]}


def _beside(report: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Give the lead sources with what becomes of each, and the records of probes: whether the API removes those shows when it is asked."""
    sources = {("sources", str(each["id"]), str(each["action"])) for each in report["sources"]}
    return sources | {("probe record", str(each["kind"]), str(each["name"])) for each in report["probe_records"]}
