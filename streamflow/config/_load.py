"""From a file to a `Config`, or to one error that lists every fault."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from streamflow.config import _sections as sections
from streamflow.config._table import Table
from streamflow.config._values import Config
from streamflow.errors import ConfigError
from streamflow.options import Form, Forms

MAX_CONFIG_BYTES = 1_048_576
DEFAULT_METRICS = "127.0.0.1:9464"


def load(path: Path | str, forms: Forms, *, secrets: bool = True) -> Config:
    """
    Read the configuration file.

    Args:
        path: The TOML file; relative paths in it start at its folder.
        forms: What the platforms ask for, e.g. `platforms.catalog.forms()`.
        secrets: False leaves secrets unread, for commands that only speak with the daemon.

    Raises:
        ConfigError: with all faults at once, each "section.key: what is wrong, what was expected".
    """
    file = Path(path).absolute()
    faults: list[str] = []
    root = Table(_parse(file), "", faults, folder=file.parent, with_secrets=secrets)
    config = _read(root, file, forms)
    root.done()
    if faults:
        raise ConfigError([f"{file.name}: {fault}" for fault in faults], hint=f"correct {file} and run `streamflow check`")
    return config


def _parse(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError([f"{file} is too large for a configuration"])
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError([f"{file} does not exist"], hint="name the file with -c FILE, or write one with `streamflow init PAIR`") from None
    except IsADirectoryError:
        raise ConfigError([f"{file} is a folder"], hint="name the configuration file with -c FILE") from None
    except OSError as error:
        raise ConfigError([f"{file} cannot be read: {error.strerror}"], hint="the daemon's user must be able to read it") from error
    except UnicodeDecodeError:
        raise ConfigError([f"{file} is not UTF-8 text"]) from None
    except (ValueError, RecursionError) as error:     # beside TOML's own errors: numbers without end, brackets without end
        raise ConfigError([f"{file} is not TOML: {error}"], hint='texts need quotes: name = "value"; sections look like [source]') from None


def _read(root: Table, file: Path, forms: Forms) -> Config:
    for name in ("migration", "source", "destination"):
        if not root.has(name):
            root.fault(name, f"section [{name}] is missing")
    migration = sections.migration(root.table("migration")) if root.has("migration") else None
    source = sections.source(root.table("source"), forms.sources) if root.has("source") else None
    destination = sections.destination(root.table("destination"), forms.destinations) if root.has("destination") else None
    pace_source, pace_destination = sections.paces(
        root.table("pace"),
        forms.sources.get(source.platform, Form()) if source else Form(),
        forms.destinations.get(destination.platform, Form()) if destination else Form(),
    )
    state_dir = migration.state_dir if migration else file.parent
    metrics, console = root.table("metrics"), root.table("console")
    config_parts: dict[str, Any] = {
        "owners": sections.owners(root.table("owners")),
        "leads": sections.leads(root.table("leads")),
        "map": sections.map_(root.table("map")),
        "gates": sections.gates(root.table("gates")),
        "sample": sections.sample(root.table("sample")),
        "cutover": sections.cutover(root.table("cutover")),
        "delta": sections.delta(root.table("delta")),
        "control": sections.control(root.table("control"), state_dir),
        "metrics": metrics.listen("listen", default=DEFAULT_METRICS),
        "console": console.listen("listen", default=""),
        "log": sections.log(root.table("log")),
    }
    metrics.done()
    console.done()
    # A missing section has its fault already; the value is never handed out then.
    return Config(
        path=file,
        migration=migration,  # type: ignore[arg-type]  # None only together with a fault
        source=source,  # type: ignore[arg-type]  # as above
        destination=destination,  # type: ignore[arg-type]  # as above
        pace_source=pace_source,
        pace_destination=pace_destination,
        **config_parts,
    )
