"""`python -m streamflow.sandbox.leadtrekker`: serves a simulated account on 127.0.0.1 until SIGTERM or SIGINT."""

from __future__ import annotations

from streamflow.sandbox.leadtrekker.server import Config, make_app
from streamflow.sandbox.source_command import run


def main(arguments: list[str] | None = None) -> int:
    """Serve, and say on stdout where as soon as calls can come: `url`."""
    return run(
        arguments, name="leadtrekker", does=main.__doc__, records="leads and all their children together",
        make=lambda document: make_app(Config.from_json(document)), says=lambda origins: {"url": f"{origins[0]}/api/"},
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
