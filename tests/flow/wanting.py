"""
What the runs of a table must have met for its zeros to tell anything: each fault of a profile, people at work after the switch, and kills
in each part of a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.flow.strikes import by_place
from tests.flow.survival import Survived, Trial

ENOUGH = 4
"""Runs in which whatever is to strike has struck, and in which somebody came to work after the switch."""
KILLS = 200
"""Random kills, of which each part of a run gets some."""
SURE = 7.0
"""Strokes to be expected of a fault, with which it is once in a thousand tables that there is none."""


@dataclass(slots=True)
class Met:
    """What the runs of a table that came to their end have met."""

    runs: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)     # by profile, pair, platform and fault
    struck: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    likely: dict[tuple[str, str, str, str], float] = field(default_factory=dict)
    peopled: int = 0            # runs in which people work in the destination after the switch
    late_edits: int = 0
    phases: Counter[str] = field(default_factory=Counter)      # random kills in each

    def add(self, trial: Trial, run: Survived) -> None:
        """Count a run."""
        for (platform, fault), stroke in run.strokes.items():
            name = (trial.faults, trial.pair, platform, fault)
            self.runs[name] += 1
            self.struck[name] += stroke.times
            self.likely[name] = self.likely.get(name, 0.0) + stroke.likely
        self.phases.update(run.phases)
        if trial.life and not (trial.undone or trial.parts):
            self.peopled += 1
            self.late_edits += run.late_edits

    @property
    def is_wanting(self) -> bool:
        """Say whether something is missing that so many runs must have met."""
        return any(is_wrong for is_wrong, _ in self._missing())

    def words(self) -> Iterator[str]:
        """Tell what is missing, a line each."""
        for is_wrong, words in self._missing():
            yield f"WRONG: {words}" if is_wrong else f"{words}; too few to tell"

    def _missing(self) -> Iterator[tuple[bool, str]]:
        """Yield whether it is wrong, and the words."""
        for name, runs in self.runs.items():
            if not self.struck[name]:
                profile, pair, platform, fault = name
                words = f"{fault} of {profile} never struck at {platform} of {pair} in {runs} runs"
                yield runs >= ENOUGH and self.likely[name] >= SURE, f"{words}, {self.likely[name]:.1f} expected"
        if self.peopled and not self.late_edits:
            yield self.peopled >= ENOUGH, f"nobody worked in the destination after the switch in {self.peopled} runs"
        kills = by_place(self.phases)
        if (of_all := sum(kills.values())) >= KILLS:
            yield from ((True, f"none of {of_all} random kills struck in {place}") for place, there in kills.items() if not there)
