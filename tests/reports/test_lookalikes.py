"""Who of the destination's own stands beside one of ours, as far as nobody was asked about it."""

from __future__ import annotations

import pytest

from streamflow.clock import SystemClock
from streamflow.model import Link, QueueItem, Ref
from streamflow.reports.lookalikes import lookalikes
from streamflow.store.change import Enqueue, PutLink, PutLookup
from streamflow.store.memory import MemoryLedger


@pytest.mark.parametrize(("asked", "named"), [(None, 1), ("7", 0), ("~1", 0)])
async def test_who_was_asked_about_is_in_the_queue_and_not_named_again(asked: str | None, named: int) -> None:
    """Also where the question is older than the key by which the record goes now."""
    ledger = MemoryLedger(clock=SystemClock())
    emails = [{"value": "ann@x.test"}]
    await ledger.commit([
        PutLink(link=Link(
            ref=Ref("lead", "7"), dest_kind="contacts", dest_id="1-contacts", base={"name": "Ann Nel", "emails": emails}, ours=True,
        )),
        PutLookup(
            side="dest", kind="contacts", id="2-contacts", values={"email": ("ann@x.test",)},
            info={"name": "Ann Nel", "emails": ["ann@x.test"], "phones": []},
        ),
    ])
    if asked is not None:
        await ledger.commit([Enqueue(item=QueueItem(
            id=f"identity:lead:{asked}", cause="several_candidates", kind="lead", key=asked, reason="?", decisions=("separate",),
            details={"now": "7"} if asked != "7" else {},
        ))])
    assert len(list(await lookalikes(ledger))) == named
