"""What values of switches and rules may look like: tests, with the words a refusal says them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Form = tuple[Callable[[Any], bool], str]
"""(whether a value will do, what would do in words)."""


def is_number(value: Any) -> bool:
    """Say whether *value* is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_length(value: Any) -> bool:
    """Say whether *value* is a number from 0."""
    return is_number(value) and bool(value >= 0)


def is_share(value: Any) -> bool:
    """Say whether *value* is a number from 0 to 1."""
    return is_length(value) and bool(value <= 1)


def is_span(value: Any) -> bool:
    """Say whether *value* is a number from 0, or [least, most]."""
    if isinstance(value, list):
        return len(value) == 2 and all(map(is_length, value)) and bool(value[0] <= value[1])
    return is_length(value)


def within(span: Any, share: float) -> float:
    """Return the number that *span* is, or the one at *share* between its ends."""
    return float(span[0]) + (float(span[1]) - float(span[0])) * share if isinstance(span, list) else float(span)


def is_whole(value: Any) -> bool:
    """Say whether *value* is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value: Any) -> bool:
    """Say whether *value* is a whole number from 1."""
    return is_whole(value) and bool(value >= 1)


def is_names(value: Any) -> bool:
    """Say whether *value* is a list of texts."""
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def weights_form(deeds: tuple[str, ...]) -> Form:
    """Give the form of weights by deed."""
    return (
        lambda value: isinstance(value, dict) and value.keys() <= set(deeds) and all(map(is_length, value.values())),
        f"an object of weights from 0 for {', '.join(deeds)}",
    )


LENGTH_FORM: Form = (is_length, "a number from 0")
SHARE_FORM: Form = (is_share, "a number from 0 to 1")
SPAN_FORM: Form = (is_span, "a number from 0, or [least, most]")
COUNT_FORM: Form = (is_count, "a whole number from 1")
