"""A seeded few of the hostile answers at each door; `make storm` goes through every one."""

from __future__ import annotations

import random

import pytest

from streamflow.sandbox.corpus.catalogue import DRAWN
from tests.corpus.places import PLACES
from tests.corpus.striking import WRITES, Strike, all_broken, believed, strikes_at
from tests.hanging import HUNG_S

SEED = 20_261_122
EACH = 10
ALWAYS = {"row_null", "id_other", "rows_empty", "never_empty", "redirect_elsewhere", "next_elsewhere"}
"""What was once believed, or would lead elsewhere."""
UNASKED = {"second_later"}
"""Was once taken for the confirmation of the next write; a reading waits its time out for it."""


@pytest.mark.parametrize("place", PLACES)
async def test_a_hostile_answer_breaks_no_promise(place: str) -> None:
    """Nothing is let through, believed, confirmed or called that should not be, in time, and the next answer is taken as it is."""
    dice = random.Random(f"{SEED} {place}")
    told = ALWAYS | (UNASKED if place in WRITES else set())
    drawn = dice.sample(sorted(DRAWN.keys() - ALWAYS - UNASKED), EACH)
    strikes = [strike for strike in strikes_at(place, [*sorted(told), *drawn]) if strike.form in told or dice.random() < 0.5]
    assert [f"{strike}: {wrong}" async for strike, wrong in all_broken(place, strikes, limit_s=HUNG_S)] == []


async def test_what_a_source_says_consistently_is_believed() -> None:
    """The limit of all this, and the proof that a belief is seen: other ids, or none at all, that come each time are the source's word."""
    strikes = [Strike(form=form, is_lasting=True) for form in ("id_other", "array_empty")]
    assert all(believed("leadtrekker list", strike) for strike in strikes)
    found = [wrong async for _, wrong in all_broken("leadtrekker list", strikes, limit_s=HUNG_S)]
    assert len(found) == len(strikes)
    assert all(wrong.startswith("believed") for wrong in found)
