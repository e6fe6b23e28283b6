"""How a list is asked on, page by page, and where a reading stands. Pure."""

from __future__ import annotations

from streamflow.errors import ProtocolMismatch
from streamflow.model import Key
from streamflow.platforms.spec import Call, StreamSpec, Window


def page_params(stream: StreamSpec, number: int) -> dict[str, str]:
    """Give the parameters that ask for page (or offset) *number*; by rows, page *number* is asked for by its first row."""
    paging = stream.paging
    if paging.style == "none":
        return {}
    index = paging.first + (number - paging.first) * paging.size if paging.style == "row" else number
    params = {paging.page_param: str(index)}
    return params | {paging.size_param: str(paging.size)} if paging.size_param else params


def row_params(stream: StreamSpec, skipped: int) -> dict[str, str]:
    """Give the parameters that ask for the one row after so many; with pages of one row, pages and rows are numbered alike."""
    return {stream.paging.page_param: str(first_number(stream) + skipped), stream.paging.size_param: "1"}


def is_last(stream: StreamSpec, rows: int, *, cap: int | None = None) -> bool:
    """
    Say whether a page of so many rows ends its list.

    *cap* is the most rows the server was seen to give where more were asked for: as many as that never count as a short page.
    """
    paging = stream.paging
    if paging.style == "none" or rows == 0:
        return True
    return paging.stop == "short" and rows < min(paging.short_below, paging.size, cap or paging.size)


def following(stream: StreamSpec, number: int, rows: int) -> int:
    """Give the number of the next page, or the next offset."""
    return number + (rows if stream.paging.style == "offset" else 1)


def since_params(window: Window, since: str) -> dict[str, str]:
    """Give the parameters that select what changed since a local moment of the source, without an end."""
    return {window.from_param: since}


def write_cursor(number: int, since: str) -> str:
    """Give a cursor: "7", or "7@2026-05-11 09:00:00" inside a changed-since read."""
    return f"{number}@{since}" if since else str(number)


def read_cursor(stream: StreamSpec, cursor: str | None) -> tuple[int, str]:
    """Give (number, since) of a cursor; None is the beginning. Raises ProtocolMismatch for one that is not ours."""
    if cursor is None:
        return first_number(stream), ""
    number, _, since = cursor.partition("@")
    if not (number.isascii() and number.isdigit()):
        raise ProtocolMismatch("a cursor that this reader did not write", stream=stream.kind, hint="the stream's reader was changed")
    return int(number), since


def first_number(stream: StreamSpec) -> int:
    """Give the number of the first page, or the first offset."""
    return 0 if stream.paging.style == "offset" else stream.paging.first


def owner_params(call: Call, key: Key) -> dict[str, str]:
    """Give the parameters that name one record or the parent of rows."""
    return {call.key_param: key}
