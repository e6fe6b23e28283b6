"""`make power`."""

from __future__ import annotations

from tests.longrun import begin
from tests.power.cuts import main

if __name__ == "__main__":
    begin(main)
