"""
Lists of a record that was there before us: which of their items are ours.

Rule 1: an item that was there before us is theirs, also where the source names it too: it stays when the source drops it.
Rule 2: an item that people took out stays out, whoever had put it there.
"""

from __future__ import annotations

from typing import Any

from streamflow.mapping.changes import unranked
from streamflow.model import Fields, Kind, Link
from streamflow.stages.kept import expected, known
from streamflow.stages.planning import SAME, Compare


def has(compare: Compare, kind: Kind, name: str, items: Any, item: Any) -> bool:
    """Say whether a list holds an item, first or not."""
    plain = unranked(item)
    return any(unranked(each) == plain for each in listed(items)) or (bool(items) and compare(kind, name, [plain], items) in SAME)


def brought(compare: Compare, kind: Kind, name: str, items: Any, there: Any) -> list[Any]:
    """Give those items that are not *there*."""
    return [item for item in listed(items) if not has(compare, kind, name, there, item)]


def agreed(compare: Compare, link: Link, name: str, now: Fields) -> list[Any]:
    """
    Give what a list is compared with when the source changes it: what goes if the source drops it, and what does not come again.

    Of a record of an earlier run that is all we said of it. Else it is what we brought, and what was there before us and people took out.
    """
    said = listed(known(link.base).get(name))
    if link.is_adopted:
        return said
    theirs = there_before(compare, link, name, now)
    kind, here = link.dest_kind, now.get(name)
    candidates = [*said, *brought(compare, kind, name, theirs, said)]
    return [item for item in candidates if not (has(compare, kind, name, theirs, item) and has(compare, kind, name, here, item))]


def there_before(compare: Compare, link: Link, name: str, now: Fields) -> list[Any]:
    """Give what a list held before us: as its image tells, and where we never wrote to it what it holds *now* and did not come with us."""
    if name in (link.before or {}):
        return listed((link.before or {})[name])
    return brought(compare, link.dest_kind, name, now.get(name), expected(link.base).get(name))


def given_back(compare: Compare, link: Link, name: str, now: Fields, meant: Any) -> list[Any]:
    """
    Give what a rollback leaves of a list: what is there *now* without what we brought, and what we may have (*meant*, never confirmed).

    What people took out stays out. Only of a record of an earlier run, the source of which may have dropped what was there when this run
    began, that comes back.
    """
    kind, here, said = link.dest_kind, listed(now.get(name)), listed(known(link.base).get(name))
    theirs = there_before(compare, link, name, now)
    ours = brought(compare, kind, name, [*said, *listed(meant)], theirs)
    left = brought(compare, kind, name, here, ours)
    if link.is_adopted:
        left += [item for item in brought(compare, kind, name, theirs, here) if not has(compare, kind, name, said, item)]
    return left


def listed(value: Any) -> list[Any]:
    """Give a value as a list; what is blank has no items."""
    if value in (None, "", {}, ()):
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
