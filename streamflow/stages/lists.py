"""
Lists of a record: which of their items are ours.

Rule 1: an item that was there before us, or that people put there before the source came to name it, is theirs: it stays when the source
drops it.
Rule 2: an item that people took out stays out, whoever had put it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamflow.mapping.items import Same, lacking, listed, shared
from streamflow.model import Fields, Link
from streamflow.stages.kept import expected, known, put_there


def agreed(same: Same, link: Link, name: str, now: Fields) -> list[Any]:
    """
    Give what a list is compared with when the source changes it: what goes if the source drops it, and what does not come again.

    It is what we brought, and what is theirs and people took out. Of a record of an earlier run it is all we said of it but for what
    people had put there first.
    """
    said = listed(known(link.base).get(name))
    theirs = listed(put_there(link.base).get(name)) if link.is_adopted else there_before(same, link, name, now)
    return lacking(name, [*said, *lacking(name, theirs, said, same)], shared(name, theirs, now.get(name), same), same)


def there_before(same: Same, link: Link, name: str, now: Fields) -> list[Any]:
    """
    Give what a list held before us, or before the source named it.

    The image of it tells, and where we never wrote to a list of a record of theirs, it is what that holds *now* and did not come with us.
    """
    put = listed(put_there(link.base).get(name))
    if name in (link.before or {}):
        image = listed((link.before or {})[name])
        return [*image, *lacking(name, put, image, same)]
    return lacking(name, now.get(name), expected(link.base).get(name), same) if link.is_matched else put


def put_first(same: Same, link: Link, name: str, wanted: Any, now: Fields, sent: Sequence[Any]) -> list[Any]:
    """
    Give those items of what the source says of a list that people had put there before it came to say them.

    What was there before us is told by its image, or by its being there. What a write of ours that nobody confirmed may have put there
    (*sent*, lists) is not theirs. Of a record of an earlier run that was never compared, nobody can tell.
    """
    before = link.before or {}
    if (link.is_adopted and name not in known(link.base)) or not (link.ours or name in before):
        return []
    told = [*agreed(same, link, name, now), *listed(before.get(name)), *(item for each in sent for item in listed(each))]
    new = shared(name, lacking(name, wanted, told, same), now.get(name), same)
    former = shared(name, wanted, put_there(link.base).get(name), same)
    return [*former, *lacking(name, new, former, same)]


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
