"""Marks: single letters that stand for something each, written together ("CM") or apart ("C, M")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from streamflow.mapping.text import literal, squeeze

_APART: Final = re.compile(r"[\s,;/|]+")


def spelled(text: str, words: Mapping[str, str]) -> str:
    """
    Give the marks of a text with what they stand for: "C (call), M (mail)".

    *words* is by mark in lower case, "" for a mark of which nobody knows what it stands for. Letters that stand together are marks each
    only where every one of them is known; anything else stays as it is written, so that no mark is lost.
    """
    found: list[str] = []
    for piece in _APART.split(squeeze(literal(text))):
        low = piece.lower()
        marks = list(piece) if low not in words and all(sign in words for sign in low) else [piece]
        found += [f"{mark} ({word})" if (word := words.get(mark.lower())) else mark for mark in marks if mark]
    return ", ".join(dict.fromkeys(found))
