"""What the runs of a table must have met for its zeros to tell anything: each fault of a profile, and people at work after the switch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from streamflow.sandbox.faults import RULE_NAMES
from streamflow.sandbox.leadperfection.switches import RULES as LEAD_PERFECTION_RULES
from streamflow.sandbox.nutshell.switches import RULES as NUTSHELL_RULES
from streamflow.sandbox.profiles import read_profile
from tests.flow.sides import SIDES
from tests.flow.survival import Survived, Trial

ENOUGH = 4
"""Runs in which whatever is to strike has struck once, and in which somebody came to work after the switch."""
NUTSHELL = "nutshell"
STRIKING = frozenset({*RULE_NAMES, *LEAD_PERFECTION_RULES, *NUTSHELL_RULES})
"""Switches that are rules, and strike now and then: the others of a profile hold all the time."""


@dataclass(slots=True)
class Met:
    """What the runs of a table that came to their end have met."""

    runs: Counter[tuple[str, str, str]] = field(default_factory=Counter)              # by profile, pair and platform that was asked
    struck: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)      # and fault
    peopled: int = 0            # runs in which people work in the destination after the switch
    late_edits: int = 0

    def add(self, trial: Trial, run: Survived) -> None:
        """Count a run; what is read from files meets no fault of its source."""
        for platform in (NUTSHELL, *((SIDES[trial.pair].platform,) if trial.reader == "api" else ())):
            self.runs[trial.faults, trial.pair, platform] += 1
        for (platform, fault), times in run.faults.items():
            self.struck[trial.faults, trial.pair, platform, fault] += times
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
            yield words if is_wrong else f"{words}; too few to tell"

    def _missing(self) -> Iterator[tuple[bool, str]]:
        """Yield whether it is wrong, and the words."""
        for (profile, pair, platform), runs in self.runs.items():
            never = sorted(each for each in provided(profile, platform) if not self.struck[profile, pair, platform, each])
            if never:
                yield runs >= ENOUGH, f"never struck under {profile}, {pair}, by {platform} ({runs} runs): {', '.join(never)}"
        if self.peopled and not self.late_edits:
            yield self.peopled >= ENOUGH, f"nobody worked in the destination after the switch ({self.peopled} runs)"


def provided(profile: str, platform: str) -> set[str]:
    """Give the faults that a profile has a platform strike with."""
    return {name for name, value in read_profile(profile)[platform].items() if name in STRIKING and value is not None}
