"""`python -m streamflow.sandbox.nutshell`: serve one simulated account until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import anyio

from streamflow.sandbox.nutshell.app import make_app
from streamflow.sandbox.rules import SwitchError
from streamflow.sandbox.serving import serve


def main() -> int:
    """Read the command line and serve; 2 for settings that do not exist."""
    parser = argparse.ArgumentParser(prog="python -m streamflow.sandbox.nutshell", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--config", type=Path, help="JSON file; see config.py for its sections")
    arguments = parser.parse_args()
    try:
        config = json.loads(arguments.config.read_text()) if arguments.config else {}
        if arguments.seed is not None:
            config["seed"] = arguments.seed
        app = make_app(config)
    except (OSError, ValueError, SwitchError) as error:
        print(f"the settings cannot be used: {error}", file=sys.stderr)
        return 2
    says = partial(print, flush=True)
    anyio.run(serve, app, [arguments.port], lambda origins: {"url": origins[0]}, says, backend_options={"use_uvloop": True})
    return 0


if __name__ == "__main__":
    sys.exit(main())
