"""Every parser of foreign input, fed with what nobody would send on purpose; `make fuzz` feeds them for longer."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import mapping, nutshell, operator, pages, sources, tables, wire
from tests.fuzz.target import Target

TARGETS = (*wire.TARGETS, *sources.TARGETS, *mapping.TARGETS, *nutshell.TARGETS, *tables.TARGETS, *pages.TARGETS, *operator.TARGETS)
EXAMPLES = 12


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_parser_keeps_its_word_on_any_input(target: Target) -> None:
    """It answers within what it promises or refuses with an error of its own family, and is the same parser the next time."""

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def fed(data: st.DataObject) -> None:
        target.check(data.draw(target.feed))

    fed()
