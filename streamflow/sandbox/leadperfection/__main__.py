"""`python -m streamflow.sandbox.leadperfection`: serves a simulated account on 127.0.0.1 until SIGTERM or SIGINT."""

from __future__ import annotations

from streamflow.sandbox.leadperfection.server import Config, make_app
from streamflow.sandbox.source_command import run


def main(arguments: list[str] | None = None) -> int:
    """Serve, and say on stdout where as soon as calls can come: `url`, and `other_url`, where its tokens are not good."""
    return run(
        arguments, name="leadperfection", does=main.__doc__, records="prospects and everything under them together",
        make=lambda document: make_app(Config.from_json(document)),
        says=lambda origins: {"url": origins[0], "other_url": origins[1]}, listeners=2,
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
