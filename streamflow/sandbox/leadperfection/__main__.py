"""`python -m streamflow.sandbox.leadperfection`: serves a simulated account on 127.0.0.1 until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

import anyio

from streamflow.sandbox.leadperfection.server import Config, make_app
from streamflow.sandbox.serving import serve


def main(arguments: list[str] | None = None) -> int:
    """Serve, and say on stdout where as soon as calls can come: `url`, and `other_url`, where its tokens are not good."""
    parser = argparse.ArgumentParser(prog="python -m streamflow.sandbox.leadperfection", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--records", type=int, help="prospects and everything under them together")
    parser.add_argument("--config", type=Path, help="JSON; what is said on the command line goes before it")
    given = parser.parse_args(arguments)
    document = json.loads(given.config.read_text(encoding="utf-8")) if given.config else {}
    document |= {name: value for name in ("seed", "records") if (value := getattr(given, name)) is not None}
    try:
        app = make_app(Config.from_json(document))
    except ValueError as error:
        parser.error(str(error))
    anyio.run(serve, app, [given.port, 0], lambda origins: {"url": origins[0], "other_url": origins[1]}, partial(print, flush=True))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
