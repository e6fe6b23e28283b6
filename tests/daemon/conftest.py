"""Fixtures: a folder short enough for sockets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .fake_operator import short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path
