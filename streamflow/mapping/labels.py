"""Labels of custom fields: compared without drift, and drifted ones brought together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rapidfuzz import fuzz

from streamflow.mapping.text import fold

_LEAST_WORDS: Final = 3
_ALMOST_EQUAL: Final = 92.0
_LONG_ENOUGH: Final = 8


def label_key(label: str) -> str:
    """Give the form in which labels are compared: words without case, accents, punctuation; "UTM_Source" and "utm source" are one."""
    return fold(label)


def target_label(label: str) -> str:
    """Give a label that a destination field can bear: no slashes and tildes, which need escaping in update paths (nutshell.md 1.11)."""
    return " ".join(label.replace("/", " ").replace("~", " ").split()) or "Unnamed field"


def merge_labels(counts: Mapping[str, int], together: Mapping[tuple[str, str], int] | None = None) -> dict[str, tuple[str, float]]:
    """
    Bring drifted labels together.

    Answers each label with its head label and how sure that is: 1.0 itself, 0.95 the same words, 0.75 one begins with the other
    ("How did you hear" / "How Did You Hear About Us") or a few letters differ. The commonest spelling is the head, then the longest.
    Labels that some record has both of (*together*, by sorted pair) are never brought together, save by the same words.
    """
    heads: dict[str, tuple[str, float]] = {}
    order = sorted(counts, key=lambda label: (-counts[label], -len(label), label))
    for label in order:
        best: tuple[str, float] = (label, 1.0)
        for head in (name for name in order if heads.get(name) == (name, 1.0)):
            sure = _sameness(label_key(label), label_key(head))
            pair = (min(label, head), max(label, head))
            if sure > (0.0 if best[0] == label else best[1]) and (sure > 0.9 or not (together or {}).get(pair)):
                best = (head, sure)
        heads[label] = best
    return heads


def _sameness(one: str, other: str) -> float:
    if one == other:
        return 0.95
    left, right = sorted((one.split(), other.split()), key=lambda words: (len(words), words))
    if len(left) >= _LEAST_WORDS and right[: len(left)] == left:
        return 0.75
    if one.replace(" ", "") == other.replace(" ", ""):
        return 0.9
    if any(char.isdigit() for char in one + other):  # "Phone 2" and "Phone 3" are near and different
        return 0.0
    return 0.75 if min(len(one), len(other)) >= _LONG_ENOUGH and fuzz.ratio(one, other) >= _ALMOST_EQUAL else 0.0
