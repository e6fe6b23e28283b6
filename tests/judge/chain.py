"""The chain of a run's audit, followed by hand: the hash of each entry is that of the one before it with its own text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from tests.judge.states import Finding


def unchained(lines: Iterable[tuple[int, str, str]]) -> Iterator[Finding]:
    """Find the first entry of an audit, given as (number, text, hash) in order, that does not follow from those before it."""
    last = ""
    for number, (seq, text, hashed) in enumerate(lines, start=1):
        last = hashlib.sha256(f"{last}\n{text}".encode()).hexdigest()
        if (seq, hashed) != (number, last):
            yield Finding(fault="unexplained", what="audit", why=f"the audit's chain breaks at entry {number}")
            return
