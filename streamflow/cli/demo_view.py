"""The live view of the demo: redrawn in place on a terminal, else a line every few seconds."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any

from streamflow.cli.output import fitted, say, say_raw
from streamflow.cli.render import status_line, status_text

LINE_EVERY_S = 3.0


class View:
    """Shows statuses as they come; plain notes stay above the live part."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._quiet = quiet           # JSON was asked for: nothing but the summary on stdout
        self._drawn_lines = 0
        self._last_line_at = 0.0
        self._last_phase = ""
        self._started = time.monotonic()

    def note(self, text: str) -> None:
        """Say one thing that stays on the screen."""
        if not self._quiet:
            self._erase()
            say(f"[{self.elapsed_s:5.1f}s] {text}")

    def status(self, status: Mapping[str, Any]) -> None:
        """Show the present status."""
        if self._quiet:
            return
        if self._is_terminal:
            self._erase()
            size = shutil.get_terminal_size()
            lines = fitted(status_text(status, width=size.columns), size.columns, size.lines - 1)
            say_raw("\n".join(lines) + "\n")
            self._drawn_lines = len(lines)
        elif status["phase"] != self._last_phase or time.monotonic() - self._last_line_at >= LINE_EVERY_S:
            say(f"[{self.elapsed_s:5.1f}s] {status_line(status)}")
            self._last_line_at = time.monotonic()
        self._last_phase = str(status["phase"])

    def close(self) -> None:
        """Take the live part away: the summary says the same for good."""
        self._erase()

    @property
    def elapsed_s(self) -> float:
        """Give the seconds since the view was made."""
        return time.monotonic() - self._started

    def _erase(self) -> None:
        if self._drawn_lines:
            say_raw(f"\x1b[{self._drawn_lines}F\x1b[J")
            self._drawn_lines = 0
