"""The JSON of a report, written piece by piece: a report with long rows is never held as one text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from streamflow.reports.rows import Rows

_OPTIONS: Final = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


def plain(value: Any) -> Any:
    """Give data as its JSON says it; rows stay as they are, since they are kept so."""
    if _holds_rows(value):
        return {str(name): plain(each) for name, each in value.items()} if isinstance(value, Mapping) else value
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str))


def pieces(value: Any, *, depth: int = 0) -> Iterator[str]:
    """Give *value* as JSON indented by two, in pieces of at most a row or a part without rows."""
    margin = "  " * (depth + 1)
    if isinstance(value, Rows):
        if not value:
            yield "[]"
            return
        for number, row in enumerate(value):
            yield f"{',' if number else '['}\n{margin}{_text(row, depth + 1)}"
        yield f"\n{margin[2:]}]"
    elif _holds_rows(value):
        for number, (name, each) in enumerate(value.items()):
            yield f"{',' if number else '{'}\n{margin}{orjson.dumps(str(name)).decode()}: "
            yield from pieces(each, depth=depth + 1)
        yield f"\n{margin[2:]}}}"
    else:
        yield _text(value, depth)


def _text(value: Any, depth: int) -> str:
    # Texts in JSON hold no line ends of their own, so every one is the layout's.
    return orjson.dumps(value, option=_OPTIONS, default=str).decode().replace("\n", "\n" + "  " * depth)


def _holds_rows(value: Any) -> bool:
    return isinstance(value, Rows) or (isinstance(value, Mapping) and any(map(_holds_rows, value.values())))
