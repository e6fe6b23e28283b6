"""What a whole run must know of the pair it moves: names of its simulated source, how its true state is read, and the comparison."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from streamflow.sandbox.leadperfection_planting import FALLBACK_EMAIL, rep_file
from tests.judge import comparison
from tests.judge.guarding import Edit
from tests.judge.leadperfection import comparison as leadperfection
from tests.judge.leadperfection.book import Reader, read_book, read_seen
from tests.judge.states import Destination, Finding, Identity, Question, Row, as_exported, read_source


class Truth(Protocol):
    """The true state of a source."""

    def every(self) -> Iterator[tuple[str, str, Row]]:
        """Yield (kind, key, record) of what is to be moved."""
        ...


class Compare(Protocol):
    """The independent comparison of a pair."""

    def __call__(
        self, source: Any, destination: Destination, *, before: Destination, seen: Any, explained: Mapping[Identity, str] | None,
        asked: Sequence[Question], edits: Sequence[Edit], scope: Sequence[str] | None = None,
    ) -> list[Finding]: ...  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """
    One pair.

    Args:
        platform: The source's name among switches.
        prefix: Of the markers that its records leave.
        fallback: E-mail of the user who takes records of unmatched owners.
        person: The source kind of people, and the field by which all of a person's records name it.
        files: Options of the sandbox by which everything is read from files.
        settings: What the configuration says beside what the sandbox writes, for something to be looked at.
        pages: What it says where it is read by API, so that a small account has lists of many pages: most lies change nothing of one page.
        export: Gives from the options of the sandbox what an export is asked for, beside its folder.
        read: Gives the true state from the admin face.
        look: Asks the admin face, before anything is read, what a run with these options of the sandbox can see; for `compare`.
    """

    pair: str
    platform: str
    prefix: str
    fallback: str
    person: tuple[str, str]
    files: Mapping[str, Any]
    read: Callable[[str], Truth]
    compare: Compare
    export: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    look: Callable[[str, Mapping[str, Any]], Any] = lambda admin, options: None
    settings: str = ""
    pages: str = ""


PAGE_ROWS = 7


OUTCOMES: Mapping[str, str] = {
    "Scheduled": "open", "Awaiting Product": "open", "Hold - HOA": "open", "Installed & Unpaid": "won", "Paid In Full": "won",
    "Cancelled": "cancelled", "Cancelled By Mgt": "cancelled", "Credit Decline": "lost", "Dead Deal": "lost",
    "Old System Import": "open", "": "open",
}  # fmt: skip
"""Status of a job -> state of its deal: sold work that is done is won, what is under way is open, and so is what nobody knows."""
STAGES: Mapping[str, str] = {"Scheduled": "Repairs/Scheduled", "Awaiting Product": "Sales/Closing", "Hold - HOA": "Repairs/Inspected"}
"""Where this customer wants deals that are under way: status of a job -> pipeline and stage."""


def _leadtrekker(
    source: Any, destination: Destination, *, before: Destination, seen: Any, explained: Mapping[Identity, str] | None,
    asked: Sequence[Question], edits: Sequence[Edit], scope: Sequence[str] | None = None,
) -> list[Finding]:  # fmt: skip
    told = as_exported(source) if seen == "files" else source
    return comparison.compare(
        told, destination, before=before, fallback=LEADTREKKER.fallback, explained=explained, asked=asked, edits=edits
    )


def _lead_perfection(
    source: Any, destination: Destination, *, before: Destination, seen: Any, explained: Mapping[Identity, str] | None,
    asked: Sequence[Question], edits: Sequence[Edit], scope: Sequence[str] | None = None,
) -> list[Finding]:  # fmt: skip
    return leadperfection.compare(
        source, destination, before=before, seen=seen, reps=rep_file(), fallback=LEAD_PERFECTION.fallback, explained=explained,
        asked=asked, edits=edits, outcomes=OUTCOMES, stages=STAGES, scope=scope,
    )  # fmt: skip


def _seen_by(options: Mapping[str, Any]) -> Reader:
    if options.get("reader", "api") == "api":
        return "api"
    return "extract" if options.get("extract") else "reports"


def _pages(*kinds: str) -> str:
    return "\n".join(f"[source.streams.{kind}.paging]\nsize = {PAGE_ROWS}\n" for kind in kinds)


def _stages() -> str:
    lines = (f"{json.dumps(status)} = {json.dumps(place)}" for status, place in STAGES.items())
    return "\n".join(('[leads.rule.values."job.jobstatus.stage"]', *lines, ""))


LEADTREKKER = Side(
    pair="leadtrekker-nutshell", platform="leadtrekker", prefix="lt", fallback="office@example.co.za", person=("lead", "leadid"),
    files={"reader": "files"}, read=read_source, compare=_leadtrekker, export=lambda options: {"form": options.get("form", "csv")},
    look=lambda admin, options: options.get("reader", "api"),
    pages=_pages("user", "group", "source", "status", "lead", "note", "call", "email", "reminder"),
)  # fmt: skip
LEAD_PERFECTION = Side(
    pair="lead-perfection-nutshell", platform="lead_perfection", prefix="lp", fallback=FALLBACK_EMAIL,
    person=("prospect", "cst_id"),
    files={"reader": "files", "extract": True}, read=read_book, compare=_lead_perfection,
    export=lambda options: {"extract": bool(options.get("extract"))}, settings=_stages(),
    look=lambda admin, options: read_seen(admin, by=_seen_by(options)), pages=_pages("prospect", "job"),
)  # fmt: skip
SIDES: Mapping[str, Side] = {side.pair: side for side in (LEADTREKKER, LEAD_PERFECTION)}
"""By the name of the pair."""
