"""Mutants that change nothing which anybody could see, each with the reason; they are not tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Name: TypeAlias = tuple[str, str, str]
"""Path of the module, full name of the function, and the change in words as they are printed."""

_WAVE = "a wave has an outcome, or None, for each write"
_WORD = "of a field that both sides changed and that is left nothing but this is asked: whether it was taken"

EQUAL: Mapping[Name, str] = {
    ("streamflow/migration/freshness.py", "Moves.kept", "`''` is `'something'`"): "where no time was seen none is kept, whatever the edge",
    ("streamflow/migration/freshness.py", "Moves.look", "`2` is `3`"): "a little more room before what left the overlap is dropped",
    ("streamflow/stages/conflicts.py", "outdated", "`'keep'` is `''`"): _WORD,
    ("streamflow/stages/progress.py", "perhaps_their_own", "`True` is `False`"): _WAVE,
    ("streamflow/stages/progress.py", "perhaps_their_own", "`strict=True` is not given"): _WAVE,
    ("streamflow/stages/stale.py", "remove_stale", "`if write.dest_id is not None` is left out"): "a removal names its record; for mypy",
    ("streamflow/stages/updating.py", "_leave_theirs", "`'keep'` is `''`"): _WORD,
    ("streamflow/stages/updating.py", "_leave_theirs", "what follows `if not theirs` is never done"): "none is added, and none taken away",
    ("streamflow/stages/updating.py", "_leave_unknown", "`'keep'` is `''`"): _WORD,
    ("streamflow/stages/updating.py", "_leave_whole", "`'keep'` is `''`"): _WORD,
    ("streamflow/stages/updating.py", "left_out", "`''` is `'something'`"): "no relation of any kind of record is called either",
}
