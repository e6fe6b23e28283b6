"""Switches that are checked when they are set: each platform says which values each of its own may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamflow.sandbox.faults import RULE_KEYS, Clock, Faults, SwitchError

Form = tuple[Callable[[Any], bool], str]
"""(whether a value will do, what would do in words)."""


class CheckedFaults(Faults):
    """
    The shared faults plus the switches of one platform.

    Args:
        switches: The platform's own, with their defaults.
        choices: For some of them the only values they take.
        forms: For others a test, and its words.
        error_body: What a 429 or 5xx says, as (content type, text).
    """

    def __init__(
        self, switches: Mapping[str, Any], *, choices: Mapping[str, tuple[Any, ...]], forms: Mapping[str, Form],
        clock: Clock | None = None, seed: int = 7, error_body: Callable[[int], tuple[str, str]] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(switches, clock=clock, seed=seed, error_body=error_body)
        self._choices, self._forms = choices, forms

    def merge(self, changes: Mapping[str, Any]) -> None:
        """Merge *changes*, all or nothing; SwitchError names the switch and what it takes."""
        if not isinstance(changes, Mapping):
            raise SwitchError("switches come as a JSON object")
        for name, value in changes.items():
            choices = self._choices.get(name)
            if choices is not None and value not in choices:
                raise SwitchError(f"{name} must be one of {', '.join(map(repr, choices))}")
            form = self._forms.get(name)
            if form is not None and not form[0](value):
                raise SwitchError(f"{name} must be {form[1]}")
        super().merge(changes)


def is_count(value: Any) -> bool:
    """Say whether *value* is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_length(value: Any) -> bool:
    """Say whether *value* is a number from 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def is_names(value: Any) -> bool:
    """Say whether *value* is a list of texts."""
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def is_rule(value: Any) -> bool:
    """Say whether *value* is a rule as the shared faults know them, or null."""
    return value is None or (isinstance(value, dict) and value.keys() <= RULE_KEYS)


RULE_FORM: Form = (is_rule, f"null or an object of {', '.join(sorted(RULE_KEYS))}")
