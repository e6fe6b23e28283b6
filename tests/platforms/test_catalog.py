"""The platforms that are registered: what they say of themselves, and what a registration that is none is answered."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from streamflow.errors import ConfigError
from streamflow.platforms import catalog
from streamflow.platforms.entry import SourceSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path whose distributions are looked at anew."""
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog._registered.cache_clear()
    yield tmp_path
    catalog._registered.cache_clear()


def distribution(folder: Path, line: str, *, name: str = "porch") -> None:
    place = folder / f"{name}-0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n", encoding="utf-8")
    (place / "entry_points.txt").write_text(f"[{catalog.GROUP}]\n{line}\n", encoding="utf-8")


def test_what_is_installed_is_what_the_package_registers() -> None:
    """The installed metadata names every platform of the package; where this fails, the package has to be installed anew."""
    written = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"][catalog.GROUP]
    assert {entry.name: entry.value for entry in entry_points(group=catalog.GROUP)} == written
    assert {*catalog.sources(), *catalog.destinations()} == written.keys()


def test_platforms_describe_themselves() -> None:
    """Forms name what says which account it is; the first source is read both ways and brings its pair."""
    forms = catalog.forms()
    assert {name: [each.name for each in form.options if each.identifies] for name, form in forms.sources.items()} == {
        "leadtrekker": ["base_url"],
        "lead_perfection": ["base_url", "clientid"],
    }
    platform = catalog.source_of("leadtrekker")
    spec = platform.doors().load_spec(SourceSettings(reader="files"))
    assert (spec.platform, list(spec.streams)[-1]) == (platform.name, "attachment")
    assert catalog.pair_of("leadtrekker", "nutshell").title == platform.title


def test_forms_cost_no_readers() -> None:
    """A command line that only needs the forms imports no client, no tables and no mapping."""
    heavy = ("aiohttp", "openpyxl", "rapidfuzz", "streamflow.platforms.api.reader", "streamflow.mapping.pair")
    look = f"import sys, streamflow.platforms.catalog as c; c.forms(); print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("porch = no_such_module:platform", "porch: no_such_module:platform cannot be loaded"),
        ("porch = streamflow.platforms.leadtrekker:porch", "cannot be loaded"),
        ("porch = streamflow.platforms.leadtrekker:platform", "does not describe a platform of that name"),
        ("porch = builtins:dict", "does not describe a platform"),
        ("nutshell = streamflow.platforms.nutshell:platform", "registered twice"),
    ],
)
def test_broken_registrations_are_named(register: Path, line: str, words: str) -> None:
    """A package that registers what cannot be used is told by name, with what to do."""
    distribution(register, line)
    with pytest.raises(ConfigError, match=words) as caught:
        catalog.forms()
    assert caught.value.hint


def test_unknown_names_are_refused() -> None:
    """A platform or pair that nobody brings is a fault of the configuration, with a near miss."""
    with pytest.raises(ConfigError, match='did you mean "leadtrekker"'):
        catalog.source_of("leadtreker")
    with pytest.raises(ConfigError, match=r"destination\.platform"):
        catalog.destination_of("leadtrekker")
    with pytest.raises(ConfigError, match="no map template"):
        catalog.pair_of("leadtrekker", "../secrets")
