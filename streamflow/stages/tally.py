"""What one pass over a stream found, and what its mark keeps of that until the pass is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamflow.model import Key, Kind, Page
from streamflow.store.base import Mark, StageResult

CHANGED, RECENT = "changed", "recent"      # parts of a list: what changed, and the latest of it


def cut_short(mark: Mark | None, scan: str) -> Mark | None:
    """Give the mark of a stream if this very pass left it and did not come to its end: it goes on there. None: it begins anew."""
    return mark if mark is not None and mark.note.get("scan") == scan and not mark.note.get("complete") else None


@dataclass(slots=True)
class Tally:
    """What one pass over a stream found."""

    read: int = 0
    new: int = 0
    changed: int = 0
    missed: int = 0
    touched: list[Key] = field(default_factory=list)
    touched_of: dict[Kind, list[Key]] = field(default_factory=dict)      # the same, of other kinds that its pages brought
    unknown: Counter[str] = field(default_factory=Counter)
    unknown_of: dict[Kind, Counter[str]] = field(default_factory=dict)
    gaps: Counter[str] = field(default_factory=Counter)   # what could not be read, by its reason
    unread: list[Key] = field(default_factory=list)       # parents whose rows could not be read
    asked: int = 0                  # pages, or parents, that were read without a gap
    shown: int = 0                  # rows the source gave in the whole pass, before a restart too
    ended: bool = False             # it came to its end
    halted_after: Key | None = None     # no parent was answered: the pass was given up behind this one
    names_touched: bool = True      # False: what was touched is counted alone
    part: str = ""                  # of the list that was read: CHANGED or RECENT; "" for all of it
    holes: Counter[str] = field(default_factory=Counter)  # the same as *gaps*, by the walk through the list
    named: list[Key] = field(default_factory=list)        # the records that do not come, as far as they are known
    spared: dict[Kind, list[Key]] = field(default_factory=dict)   # known, not shown, and yet not absent
    accounted: bool = False         # of every known record that was not shown it is known why
    given_up: bool = False          # by a person: all that could not be read
    disbelieved: bool = False       # it showed nothing at all of a kind that there is much of

    @property
    def complete(self) -> bool:
        """Say whether the pass showed everything there is, but for what was given up and hides nothing that is not in *spared*."""
        return self.ended and not self.disbelieved and (not self.gaps or (self.given_up and self.accounted))

    @property
    def more_holes(self) -> int:
        """How many more records do not come than those in *named*; a record may be met once in each walk."""
        return max([*self.holes.values(), 0]) - len(self.named)

    def note(self, scan: str, *, ended: bool) -> dict[str, Any]:
        """Give what the mark keeps of the pass, so that it is known as a whole when it goes on after a restart."""
        holes = {"gaps": dict(self.gaps), "unread": list(self.unread), "holes": dict(self.holes)} if self.gaps else {}
        names = {kind: dict(seen) for kind, seen in self.unknown_of.items()}
        odd = {"unknown": dict(self.unknown), "unknown_of": names} if self.unknown or names else {}
        return {"scan": scan, "complete": ended, "shown": self.shown, **holes, **odd}

    def recall(self, mark: Mark | None, scan: str) -> None:
        """Take up what the mark kept of the part of this pass that was read before."""
        if (begun := cut_short(mark, scan)) is not None:
            self.gaps.update(begun.note.get("gaps", {}))
            self.unread += begun.note.get("unread", ())
            self.holes.update(begun.note.get("holes", {}))
            self.shown += begun.note.get("shown", 0)
            self._know(begun.note.get("unknown", {}), begun.note.get("unknown_of", {}))

    def add(self, page: Page, result: StageResult) -> None:
        self.read += len(page.records)
        self.new += result.new
        self.changed += result.changed
        for kind, key, _ in result.touched:
            if kind != page.kind:
                self.touched_of.setdefault(kind, []).append(key)
            elif self.names_touched:
                self.touched.append(key)

    def look(self, page: Page) -> None:
        """Take in what a page shows and what it could not show, before it is staged."""
        self.shown += len(page.records)
        self.gaps.update(page.gaps)
        self.holes[page.walk] += len(page.gaps)
        self.asked += not page.gaps
        self._know(page.unknown, page.unknown_of)

    def _know(self, unknown: Mapping[str, int], unknown_of: Mapping[Kind, Mapping[str, int]]) -> None:
        self.unknown.update(unknown)
        for kind, seen in unknown_of.items():
            self.unknown_of.setdefault(kind, Counter()).update(seen)

    def take(self, other: Tally) -> None:
        """Take in what a further read of the same stream found; it has come to its end where both have."""
        self.read += other.read
        self.new += other.new
        self.changed += other.changed
        self.missed += other.missed
        self.asked += other.asked
        self.shown += other.shown
        self.ended = self.ended and other.ended
        self.touched += other.touched
        self.gaps.update(other.gaps)
        self._know(other.unknown, other.unknown_of)
        for kind, keys in other.touched_of.items():
            self.touched_of.setdefault(kind, []).extend(keys)

    @property
    def is_quiet(self) -> bool:
        """Say whether the pass found nothing new."""
        return self.new == 0 and self.changed == 0
