"""`python -m streamflow.sandbox`: both simulated platforms of a pair, ready to be migrated."""

from __future__ import annotations

from streamflow.sandbox.launcher import main

if __name__ == "__main__":
    raise SystemExit(main())
