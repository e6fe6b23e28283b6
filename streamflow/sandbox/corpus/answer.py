"""The right answer, and what is sent in its place: bytes as they go over the line, and how the line ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

JSON = "application/json"
ELSEWHERE = "http://elsewhere.invalid/rest/contacts?page[page]=1"
"""An address nobody is to call."""
Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The answer that would have been right."""

    path: str              # that it answers, "/rest/contacts?page[page]=0"
    body: bytes
    status: int = 200
    content_type: str = JSON

    @property
    def data(self) -> Any:
        """The body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What goes over the line: pieces one after the other, with a pause between them, and then its end."""

    pieces: Iterable[bytes]
    pause_s: float = 0.0
    ends: str = "close"    # "close", "reset", or "hold": nothing more comes, and the line stays open


Form: TypeAlias = Callable[[Truth], Spoken]


def head(status: int | str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Write a status line and headers, to the empty line; *status* may bring words of its own."""
    line = f"HTTP/1.1 {status}" if isinstance(status, str) else f"HTTP/1.1 {status} Said"
    return "".join(f"{text}\r\n" for text in (line, *(f"{name}: {value}" for name, value in headers), "")).encode("latin-1", "replace")


def said(
    truth: Truth, body: bytes | None = None, *, status: int | str | None = None, content_type: str | None = None, more: Headers = (),
    is_kept: bool = False,
) -> Spoken:  # fmt: skip
    """Give an answer in good form on a line that ends with it; what is left out is as in the truth, `content_type=""` is none."""
    body = truth.body if body is None else body
    kind = truth.content_type if content_type is None else content_type
    headers = [("Content-Type", kind)] if kind else []
    headers += [("Content-Length", str(len(body))), *more, ("Connection", "keep-alive" if is_kept else "close")]
    return Spoken(pieces=(head(truth.status if status is None else status, headers), body))
