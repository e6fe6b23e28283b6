"""Long texts cut into parts that fit, at places where a reader would cut, and that reassemble exactly."""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINERS: Final = frozenset("\u200d\ufe0f\ufe0e\u20e3")
_REGIONAL: Final = range(0x1F1E6, 0x1F200)
_SKIN: Final = range(0x1F3FB, 0x1F400)
_TAGS: Final = range(0xE0020, 0xE0080)


def units(text: str) -> int:
    """Count UTF-16 units, the larger of the ways in which a limit of characters can be meant."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def pieces(text: str, room: int) -> list[str]:
    """
    Cut *text* into pieces of at most *room* UTF-16 units whose concatenation is *text*.

    Cuts prefer the last blank line of the last third of the room, then a line end, then a blank; a sign is never parted from
    its accents, joiners or skin tones unless a single sign is longer than the room. An empty text is one empty piece.
    """
    if room < 2:
        raise ValueError("room must be at least 2")
    if units(text) <= room:
        return [text]
    found: list[str] = []
    start = 0
    while start < len(text):
        end = _reach(text, start, room)
        if end < len(text):
            end = _good_cut(text, start, end)
        found.append(text[start:end])
        start = end
    return found


def _reach(text: str, start: int, room: int) -> int:
    end = min(len(text), start + room)
    while (over := units(text[start:end]) - room) > 0:
        end -= (over + 1) // 2
    return max(end, start + 1)


def _good_cut(text: str, start: int, end: int) -> int:
    earliest = start + (end - start) * 2 // 3
    for boundary in ("\n\n", "\n", " "):
        at = text.rfind(boundary, earliest, end)
        if at >= 0 and _is_between(text, at + len(boundary)):
            return at + len(boundary)
    cut = end
    while cut > start + 1 and not _is_between(text, cut):
        cut -= 1
    return cut if cut > start + 1 or _is_between(text, cut) else end


def _is_between(text: str, at: int) -> bool:
    """Say whether two signs meet at *at*, so that a cut there parts nothing that is drawn as one."""
    before, after = text[at - 1], text[at : at + 1]
    if not after:
        return True
    if before == "\u200d" or after in _JOINERS or (before == "\r" and after == "\n"):
        return False
    code = ord(after)
    if code in _SKIN or code in _TAGS or 0xDC00 <= code < 0xE000 or unicodedata.category(after).startswith("M"):
        return False
    return not (code in _REGIONAL and _odd_flags_before(text, at))


def _odd_flags_before(text: str, at: int) -> bool:
    count = 0
    while at > 0 and ord(text[at - 1]) in _REGIONAL:
        count, at = count + 1, at - 1
    return count % 2 == 1
