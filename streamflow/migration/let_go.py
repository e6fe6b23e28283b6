"""
After the switch: what a person let go on, of some records, and in which versions.

Rule 1: to take one version takes no later one; what was decided on another question about a record is about the version of then.
Rule 2: what was noted with an answer counts, and its time only where nothing was noted (`decided`).
Rule 3: a version is late from when it is read, not from when it is asked about: a reading takes its time, and people answer meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamflow.ledger_names import BEFORE_SWITCH, LATE, RETURNED
from streamflow.migration.decided import ANY, DECIDED, STAYS
from streamflow.migration.late_questions import INSTEAD, WENT_ON, WISH, late_id, version_id, version_in
from streamflow.migration.returning import ROLLED_BACK, undone
from streamflow.model import Key, Kind, QueueItem, Staged
from streamflow.stages.accepted import counted_before
from streamflow.stages.gone import BACK
from streamflow.stages.reopened import ALONG, ASKED, asked_name, runs_along, version_of
from streamflow.store.base import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class LetGo:
    """What of some records may go on after the switch since a person said so: versions that were taken, or another question was about."""

    taken: frozenset[str] = frozenset()                    # ids of the items about these versions, by the keys they have now
    decided: Mapping[tuple[Kind, Key], frozenset[str]] = field(default_factory=dict)    # versions then; `ANY`: it was not noted
    unnoted: Mapping[tuple[Kind, Key], tuple[str, ...]] = field(default_factory=dict)   # ids of the items of which it was not
    unfollowed: Mapping[str, Sequence[str]] = field(default_factory=dict)    # ids of items that took them, by those: nobody looked yet
    along: Mapping[str, Any] = field(default_factory=dict)    # settings that tell what runs again with what it belongs to
    asked: Mapping[str, Any] = field(default_factory=dict)    # settings that name the last questions about late versions
    replaced: frozenset[tuple[Kind, Key]] = frozenset()       # those of which something else counts until their last version is taken
    recreated: Mapping[tuple[Kind, Key], Sequence[QueueItem]] = field(default_factory=dict)    # answers that want it made again
    standing: Mapping[tuple[Kind, Key], Sequence[QueueItem]] = field(default_factory=dict)     # open questions about late versions
    goes_on: Mapping[tuple[Kind, Key, str], Sequence[str]] = field(default_factory=dict)    # ids of other answers about a version: not told
    let_back: frozenset[str] = frozenset()                 # grounds on which records were kept away that are to come back

    def holds(self, staged: Staged) -> bool:
        """Say whether a pending record waits for a person: to take one version takes no later one."""
        if late_id(staged) in self.taken:
            return False
        if self.is_late(staged):
            return True
        versions = self.decided.get((staged.record.kind, staged.record.key), frozenset())
        goes_along = runs_along(staged, self.along, self.asked) and staged.ground != RETURNED     # asked about itself
        return not (versions & {ANY, version_of(staged)} or goes_along or staged.ground in self.let_back)

    def is_late(self, staged: Staged) -> bool:
        """Say whether its version was written after the switch, whether it was held for that before or was read a moment ago."""
        return staged.ground == LATE or (staged.record.kind, staged.record.key) in self.replaced


async def read_let_go(ledger: Ledger, since: str, kind: Kind, page: Sequence[Staged]) -> LetGo:
    """
    Look up what a person has decided of these records of a kind since the switch.

    Late writes are asked about only then, whatever the clock says.
    """
    noted, asked = await ledger.settings(DECIDED), await ledger.settings(ASKED)
    before = set(await ledger.setting(BEFORE_SWITCH) or ())

    def is_since(item: QueueItem) -> bool:
        return f"{DECIDED}{item.id}" in noted or (item.resolved_at >= since and item.id not in before)

    def sends(item: QueueItem) -> bool:
        is_heard = item.state == "resolved" and item.decision not in STAYS | {BACK, INSTEAD, WENT_ON}
        return is_heard and (item.cause == LATE or is_since(item))

    about = await ledger.items_about(kind, [each.record.key for each in page])
    found, told = [item for item in about if sends(item)], {item.details.get(WISH) for item in about if item.cause == LATE}
    rollbacks = [item for item in await ledger.queue(state="resolved", cause=ROLLED_BACK) if sends(item)]
    decided: defaultdict[tuple[Kind, Key], set[str]] = defaultdict(set)
    unnoted: defaultdict[tuple[Kind, Key], list[str]] = defaultdict(list)
    goes_on: defaultdict[tuple[Kind, Key, str], list[str]] = defaultdict(list)
    for item in found:
        if item.cause != LATE:
            version = noted.get(f"{DECIDED}{item.id}", ANY)
            decided[item.kind, item.present_key].add(version)
            if version == ANY:
                unnoted[item.kind, item.present_key].append(item.id)
            elif item.decision != "recreate" and item.id not in told:
                goes_on[item.kind, item.present_key, version].append(item.id)
    taken: defaultdict[str, list[str]] = defaultdict(list)
    for item in found:
        if item.cause == LATE and asked.get(asked_name(item.kind, item.present_key), item.id) == item.id:
            taken[version_id(item.kind, item.present_key, version_in(item.id))].append(item.id)
    counted = await counted_before(ledger, [each.record for each in page])
    return LetGo(
        recreated=_by_record(item for item in found if item.decision == "recreate"),
        replaced=frozenset((ref.kind, ref.key) for ref in counted),
        standing=_by_record(item for item in about if item.cause == LATE and item.state == "open"),
        taken=frozenset(taken),
        unfollowed={name: fresh for name, ids in taken.items() if (fresh := [id for id in ids if f"{DECIDED}{id}" not in noted])},
        along=await ledger.settings(ALONG), asked=asked, goes_on={ref: tuple(ids) for ref, ids in goes_on.items()},
        decided={ref: frozenset(versions) for ref, versions in decided.items()},
        unnoted={ref: tuple(ids) for ref, ids in unnoted.items()},
        let_back=frozenset(undone(str(item.details.get("scope"))) for item in rollbacks),
    )


def _by_record(items: Iterable[QueueItem]) -> Mapping[tuple[Kind, Key], Sequence[QueueItem]]:
    """Give questions by the record they are about, under the key it has now."""
    found: defaultdict[tuple[Kind, Key], list[QueueItem]] = defaultdict(list)
    for item in items:
        found[item.kind, item.present_key].append(item)
    return found
