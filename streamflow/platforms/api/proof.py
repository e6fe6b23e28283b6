"""
What the number that asks for a page counts: pages or rows. Told by five small reads, since a platform may not say (lead-perfection.md 1.6).

With the wrong reading every second page is empty or skipped without a word, so a list is not read on before this is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streamflow.errors import ProtocolMismatch
from streamflow.platforms.spec import Paging


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """The five reads, of a list that stands still: rows in the order they came, compared whole."""

    first: Sequence[Any]       # the first number, a whole page
    second: Sequence[Any]      # the second number, a whole page
    far: Sequence[Any]         # the number one page of rows further, a whole page
    last: Sequence[Any]        # one row: the last of the first page, however numbers are meant
    beyond: Sequence[Any]      # one row: the one after it, likewise


def probes(paging: Paging) -> dict[str, dict[str, str]]:
    """Give the parameters of each read, by its name in `Probes`."""
    at = {"first": (0, paging.size), "second": (1, paging.size), "far": (paging.size, paging.size), "last": (paging.size - 1, 1),
          "beyond": (paging.size, 1)}  # fmt: skip
    return {
        name: {paging.page_param: str(paging.first + skipped), paging.size_param: str(size)} for name, (skipped, size) in at.items()
    }


def verdict(found: Probes, *, size: int) -> str:
    """
    Give "page", "row", or "" where no row stands behind the first page, so that nothing can be told and nothing has to be.

    Raises ProtocolMismatch when what came fits neither.
    """
    if len(found.first) < size or not found.beyond:
        return ""
    if size == 1:
        return "page"      # then the two are the same
    first, second, beyond = list(found.first), list(found.second), found.beyond[0]
    is_still = list(found.last) == first[-1:] and len(found.beyond) == 1 and beyond not in first
    by_page = second[:1] == [beyond] and not any(row in first for row in second) and beyond not in found.far
    by_row = second == [*first[1:], beyond] and list(found.far[:1]) == [beyond]
    if not is_still or by_page == by_row:
        raise ProtocolMismatch(
            "the number of a page counts neither pages nor rows: what came next fits neither", hint="ask the vendor how lists are paged"
        )
    return "page" if by_page else "row"
