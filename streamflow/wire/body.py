"""
Reading a body for what it claims to be, with limits on its depth and on what it takes in memory once it is read.

Rule: what it takes is reckoned from its bytes before it is parsed. Four megabytes of "{}," are a hundred when they are read, so a cap on
bytes alone bounds nothing; whoever is killed for its memory cannot say which answer it was.
"""

from __future__ import annotations

from typing import Any

import orjson

DEPTH_CAP = 64
PARSED_CAP_BYTES = 320 * 1024 * 1024
"""
What a body and all that is read from it may take, as it is reckoned: the service is allowed 512 MiB (`MemoryMax`).

Room for some twenty thousand rows of sixty short fields in one answer, as lists that come unpaged may have them (the largest page that is
asked for has 500), and for 64 MiB of long texts in any script.
"""
_EACH_BYTES = 96        # the most that one bracket, comma or colon was seen to stand for: a key of its own, its value, their table
_LEAST_BYTES = PARSED_CAP_BYTES // (_EACH_BYTES + 5)      # below that no body can take more


class Unfit(ValueError):
    """JSON that is not taken, whatever it says."""


class TooDeep(Unfit):
    """JSON nested beyond the cap."""


class TooMany(Unfit):
    """JSON of more values than there is memory for."""


def is_json_type(content_type: str) -> bool:
    """Say whether a media type promises JSON ("application/json", "text/json", "application/problem+json")."""
    media = content_type.partition(";")[0].strip().lower()
    return media.endswith(("/json", "+json"))


def parse_json(body: bytes, *, depth_cap: int = DEPTH_CAP) -> Any:
    """
    Parse *body*.

    Raises orjson.JSONDecodeError when it is no JSON (NaN and bad UTF-8 included), TooMany before it is parsed when it would take more than
    `PARSED_CAP_BYTES`, TooDeep when nested too far.
    """
    if len(body) > _LEAST_BYTES and parsed_bytes(body) > PARSED_CAP_BYTES:
        raise TooMany(f"more values than {PARSED_CAP_BYTES >> 20} MiB have room for")
    data = orjson.loads(body)
    if body.count(b"[") + body.count(b"{") <= depth_cap:
        return data   # too few brackets to be deep: the answers with one record, which are most of them
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(depth_cap):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return data
    raise TooDeep(f"nested deeper than {depth_cap}")


def parsed_bytes(body: bytes) -> int:
    """Give what a body and all that is read from it take in memory at the most, reckoned without parsing it."""
    marks = sum(body.count(mark) for mark in (b"{", b"[", b",", b":"))
    return len(body) * (1 + _width(body)) + marks * _EACH_BYTES


def _width(body: bytes) -> int:
    """Give the bytes that a character may take: one sign beyond the first 65,536 widens the whole text it stands in."""
    if any(lead in body for lead in (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4", b"\\ud", b"\\uD")):
        return 4
    return 1 if body.isascii() and b"\\u" not in body else 2
