"""The bill of materials: each pinned package with its hashes, its licence and who asks for it, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from streamflow import __version__
from tests.named import ROOT
from tests.sbom.__main__ import BASE, main
from tests.sbom.bill import bill, license_of
from tests.sbom.pins import Pin, pins_of

PIN = Pin(name="one", version="1.0", hashes=("a" * 64,), wanted_by=("-r requirements/base.in",))


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("sbom") / "new" / "bill.json"
    assert main(path) == 0
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_each_pinned_package_is_in_it_with_its_hashes_and_licence(document: dict[str, Any]) -> None:
    """Names, versions and hashes are those of the file that is installed from, to the last one; each package has a licence."""
    text = BASE.read_text(encoding="utf-8")
    pinned = re.findall(r"^(\S+)==(\S+)", text, re.MULTILINE)
    assert len(pinned) > 15
    parts = document["components"]
    assert [(part["name"], part["version"]) for part in parts] == pinned
    told = [each for part in parts for each in part["externalReferences"][0]["hashes"]]
    assert [each["content"] for each in told] == re.findall(r"sha256:([0-9a-f]{64})", text)
    assert {each["alg"] for each in told} == {"SHA-256"}
    assert all(part["externalReferences"][0]["hashes"] for part in parts)
    assert [part["purl"] for part in parts] == [f"pkg:pypi/{name}@{version}" for name, version in pinned]
    for part in parts:
        [license] = part["licenses"]
        assert license.get("expression") or license["license"]["name"], part["name"]


def test_who_asks_for_whom_is_in_it(document: dict[str, Any]) -> None:
    """The program leads to each direct dependency, these to all others; every name that leads somewhere is there."""
    assert document["metadata"]["component"]["version"] == __version__
    needs = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    us = document["metadata"]["component"]["bom-ref"]
    direct = (ROOT / "requirements" / "base.in").read_text(encoding="utf-8").split()
    assert {re.split("[<>=@]", ref.removeprefix("pkg:pypi/"))[0] for ref in needs[us]} == {re.split("[<>=]", each)[0] for each in direct}
    reached, at = set[str](), [us]
    while at:
        here = at.pop()
        if here not in reached:
            reached.add(here)
            at += needs[here]
    assert reached == {us, *(part["bom-ref"] for part in document["components"])}


def test_the_same_pins_make_the_same_bytes_and_others_another_bill(tmp_path: Path) -> None:
    """No time and no chance is in it; one other version is another serial number."""
    license = {"one": {"expression": "MIT"}}
    first = bill("streamflow", "1", [PIN], license)
    assert first == bill("streamflow", "1", [PIN], license)
    other = bill("streamflow", "2", [PIN], license)
    assert json.loads(first)["serialNumber"] != json.loads(other)["serialNumber"]
    for name in ("a", "b"):
        main(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_is_not_pinned_or_says_no_licence_is_no_bill() -> None:
    """A line without hashes, from an address, or a package that declares no licence ends it rather than leave a gap."""
    for line in ("one==1.0", "one @ https://example.com/one.whl --hash=sha256:" + "a" * 64, "one>=1 --hash=sha256:" + "a" * 64):
        with pytest.raises(ValueError, match="no pin with its hashes"):
            pins_of(line)
    with pytest.raises(ValueError, match="no licence is declared by one"):
        bill("streamflow", "1", [PIN], {})


@pytest.mark.parametrize(("expression", "text", "classifiers", "said"), [
    ("MIT OR Apache-2.0", "", [], {"expression": "MIT OR Apache-2.0"}),
    ("", "Apache-2.0", ["License :: OSI Approved :: MIT License"], {"license": {"name": "Apache-2.0"}}),
    ("", "Permission is hereby\ngranted", ["License :: OSI Approved :: MIT License"], {"license": {"name": "MIT License"}}),
    ("", "", ["License :: OSI Approved :: A", "License :: B"], {"license": {"name": "A or B"}}),
    ("", "", ["Topic :: Software Development"], None),
])  # fmt: skip
def test_a_licence_is_told_as_the_package_tells_it(expression: str, text: str, classifiers: list[str], said: Any) -> None:
    """An SPDX expression goes first, then the words of the package, then its classifiers; nothing is guessed."""
    assert license_of(expression, text, classifiers) == said
