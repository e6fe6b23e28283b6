"""What a compiled map answers and what it may ask: drafts, issues, records around a record, and the context of one migration."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from streamflow.model import DestId, Draft, Key, Kind, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Something about one field of one record that a person may want to mend. The value is personal: for the ledger, not for logs."""

    cause: (
        str  # bad_email | bad_phone | bad_date | bad_number | bad_money | unknown_choice | too_long | unmapped_field | unknown_parent | ...
    )
    field: str  # source field
    suggestion: str
    is_blocking: bool = False  # True: the record cannot exist like this
    value: str = dataclasses.field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What the map makes of one source record."""

    drafts: tuple[Draft, ...] = ()
    issues: tuple[Issue, ...] = ()
    filtered: str | None = None  # the reason a rule of the map leaves it out
    instead: Mapping[str, str] = field(default_factory=dict)  # part -> field of the main record that holds its text now
    yielded_to: Key | None = None  # the record that is the deal in its place; a deal of its own, made before, is left to that one


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Records around one, as staged; empty where no rule asks for them."""

    children: Mapping[Kind, Sequence[Record]] = field(default_factory=dict)  # by kind, those that the source shows
    former: Mapping[Kind, Sequence[Record]] = field(default_factory=dict)  # children it shows no more; what was made of them stays
    heirs: tuple[Key, ...] = ()  # records it yields to (`KindPlan.yields_to`), the first one first


NO_KIN: Final = Kin()

CompanyOf: TypeAlias = Callable[[str, str], Key | None]
"""(company text, name of the person) -> cluster; `Companies.cluster_of` is one."""


def _nobody(address: str) -> Key | None:
    return None


def _no_label(kind: Kind, key: Key) -> str | None:
    return None


LAST_MOMENT: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a map needs to know of this migration besides the record. All callables are pure look-ups over what the caller has at hand."""

    company_of: CompanyOf | None = None  # None: by rules and the map's decisions alone
    person_by_email: Callable[[str], Key | None] = _nobody  # address in normal form -> record of a person, when exactly one has it
    label_of: Callable[[Kind, Key], str | None] = _no_label  # ("status", "3") -> "Contacted"; reference kinds
    activity_types: Mapping[str, DestId] = field(default_factory=dict)  # name in lower case -> id
    stagesets: Mapping[str, DestId] = field(default_factory=dict)  # name in lower case -> id
    stages: Mapping[str, DestId] = field(default_factory=dict)  # "stageset id/stage name" in lower case -> id
    stage_write: bool = True  # a deal's stage can be set; else it stays in the first one of its pipeline
    outcomes: Mapping[str, DestId] = field(default_factory=dict)  # name in lower case -> id
    as_: Mapping[str, str] = field(default_factory=dict)  # shape -> activity (unless said) | note, where the destination takes no such ones
    note_max_chars: int = 30_000
    details_field: str = ""  # label of the deals' long field that there is for lines without a field; "": a note beside the deal
    details_max_chars: int = 0  # what that field keeps whole, line ends included
    note_backdate: bool = False  # notes carry their own time
    task_complete: bool = False  # done reminders become completed tasks, else notes
    now_s: int = LAST_MOMENT  # activities later than this have not happened yet
    future_activities: str = "skip"  # skip: they become notes, so that nobody is invited; send
