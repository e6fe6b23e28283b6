"""The command line of streamflow in which a stage hangs on order: once FILE is there, whatever would write waits for ever."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio

from streamflow.cli.main import main
from streamflow.wire.session import Session


def hang_by(file: Path) -> None:
    """Let no write of this process come to anything from the moment on at which the file is there."""
    really = Session.write

    async def write(self: Session, *given: Any, **named: Any) -> Any:
        if file.exists():
            await anyio.sleep_forever()
        return await really(self, *given, **named)

    Session.write = write  # type: ignore[method-assign]


if __name__ == "__main__":
    hang_by(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
