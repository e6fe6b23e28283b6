"""Reading a body for what it claims to be, with limits on its size and depth."""

from __future__ import annotations

from typing import Any

import orjson

DEPTH_CAP = 64


class TooDeep(ValueError):
    """JSON nested beyond the cap."""


def is_json_type(content_type: str) -> bool:
    """Say whether a media type promises JSON ("application/json", "text/json", "application/problem+json")."""
    media = content_type.partition(";")[0].strip().lower()
    return media.endswith(("/json", "+json"))


def parse_json(body: bytes, *, depth_cap: int = DEPTH_CAP) -> Any:
    """Parse *body*. Raises orjson.JSONDecodeError when it is no JSON (NaN and bad UTF-8 included), TooDeep when nested too far."""
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
