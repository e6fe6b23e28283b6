"""Rows of a report: as many as there are, told as one list, with few of them in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from streamflow.reports.document import pieces, plain
from streamflow.reports.reconciliation import reconciliation
from streamflow.reports.rows import HELD, Rows
from streamflow.reports.writer import ReportWriter
from streamflow.store.base import Ledger
from streamflow.store.change import Enqueue
from streamflow.store.sqlite import SqliteLedger
from tests.bounded import peak_of
from tests.mapping.builders import PAIR

from .account import StillClock, item, lead, stage


def test_rows_are_one_list() -> None:
    """Beyond what is held, rows are still there by place, in order, as often as they are asked for, and as their JSON says them."""
    given = [{"n": n, "text": f"line\n{n}", **({"late": None} if n == HELD + 7 else {})} for n in range(HELD + 1200)]
    rows = Rows(given)
    rows.append({1: Path("a")})
    assert list(rows) == list(rows) == [*given, {"1": "a"}]
    assert (len(rows), rows[0], rows[-1], rows[HELD + 3]) == (HELD + 1201, given[0], {"1": "a"}, given[HELD + 3])
    assert (rows[:3], rows[HELD : HELD + 2], rows[::-1][0]) == (given[:3], given[HELD : HELD + 2], {"1": "a"})
    assert rows.columns == ["n", "text", "late", "1"]
    assert rows == [*given, {"1": "a"}]
    assert rows != given
    with pytest.raises(IndexError):
        rows[len(rows)]


@pytest.mark.parametrize("count", [0, 1, HELD + 3])
def test_json_is_the_same_as_of_a_list(count: int) -> None:
    """A report with rows is, byte for byte, what it would be with a list in their place, however deep they stand."""
    given = [{"n": n, "deep": {"a": [1, "two\n"]}, "none": []} for n in range(count)]

    def data(rows: Any) -> dict[str, Any]:
        return {"first": 1, "rows": rows, "more": {"inner": {"rows": rows}, "empty": {}, "list": [1, {"x": 2}]}, "text": "é\n"}

    whole = orjson.dumps(data(given), option=orjson.OPT_INDENT_2).decode()
    assert "".join(pieces(plain(data(Rows(given))))) == whole


@pytest.fixture
async def large(tmp_path: Path, clock: StillClock) -> AsyncIterator[Callable[[int], Awaitable[Ledger]]]:
    """A ledger whose queue and leads are filled up to a number."""
    async with SqliteLedger.open(tmp_path / "large", clock=clock) as ledger:
        done = 0

        async def upto(count: int) -> Ledger:
            nonlocal done
            for start in range(done, count, 500):
                numbers = range(start, min(start + 500, count))
                await stage(ledger, *(lead(str(n), f"Person {n}", company=f"Firm {n:06}") for n in numbers))
                await ledger.commit([Enqueue(item=item(f"bad_phone:{n}", "bad_phone", "lead", str(n))) for n in numbers])
            done = count
            return ledger

        yield upto


async def test_a_report_of_three_times_the_rows_takes_the_same_memory(
    large: Callable[[int], Awaitable[Ledger]], writer: ReportWriter
) -> None:
    """A queue of 3,000 items is drawn and written with little more memory than one of 1,000."""

    ledger = await large(1000)

    async def write() -> None:
        writer("reconciliation", await reconciliation(ledger, PAIR))

    await write()   # what is made once and kept (templates) does not count
    small = await peak_of(write)
    await large(3000)
    assert await peak_of(write) < 1.3 * small
