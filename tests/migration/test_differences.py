"""What the sample shows of a field: where it comes from, what was expected, what was read back."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from streamflow.migration.context import Migration
from streamflow.migration.differences import sample_report
from streamflow.model import FieldCheck, Link, Ref, Verdict
from streamflow.store.change import MarkVerified, Missed, PutLink
from streamflow.store.memory import MemoryLedger
from tests.mapping.lead_perfection import account as lp
from tests.reports.account import StillClock, stage

FIELD = "custom:Lead Source"
REF = Ref("prospect", "3")


async def test_the_sample_shows_what_the_map_was_told() -> None:
    """An enquiry that the source shows no more is not named as what a person's source was made of, since the map does not hear it."""
    ledger = MemoryLedger(clock=StillClock())
    old, new = (
        replace(lp.lead(key, cst_id="3", source=source, sourcesubdescr="Expo", dateentered=entered), parent="3", digest=key)
        for key, source, entered in (("8", "Show", "2026-01-01 10:00:00"), ("9", "Radio", "2026-02-01 10:00:00"))
    )
    await stage(ledger, replace(lp.prospect("3"), digest="3"), old, new)
    link = Link(ref=REF, dest_kind="contacts", dest_id="3-contacts", base={FIELD: "Show | Expo"}, ours=True, phase="sample", written_at="")
    for _ in range(2):
        await ledger.commit([PutLink(link=link), Missed(kind="lead", keys=("9",))])
    value = "Show | Expo"
    check = FieldCheck(
        ref=REF, dest_kind="contacts", dest_id="3-contacts", field=FIELD, verdict=Verdict.EQUAL, expected=value, actual=value,
    )
    migration = cast(Migration, SimpleNamespace(ledger=ledger, pair=lp.PAIR, terms=SimpleNamespace(seed=7)))
    report = await sample_report(
        migration, lp.document(), {"prospect": ["3"]}, {REF: MarkVerified(ref=REF, verified="verified", checks=(check,))}
    )
    [row] = report["rows"]
    assert "Show" in row["source"]
    assert "Radio" not in row["source"]
