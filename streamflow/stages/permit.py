"""What is asked before anything new is taken: a page of the source, a batch of staged records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

Permit: TypeAlias = Callable[[], Awaitable[bool]]
"""Waits while the operator has paused; False when the daemon drains: take nothing new."""
