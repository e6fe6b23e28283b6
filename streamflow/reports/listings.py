"""Records of kinds that the destination has nothing like, listed whole: to be read, and entered again where they are needed."""

from __future__ import annotations

from typing import Any

from streamflow.mapping.catalogue import DOCUMENTS
from streamflow.mapping.pair import Pair
from streamflow.mapping.values import as_text
from streamflow.model import Kind
from streamflow.reports.rows import Rows
from streamflow.store.base import Ledger


def listed(pair: Pair) -> tuple[Kind, ...]:
    """Give the kinds that become documents."""
    return tuple(one.source for one in pair.objects if one.destination == DOCUMENTS)


async def listing(ledger: Ledger, pair: Pair, kind: Kind) -> dict[str, Any]:
    """Give every record of a kind with all its fields, and what people do with it."""
    one = pair.object(kind)
    rows = Rows()
    async for page in ledger.every(kind):
        rows.extend(
            {name: as_text(value) for name, value in staged.record.data.items() if not name.startswith("_")} for staged in page
        )
    by_hand = one.schema if one is not None and one.schema != "none" else "nothing"
    return {"records": len(rows), "what": one.transform if one else "", "by_hand": by_hand, "rows": rows}
