"""`python -m tests.sbom FILE`: writes the bill of materials of requirements/base.txt; licences are those of the installed packages."""

from __future__ import annotations

import sys
from importlib.metadata import metadata
from pathlib import Path

from streamflow import __version__
from tests.sbom.bill import License, bill, license_of
from tests.sbom.pins import Pin, pins_of

BASE = Path(__file__).parents[2] / "requirements" / "base.txt"


def installed(pins: tuple[Pin, ...]) -> dict[str, License]:
    """Give what each installed package declares of its licence. Raises ValueError where another version is installed than is pinned."""
    found = {}
    for pin in pins:
        told = metadata(pin.name)
        if told["Version"] != pin.version:
            raise ValueError(f"{pin.name} {told['Version']} is installed, {pin.version} is pinned: `make setup` first")
        said = license_of(told.get("License-Expression") or "", told.get("License") or "", told.get_all("Classifier") or [])
        if said is not None:
            found[pin.name] = said
    return found


def main(target: Path) -> int:
    """Write the document to a file, whose folder is made."""
    pins = pins_of(BASE.read_text(encoding="utf-8"))
    text = bill("streamflow", __version__, pins, installed(pins))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    print(f"{target}: {len(pins)} packages with {sum(len(pin.hashes) for pin in pins)} hashes")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
