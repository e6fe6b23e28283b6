"""The pairs that come with streamflow. The one place of the mapping that opens a file; callers hand on the `Pair`."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from streamflow.errors import ConfigError
from streamflow.mapping.pair import Pair
from streamflow.mapping.pair_toml import read_pair


@lru_cache(maxsize=8)
def shipped_pair(name: str) -> Pair:
    """Read a shipped pair ("leadtrekker-nutshell"); raises ConfigError when none of that name is shipped."""
    place = files("streamflow.mapping").joinpath("pairs", f"{name}.toml")
    if "/" in name or not place.is_file():
        raise ConfigError([f"no map template for the pair {name!r}"], hint="shipped pairs are in streamflow/mapping/pairs")
    return read_pair(place.read_text(encoding="utf-8"))
