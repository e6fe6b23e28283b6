"""
What is kept in the ledger by name and is written in one place and read in another: settings, and marks of passes over a kind.

Rule: such a name stands here alone, since one that is misspelt reads like one that was never written. What a single file keeps for
itself, or lends to others together with what it means, is named there.
"""

from __future__ import annotations

from typing import Final

from streamflow.model import Kind

# ------------------------------------------------------------------------------------------------ where the run is

PHASE: Final = "phase"                         # state, reason and since (`Phase.to_json`)
DELTA_OPENED: Final = "delta_opened_at"        # when both sides had taken the credentials, before the first page was read
CUTOVER: Final = "cutover"                     # the attempt under way (`cutover.Plan`)
CUTOVER_GIVEN_UP: Final = "cutover:last"       # why the last attempt was given up, when, and its steps
SWITCHED: Final = "switched"                   # the receipt of the switch
BEFORE_SWITCH: Final = "switch:before"         # items answered before it whose time says otherwise: somebody had set the clock
CLOSED: Final = "closed_at"                    # when the window after the switch was over
ROLLBACK: Final = "rollback"                   # the order for a rollback (`rollback_order`)
ROLLBACK_RESULT: Final = "rollback:result"     # what the last one did, and left
SWEPT: Final = "sweep:at"                      # when the last complete sweep began
IDENTITY: Final = "identity"                   # which accounts the ledger joins (`config.identity`)
PURGE: Final = "purge"                         # of the personal data: {"by", "at", "step"} (`purge_order`)

# ------------------------------------------------------------------------------------------------ what operators said

PAUSED: Final = "operator:paused"               # the reason of a pause, and whose it is
PACES: Final = "operator:pace:"                 # prefix; by platform: calls a second
SETTINGS: Final = "operator:settings"           # key of the configuration -> a print of its value, as last taken over
FALLBACK_OWNER: Final = "operator:fallback"     # an e-mail address

# ------------------------------------------------------------------------------------------------ what was found on both sides

COVERAGE: Final = "coverage"               # kind -> "ok", or why it cannot be read
OBSERVATION: Final = "observation"         # what the fields of the source hold (`Observation.to_json`)
UNKNOWN_KEYS: Final = "drift"              # kind -> keys that no spec knows -> how often they were seen
SOURCE_COUNTS: Final = "source:counts"     # the source's own counts after the freeze: {"at", "frozen_at", "rows"}
ACCOUNT: Final = "destination"             # what the destination says of the account at the sign-in (`Schema.check`)
STOCK: Final = "stock"                     # what the destination held before us, counted by kind, and its open leads
CAPABILITIES: Final = "capabilities"       # the flags that the write probes learned, and those the operator set

# ------------------------------------------------------------------------------------------------ what was agreed, and made for it

MAP_PROPOSED: Final = "map:proposed"           # digest and document
MAP_CONFIRMED: Final = "map:confirmed"         # digest and document, and by whom; None while no map is in force
OWNERS: Final = "owners"                       # rows of the owner table
SAMPLE_KEYS: Final = "sample:keys"             # kind -> keys of the sample
SAMPLE_ACCEPTED: Final = "sample:accepted"     # True from then on
SCHEMA_DIGEST: Final = "schema:digest"         # of the map that the destination was made ready for
FIELDS_DEFINED: Final = "fields:defined"       # rows of the custom fields that were seen there for the map in force
SOURCES_CREATED: Final = "sources:created"     # ids of the lead sources that are ours and not removed
SOURCES_UNSURE: Final = "sources:unsure"       # id -> name of those of which nobody knows whether we made them

# ------------------------------------------------------------------------------------------------ the destination's reference data, by name

REFERENCE_SOURCES: Final = "reference:sources"               # source key and label -> lead source
REFERENCE_TEAMS: Final = "reference:teams"                   # this and the following: name -> id
REFERENCE_ACTIVITY_TYPES: Final = "reference:activity_types"
REFERENCE_STAGESETS: Final = "reference:stagesets"
REFERENCE_STAGES: Final = "reference:stages"
REFERENCE_FIRST_STAGES: Final = "reference:first_stages"     # pipeline -> the stage where new leads begin
REFERENCE_OUTCOMES: Final = "reference:outcomes"

# ------------------------------------------------------------------------------------------------ marks of passes over a kind

_PASSES = ("read", "poll", "sweep")


def read_mark(kind: Kind) -> str:
    """Name the mark of a pass over a whole list."""
    return f"read:{kind}"


def poll_mark(kind: Kind) -> str:
    """Name the mark of a poll that asks for the children of parents that moved on."""
    return f"poll:{kind}"


def sweep_mark(kind: Kind) -> str:
    """Name the mark of a pass that asks for the children of every parent."""
    return f"sweep:{kind}"


def kind_passed(mark: str) -> Kind | None:
    """Give the kind that such a mark belongs to; None for a mark of another sort."""
    word, _, kind = mark.partition(":")
    return kind if word in _PASSES and kind else None


# ------------------------------------------------------------------------------------------------ what a record's ground is, or begins with

LATE: Final = "after_freeze"     # held in the watch as written after the switch; the cause of the question about it as well
RETURNED: Final = "returned"     # held in the watch since people brought it back, or what it belongs to, and asked about: not written late
UNDONE: Final = "undone:"     # and then the scope of a rollback: what it undid stays away until the source changes it or somebody says so
