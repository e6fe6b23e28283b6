"""
Lists of a record that was there before us: which of their items are ours.

Rule 1: an item that was there before us is theirs, also where the source names it too: it stays when the source drops it.
Rule 2: an item that people took out stays out, whoever had put it there.
"""

from __future__ import annotations

from typing import Any

from streamflow.mapping.items import Same, lacking, listed, shared
from streamflow.model import Fields, Link
from streamflow.stages.kept import expected, known


def agreed(same: Same, link: Link, name: str, now: Fields) -> list[Any]:
    """
    Give what a list is compared with when the source changes it: what goes if the source drops it, and what does not come again.

    Of a record of an earlier run that is all we said of it. Else it is what we brought, and what was there before us and people took out.
    """
    said = listed(known(link.base).get(name))
    if link.is_adopted:
        return said
    theirs = there_before(same, link, name, now)
    return lacking(name, [*said, *lacking(name, theirs, said, same)], shared(name, theirs, now.get(name), same), same)


def there_before(same: Same, link: Link, name: str, now: Fields) -> list[Any]:
    """Give what a list held before us: as its image tells, and where we never wrote to it what it holds *now* and did not come with us."""
    if name in (link.before or {}):
        return listed((link.before or {})[name])
    return lacking(name, now.get(name), expected(link.base).get(name), same)


def given_back(same: Same, link: Link, name: str, now: Fields, meant: Any) -> list[Any]:
    """
    Give what a rollback leaves of a list: what is there *now* without what we brought, and what we may have (*meant*, never confirmed).

    What people took out stays out. Only of a record of an earlier run, the source of which may have dropped what was there when this run
    began, that comes back.
    """
    here, said = listed(now.get(name)), listed(known(link.base).get(name))
    theirs = there_before(same, link, name, now)
    further = lacking(name, here, theirs, same)
    left = lacking(name, here, shared(name, further, [*said, *lacking(name, meant, said, same)], same), same)
    if link.is_adopted:
        left += lacking(name, lacking(name, theirs, here, same), said, same)
    return left
