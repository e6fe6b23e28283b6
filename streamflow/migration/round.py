"""What one round of reading over all streams found."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamflow.model import Kind
from streamflow.stages.tally import Tally


@dataclass(slots=True)
class Reading:
    """The tallies of one round over all streams."""

    tallies: dict[Kind, Tally] = field(default_factory=dict)
    scans: dict[Kind, str] = field(default_factory=dict)   # names of the complete passes, for what they did not show
    is_postponed: bool = False                             # children of moved parents are known and were not asked yet
    is_resumed: bool = False                               # a part was read before a restart, and what it found is not told here
    listed: set[Kind] = field(default_factory=set)         # kinds whose whole list was read, so that what is gone is known
    given_up: set[Kind] = field(default_factory=set)       # kinds of which a person gave up what could not be read
    stopped: set[Kind] = field(default_factory=set)        # kinds that were not read, or not to their end, for what their endpoint does

    @property
    def is_quiet(self) -> bool:
        """Say whether the whole round is known to have found nothing new."""
        is_whole = not self.is_resumed and not self.is_postponed and not self.stopped
        return is_whole and all(tally.is_quiet for tally in self.tallies.values())

    @property
    def is_complete(self) -> bool:
        """Say whether everything was shown, but for what a person gave up."""
        return not self.stopped and all(tally.complete or kind in self.given_up for kind, tally in self.tallies.items())

    @property
    def changes(self) -> int:
        return sum(tally.new + tally.changed for tally in self.tallies.values())
