"""What became of one run in a machine whose power was cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.flow import tally
from tests.flow.survival import Survived, Trial

NONE_ALLOWED = ("unfinished", "acked lost", *(name for name in tally.NONE_ALLOWED if name != "late up"))
"""What must be zero in every run; how long a machine takes to come up says nothing here, where it is emulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """
    One run, or why it came to no end; what the plug saw is there in any case.

    Args:
        phases: In which each cut struck.
        ways: How each of them treated what was not flushed.
        loose: How many sectors each of them could change.
        at_boot: How many struck while the machine was coming up again.
        lost: What had been said and was not there after a cut.
    """

    trial: Trial
    took_s: float
    run: Survived | None = None
    failure: str = ""
    phases: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    loose: tuple[int, ...] = ()
    at_boot: int = 0
    lost: tuple[str, ...] = ()

    @property
    def figures(self) -> Counter[str]:
        """Give what is counted of it, by the name that it has in the table."""
        counted = Counter({"runs": 1, "cuts": len(self.ways), "at boot": self.at_boot, "acked lost": len(self.lost)})
        return counted + (tally.figures(self.run) if self.run is not None else Counter(unfinished=1))

    @property
    def is_right(self) -> bool:
        """Say whether it ended, and with every promise kept."""
        return not any(self.figures[name] for name in NONE_ALLOWED)
