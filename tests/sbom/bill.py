"""
From pins and licences to the document. Pure: the same pins give the same bytes, so no time is in it.

A package may be installed from any of its files, so hashes stand with the reference to these, as CycloneDX has it, and not with the
package, which would claim that all of them are hashes of one thing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tests.sbom.pins import Pin

_NAMESPACE = uuid.UUID("d2c4e0a6-5a2b-5e1a-9c53-6a0f4c6f9d11")     # of our serial numbers; any will do, as long as it stays
License = Mapping[str, Any]


def license_of(expression: str, text: str, classifiers: Sequence[str]) -> License | None:
    """
    Say a licence as CycloneDX does, by what a package declares: an SPDX expression, else the words it uses; None where it says nothing.

    A whole licence in place of its name is not taken for a name.
    """
    if expression:
        return {"expression": expression}
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    words = text.strip() if text.strip() and "\n" not in text.strip() else " or ".join(named)
    return {"license": {"name": words}} if words else None


def bill(name: str, version: str, pins: Sequence[Pin], licenses: Mapping[str, License]) -> str:
    """Give the document; raises ValueError where a package says nothing of its licence."""
    if silent := [pin.name for pin in pins if pin.name not in licenses]:
        raise ValueError(f"no licence is declared by {', '.join(silent)}")
    us = f"{name}@{version}"
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": us, "name": name, "version": version}},
        "components": [_component(pin, licenses[pin.name]) for pin in pins],
        "dependencies": [
            {"ref": us, "dependsOn": [_ref(pin) for pin in pins if pin.is_direct]},
            *({"ref": _ref(pin), "dependsOn": [_ref(other) for other in pins if pin.name in other.wanted_by]} for pin in pins),
        ],
    }  # fmt: skip
    serial = uuid.uuid5(_NAMESPACE, json.dumps(document, sort_keys=True))
    return json.dumps({**document, "serialNumber": f"urn:uuid:{serial}"}, indent=2) + "\n"


def _ref(pin: Pin) -> str:
    return f"pkg:pypi/{pin.name}@{pin.version}"


def _component(pin: Pin, license: License) -> dict[str, Any]:
    files = {
        "type": "distribution", "url": f"https://pypi.org/project/{pin.name}/{pin.version}/", "comment": "any one of these files",
        "hashes": [{"alg": "SHA-256", "content": each} for each in pin.hashes],
    }  # fmt: skip
    return {
        "type": "library", "bom-ref": _ref(pin), "name": pin.name, "version": pin.version, "purl": _ref(pin),
        "licenses": [license], "externalReferences": [files],
    }  # fmt: skip
