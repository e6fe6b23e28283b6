"""`python -m streamflow.sandbox.leadtrekker`: serves a simulated account on 127.0.0.1 until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import anyio

from streamflow.sandbox.leadtrekker.server import Config, make_app
from streamflow.sandbox.serving import serve


def main(arguments: list[str] | None = None) -> int:
    """Serve, and say on stdout where as soon as calls can come."""
    parser = argparse.ArgumentParser(prog="python -m streamflow.sandbox.leadtrekker", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--records", type=int, help="leads and all their children together")
    parser.add_argument("--config", type=Path, help="JSON; what is said on the command line goes before it")
    given = parser.parse_args(arguments)
    document = json.loads(given.config.read_text(encoding="utf-8")) if given.config else {}
    document |= {name: value for name in ("seed", "records") if (value := getattr(given, name)) is not None}
    try:
        config = Config.from_json(document)
    except ValueError as error:
        parser.error(str(error))
    anyio.run(serve, make_app(config), [given.port], lambda origins: {"url": f"{origins[0]}/api/"}, partial(print, flush=True))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
