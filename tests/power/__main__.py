"""`make power`."""

from __future__ import annotations

import signal
import sys

from tests.power.cuts import leave, main

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, leave)
    sys.exit(main())
