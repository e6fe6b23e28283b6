"""The bytes of files that the destination does not take: each note that says where they are kept must be right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tests.judge.marks import marks_on, text_of
from tests.judge.states import Destination, Finding

_DIGEST = re.compile(r"^SHA-256: ([0-9a-f]{64})$", re.MULTILINE)
_PLACE = re.compile(r"^Archived at: (\S+)$", re.MULTILINE)


def unarchived(destination: Destination, kept: Mapping[str, str], *, prefix: str) -> Iterator[Finding]:
    """
    Find files of which a note says that they are kept, and whose bytes are not there.

    Args:
        kept: The SHA-256 of each file in the run's state, by its path there.
        prefix: Of the marks that the pair leaves.
    """
    for rid, row in destination.of("notes").items():
        keys = [key for kind, key, _ in marks_on("notes", row, prefix) if kind == "attachment"]
        body = text_of("notes", row)
        digest, place = _DIGEST.search(body), _PLACE.search(body)
        if not keys or digest is None or place is None:
            continue
        if kept.get(place[1]) != digest[1]:
            why = "is not there" if place[1] not in kept else "has other bytes than the note tells of"
            yield Finding(fault="lost", what=f"attachment {keys[0]} ({rid})", why=f"its copy at {place[1]} {why}")
