"""A disk that breaks in every phase of a run: the daemon ends and says so each time, and once the disk is well the run comes to its end."""

from __future__ import annotations

import random
from contextlib import ExitStack

import pytest

from tests.flow.box import Box
from tests.flow.harness import assert_right
from tests.flow.sides import LEAD_PERFECTION, LEADTREKKER
from tests.flow.stopping import Stops
from tests.flow.survival import Survived, Trial, survive
from tests.flow_bad.rig import Place
from tests.storm.breaking import WAYS
from tests.storm.mender import Mender
from tests.storm.mounted import on_a_disk, small

EACH = (
    "before:sample/intent create", "after:sample/send POST contacts", "after:backfill/send POST contacts",
    "before:backfill/settle confirmed", "after:tail/stage", "before:tail/intent update", "before:cutover/step drain",
    "after:cutover/step verify", "before:cutover/switch", "before:phase watch", "before:watch/mark",
)  # fmt: skip
"""
Before and after what a run does: first writes, writes that are in doubt then, the way from the freeze to the switch,
and behind it. Not before and after one transaction: of one whose sync failed nobody can tell whether it is there, and it may be.
"""
KEPT = ("before:watch/setting closed_at", "before:phase done")
UNDONE = (
    "before:phase rollback", "before:rollback/intent delete", "after:rollback/send DELETE notes/{id}",
    "before:rollback/audit rollback.done",
)  # fmt: skip
FILES = ("before:backfill/report", "before:cutover/report")
"""Where files are written beside the ledger."""
FILES_KEPT = ("before:watch/report", "after:phase done")
FILES_UNDONE = ("before:rollback/report", "after:phase rolled_back")
LIMIT_S = 400.0
LIFE = 0.5


def live(name: str, trial: Trial) -> tuple[Survived, Mender]:
    """Go through a run on a disk that breaks in this way at the points of the trial."""
    way, hands = WAYS[name], []

    with ExitStack() as disks:
        def handed(trial: Trial, box: Box, dice: random.Random, _: list[str]) -> Mender:
            disk = disks.enter_context((on_a_disk if way.on_ext4 else small)(Place(dir=box.dir)))
            assert trial.stops is not None
            hands.append(Mender(box, dice, stops=trial.stops, name=name, way=way, disk=disk))
            return hands[0]

        return survive(trial, handed=handed), hands[0]


@pytest.mark.timeout(LIMIT_S + 100)
@pytest.mark.parametrize(
    ("name", "pair", "reader", "is_undone"),
    [
        ("read-only", LEADTREKKER.pair, "api", True), ("lost", LEAD_PERFECTION.pair, "api", False),
        ("no-room", LEADTREKKER.pair, "api", False), ("sync", LEAD_PERFECTION.pair, "api", True), ("torn", LEADTREKKER.pair, "api", True),
        ("full", LEADTREKKER.pair, "api", True), ("closed", LEAD_PERFECTION.pair, "files", False),
    ],
)  # fmt: skip
def test_a_disk_that_breaks_in_every_phase(name: str, pair: str, reader: str, is_undone: bool) -> None:
    """Each time the run ends with 75 and one clear message; with the disk well again it ends as if nothing had been, kept or undone."""
    prompt, later = EACH + (UNDONE if is_undone else KEPT), FILES + (FILES_UNDONE if is_undone else FILES_KEPT)
    points = prompt if WAYS[name].is_prompt else later
    life = LIFE if reader == "api" else 0.0
    trial = Trial(seed=61, stops=Stops(only=points), pair=pair, reader=reader, undone=is_undone, records=40, life=life, limit_s=LIMIT_S)
    survived, hands = live(name, trial)
    assert survived.points == dict.fromkeys(points, 1)
    assert len(hands.ends) == len(points)
    assert survived.doubts["open"] == 0
    assert not WAYS[name].is_prompt or survived.doubts["adopted"] + survived.doubts["resent"] > 0, "no write was in doubt"
    assert_right(list(survived.findings))
    assert survived.leaks == ()
