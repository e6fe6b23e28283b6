"""The verdict on what the number of a page counts, from five reads of lists of any length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.api.proof import Probes, probes, verdict
from streamflow.platforms.spec import Paging


def reads(style: str, rows: int, size: int, *, first: int = 1) -> Probes:
    """Read a list of numbered rows as a server does that pages in *style*."""
    everything = [{"cst_id": str(n)} for n in range(rows)]

    def page(params: dict[str, str]) -> list[dict[str, str]]:
        index, many = int(params["StartIndex"]) - first, int(params["PageSize"])
        start = index if style == "row" else index * many
        return everything[start : start + many]

    paging = Paging(style="page", page_param="StartIndex", size_param="PageSize", size=size, first=first, prove=True)
    return Probes(**{name: page(params) for name, params in probes(paging).items()})


@given(style=st.sampled_from(["page", "row"]), rows=st.integers(0, 90), size=st.integers(1, 8), first=st.integers(0, 1))
def test_lists_of_every_length_are_told(style: str, rows: int, size: int, first: int) -> None:
    """A list longer than a page tells its style; one that is not needs none; pages of one row are the same either way."""
    expected = "" if rows <= size else "page" if size == 1 else style
    assert verdict(reads(style, rows, size, first=first), size=size) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"second": []}, {"second": [{"cst_id": "9"}] * 3}, {"last": []}, {"last": [{"cst_id": "0"}]},
        {"beyond": [{"cst_id": "0"}]}, {"beyond": [{"cst_id": "3"}, {"cst_id": "4"}]}, {"far": [{"cst_id": "3"}]},
    ],
    ids=["second-empty", "second-odd", "no-last", "last-moved", "beyond-seen", "size-ignored", "far-too"],
)
def test_what_fits_neither_is_an_error(change: dict[str, object]) -> None:
    """Empty answers, rows out of place and a size that is not obeyed prove nothing, so the list is not read on."""
    good = reads("page", 40, 3)
    parts = {name: getattr(good, name) for name in ("first", "second", "far", "last", "beyond")}
    with pytest.raises(ProtocolMismatch, match="neither"):
        verdict(Probes(**{**parts, **change}), size=3)
