"""
Records that do not say whose they are, asked about one by one, where the answer may be about another one.

Rule: an answer is believed where it names the record that was asked about, or where it comes again: one about another has an owner too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from streamflow.errors import NotObeyed
from streamflow.model import Key, Record
from streamflow.platforms.spec import OwnerCall, PlatformSpec, StreamSpec

Told: TypeAlias = tuple[Mapping[str, str], bool]     # the fields that name the owner, and whether the answer names the record


class Strays:
    """Asks by *read*, which gives what the platform tells of the owner of a record by its rule and key, and doubts it."""

    def __init__(self, spec: PlatformSpec, read: Callable[[StreamSpec, OwnerCall, Key], Awaitable[Told]]) -> None:
        self._spec = spec
        self._read = read

    async def owner_of(self, record: Record) -> Mapping[str, str] | None:
        """
        Give the fields that name the owner of a record, empty where it is nobody's.

        None where the platform cannot be asked, or the record has nothing to ask by. Raises NotObeyed where the answer is about another.
        """
        stream = self._spec.streams[record.kind]
        rule = stream.owner
        key = str(record.data.get(rule.field) or "") if rule is not None else ""
        if rule is None or not key:
            return None
        owner, is_sure = await self._read(stream, rule, key)
        if not is_sure and (await self._read(stream, rule, key))[0] != owner:
            raise NotObeyed(
                f"asked whose one record is, it answered about another, and did not say so again, so {rule.call.key_param} was not obeyed",
                platform=self._spec.platform, stream=stream.kind, hint="it is asked again with the next complete reading",
            )  # fmt: skip
        return owner
