"""Files: a note that tells name, size, checksum and the place in the run's archive, since the destination takes no uploads."""

from __future__ import annotations

from typing import Final

from streamflow.mapping.block import block
from streamflow.mapping.files import archive_path
from streamflow.mapping.shapes.drafting import Drafting, Happening, Shape
from streamflow.model import Draft, Ref


def _compose(found: Happening, parent: Ref, drafting: Drafting) -> list[Draft]:
    found.lines.append(("Archived at", archive_path(found.record, drafting.pair)))
    return drafting.as_notes(found, parent, block(found.lines))


FILE: Final = Shape(compose=_compose)
