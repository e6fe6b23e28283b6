"""Tables in the pages of this project that name the tests which prove what they say."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def named(text: str) -> list[tuple[str, str]]:
    """Give (path, test) of every test that a text names."""
    return NAMED.findall(text)


def missing(text: str) -> list[str]:
    """Give every test that a text names and this project does not have."""
    return [f"{path}::{name}" for path, name in named(text) if not _has(ROOT / path, name)]


def _has(path: Path, name: str) -> bool:
    return path.is_file() and bool(re.search(rf"^\s*(?:async )?def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE))
