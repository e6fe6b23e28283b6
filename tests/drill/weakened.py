"""Rules that the drill must miss when they are taken away, each put out of force from here; the product has no switch for any of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from streamflow.migration import work
from streamflow.platforms.destination import Capabilities
from streamflow.stages.doubt import QuietTime
from tests.drill.world import Arm
from tests.simulate.planted import PLANTED, Plant


def _default_for_bound() -> AbstractContextManager[Any]:
    real = work.quiet_time

    def quiet_time(flags: Capabilities, *, is_lag_known: bool) -> QuietTime:
        return real(flags, is_lag_known=True)

    return patch.object(work, "quiet_time", quiet_time)


WEAKENED: Mapping[str, tuple[Plant, Arm]] = {
    "a blind retry": (PLANTED["a create whose answer was lost is sent again"].plant, "within"),
    "no quiet time": (PLANTED["no quiet time before a record is made again"].plant, "within"),
    "a quiet time without the lag": (PLANTED["a quiet time that leaves out the lag of the search"].plant, "within"),
    "a lag that nobody measured": (_default_for_bound, "beyond"),
}
"""By name: what puts the rule out of force, and the arm in which it counts."""
