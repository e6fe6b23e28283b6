"""Switches that are checked when they are set: each platform says which values each of its own may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamflow.sandbox.clocks import Clock
from streamflow.sandbox.faults import Faults
from streamflow.sandbox.forms import Form
from streamflow.sandbox.rules import SwitchError
from streamflow.sandbox.voice import Voice


class CheckedFaults(Faults):
    """
    The shared faults plus the switches of one platform.

    Args:
        switches: The platform's own, with their defaults.
        choices: For some of them the only values they take.
        forms: For others a test, and its words.
        rules: Those that are rules.
        voice: How the platform says what the shared faults have it say.
    """

    def __init__(
        self, switches: Mapping[str, Any], *, choices: Mapping[str, tuple[Any, ...]], forms: Mapping[str, Form],
        rules: tuple[str, ...] = (), clock: Clock | None = None, seed: int = 7, voice: Voice | None = None,
    ) -> None:  # fmt: skip
        super().__init__(switches, clock=clock, seed=seed, voice=voice, platform_rules=rules)
        self._choices, self._forms = choices, forms

    def check(self, changes: Mapping[str, Any]) -> None:
        """Raise SwitchError that names the switch and what it takes."""
        super().check(changes)
        for name, value in changes.items():
            choices = self._choices.get(name)
            if choices is not None and value not in choices:
                raise SwitchError(f"{name} must be one of {', '.join(map(repr, choices))}")
            form = self._forms.get(name)
            if form is not None and not form[0](value):
                raise SwitchError(f"{name} must be {form[1]}")
