"""Mutants that change nothing which anybody could see, each with the reason; they are not tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Name: TypeAlias = tuple[str, str, str]
"""Path of the module, full name of the function, and the change in words as they are printed."""

EQUAL: Mapping[Name, str] = {}
