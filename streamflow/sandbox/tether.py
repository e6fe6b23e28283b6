"""`python -m streamflow.sandbox.tether MODULE ARGS…`: runs a module that ends when whoever started it is gone.

The starter holds the other end of stdin and never writes to it. When it closes that end, or dies in whatever way, even
by kill -9, stdin reads as ended and this process sends itself a SIGTERM.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

_GRACE_S = 5.0


def _end_with_starter() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)  # the module did not listen


def main() -> None:
    """Run the module named by the first argument as if it had been started itself."""
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    threading.Thread(target=_end_with_starter, daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
