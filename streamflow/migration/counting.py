"""
The source's own counts after the freeze, set against the ledger and against what the operator reads off the source's screens.

Rule 1: whole lists are counted once more by reading them again, past the ledger; rows that cost a call a parent are counted as the
source gave them in the last complete pass, before they were staged: asking for them again would double the freeze.
Rule 2: in freeze mode a difference blocks the switch until it is gone or a person lets it pass; while people go on writing it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass

from streamflow.clock import iso
from streamflow.compact import Numbers
from streamflow.ledger_names import SOURCE_COUNTS
from streamflow.migration.context import Migration
from streamflow.migration.reading import SourceReader
from streamflow.model import Kind, QueueItem
from streamflow.platforms.source import Stream
from streamflow.stages.questions import closed
from streamflow.store.change import Change, Enqueue, PutSetting

CAUSE = "counts_differ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One kind: what the source has, by three ways of looking."""

    kind: Kind
    source: int                  # counted now
    how: str                     # "list" | "by parent"
    ledger: int                  # read at any time
    gone: int                    # of these, what the last complete passes did not show any more
    expected: int | None = None  # what the operator reads off the source's own screens

    @property
    def holds(self) -> bool:
        """Say whether all ways give the same number."""
        return self.source == self.ledger - self.gone and self.expected in (None, self.source)

    def told(self) -> str:
        """Give the figures in a sentence."""
        screens = "" if self.expected is None else f", its own screens show {self.expected:,}"
        return f"the source holds {self.source:,} {self.kind} records{screens}; {self.ledger - self.gone:,} were read and are still there"


async def count_again(
    migration: Migration, reader: SourceReader, shown: Mapping[Kind, int], *, frozen_at: str, look_up: Callable[[], None]
) -> list[Counted]:  # fmt: skip
    """
    Count every stream and keep the result for the reconciliation; what does not hold is queued in freeze mode.

    Args:
        shown: Kind to the rows the source gave in the last complete pass, for kinds that are asked by parent.
        look_up: Called between pages; what it raises ends the count.
    """
    counted: list[Counted] = []
    streams = await reader.streams()
    listed = await _lists(migration, streams, look_up)
    for stream in streams:
        if not stream.sweepable:      # the source forgets its records: what it still shows is no measure
            continue
        if stream.parent is None:
            source = len(listed[stream.kind])
        elif stream.kind in shown:
            source = shown[stream.kind]
        else:
            continue
        ledger, gone = await migration.ledger.held(stream.kind)
        counted.append(Counted(
            kind=stream.kind, source=source, how="list" if stream.parent is None else "by parent", ledger=ledger, gone=gone,
            expected=migration.terms.expected_counts.get(stream.kind),
        ))
    rows = [{**asdict(each), "holds": each.holds} for each in counted]
    kept = {"at": iso(migration.clock.now()), "frozen_at": frozen_at, "rows": rows}
    asked = await _ask(migration, counted) if migration.terms.cutover_mode == "freeze" else []
    await migration.ledger.commit([PutSetting(name=SOURCE_COUNTS, value=kept), *asked])
    return counted


async def _lists(migration: Migration, streams: Sequence[Stream], look_up: Callable[[], None]) -> Mapping[Kind, Numbers]:
    """Count the keys of whole lists; one that is shown twice, since rows moved between pages or two lists have it, counts once."""
    keys = {stream.kind: Numbers() for stream in streams}
    for stream in streams:
        if stream.parent is not None or stream.via is not None:
            continue
        async with aclosing(migration.source.pages(stream.kind, None)) as pages:
            async for page in pages:
                for record in page.records:
                    if record.kind in keys:
                        keys[record.kind][record.key] = 1
                look_up()
    return keys


async def _ask(migration: Migration, counted: list[Counted]) -> list[Change]:
    """
    Queue what does not hold, by its figures: a person lets these figures pass and no others. What holds now is closed.

    The items stand against the switch, not against the start of an attempt: the next one counts again.
    """
    wrong = {f"counts:{each.kind}:{each.source}:{each.ledger - each.gone}:{each.expected}": each for each in counted if not each.holds}
    changes: list[Change] = [
        change for item in await migration.ledger.queue(cause=CAUSE) if item.id not in wrong
        for change in closed(item, "counted again")
    ]
    for name, each in wrong.items():
        changes.append(Enqueue(item=QueueItem(
            id=name, cause=CAUSE, kind=each.kind, key="", reason=each.told(), decisions=("waive",),
        )))
    return changes
