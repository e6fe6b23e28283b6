"""Secrets and personal values that were planted, looked for wherever they must not be, in each form they may have taken."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from tests.flow.box import Box
from tests.flow.daemon import Daemon

SHOWN = 12
"""Characters of a canary that a failing test shows."""


def forms(secret: str) -> set[bytes]:
    """Give a text as it is, in JSON, in an address, and in base64, also as a part of something longer (the password of "user:password")."""
    plain = secret.encode()
    found = {plain, json.dumps(secret)[1:-1].encode(), quote(secret, safe="").encode(), plain.hex().encode()}
    for before in range(3):
        coded = base64.b64encode(b"x" * before + plain)
        found.add(coded[(0, 2, 3)[before] : len(coded) - 4])      # without the letters that what stands around it changes
    return {form for form in found if len(form) > 3}


def within(content: bytes, secrets: Iterable[str]) -> list[str]:
    """Name the canaries that some bytes hold, by their beginning."""
    return [secret[:SHOWN] for secret in secrets if any(form in content for form in forms(secret))]


def in_files(paths: Iterable[Path], secrets: Iterable[str]) -> list[str]:
    """Name "file: canary" for every canary that a file holds."""
    secrets = list(secrets)
    return [f"{path.name}: {found}" for path in paths if path.is_file() for found in within(path.read_bytes(), secrets)]


def in_process(pid: int, secrets: Iterable[str]) -> list[str]:
    """Name what anybody, or the owner, sees of a running process and its threads: command line, name, environment, open paths."""
    secrets, found = list(secrets), []
    place = Path(f"/proc/{pid}")
    for path in (place / "cmdline", place / "environ", place / "comm", *place.glob("task/*/comm"), *place.glob("task/*/cmdline")):
        found += [f"{path.relative_to(place)}: {each}" for each in within(path.read_bytes(), secrets)]
    links = b"\0".join(str(path.readlink()).encode() for path in (place / "fd").iterdir() if path.is_symlink())
    return [*found, *(f"fd: {each}" for each in within(links, secrets))]


def writes_no_core(pid: int) -> bool:
    """Say whether a crash of the process would leave nothing of its memory on the disk."""
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
    line = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    return line.split()[4:6] == ["0", "0"]


def leaks(box: Box, daemon: Daemon, secrets: Iterable[str]) -> list[str]:
    """Name where a secret stands: in the files of a migration but for the ones it is given in, and on the face of the process."""
    secrets = list(secrets)
    found = in_files((*box.state.rglob("*"), box.config, daemon.log), secrets)
    if daemon.is_running and daemon.process is not None:
        found += in_process(daemon.process.pid, secrets)
        found += [] if writes_no_core(daemon.process.pid) else ["a crash would leave a core"]
    return found
