"""`python -m streamflow.sandbox.nutshell`: serve one simulated account until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

import anyio
from aiohttp import web

from streamflow.sandbox.faults import SwitchError
from streamflow.sandbox.nutshell.app import make_app


async def serve(app: web.Application, port: int) -> None:
    """Listen on 127.0.0.1 and say so in one JSON line on stdout; returns on SIGTERM or SIGINT."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            host, bound = runner.addresses[0][:2]
            print(json.dumps({"ready": True, "url": f"http://{host}:{bound}"}), flush=True)
            async for _ in signals:
                break
        finally:
            with anyio.CancelScope(shield=True):
                await runner.cleanup()


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
    anyio.run(serve, app, arguments.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
