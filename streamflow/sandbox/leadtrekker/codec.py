"""How values travel: base64 leaves in requests, and the many ways a reply may dress its records.

Everything here is a plain function of a value and the switches; leadtrekker.md 1 and 5 (quirks 1, 2, 7, 8).
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

Record = dict[str, Any]

DATE_FIELDS = frozenset({"created", "updated", "sent", "due"})
ID_FIELDS = frozenset({"leadid", "noteid", "callid", "emailid", "reminderid", "attachmentid", "userid", "groupid", "sourceid", "statusid"})
NULLABLE_FIELDS = frozenset({"email", "number", "company", "address", "source", "status", "owner", "owner_email"})
_MIXED_DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M:%S")


class CodecError(ValueError):
    """A request whose values are not what the documentation asks for; the text names the path and never the value."""


def encode_tree(value: Any) -> Any:
    """Encode every leaf as base64 of its UTF-8 text; keys stay plain, numbers and booleans become text first."""
    if isinstance(value, Mapping):
        return {key: encode_tree(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [encode_tree(inner) for inner in value]
    return base64.b64encode(_text_of(value).encode()).decode()


def decode_tree(value: Any, *, strict: bool, path: str = "$") -> Any:
    """
    Decode every leaf of a request.

    Args:
        value: What the body's JSON held.
        strict: Refuse a leaf that is not base64 of UTF-8 text; otherwise such a leaf is taken as it stands.
        path: Where *value* sits, for the error.

    Raises:
        CodecError: a plain value under *strict*.
    """
    if isinstance(value, Mapping):
        return {key: decode_tree(inner, strict=strict, path=f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [decode_tree(inner, strict=strict, path=f"{path}[{n}]") for n, inner in enumerate(value)]
    decoded = _decode_leaf(value)
    if decoded is not None:
        return decoded
    if strict:
        raise CodecError(f"value at {path} is not base64 encoded")
    return _text_of(value)


def dress(record: Record, key: str, switches: Mapping[str, Any]) -> Record:
    """Give *record* as a reply shows it: date form, literal nulls, base64 fields and number ids by the switches."""
    shown = dict(record)
    if switches["reply_dates"] == "mixed":
        _mix_dates(shown, key)
    if switches["null_text"]:
        shown.update({name: "null" for name in NULLABLE_FIELDS & shown.keys() if shown[name] in ("", None)})
    encoded = switches["reply_base64"]
    if encoded is True:
        return {name: encode_tree(value) for name, value in shown.items()}
    for name in encoded or ():
        if name in shown:
            shown[name] = encode_tree(shown[name])
    if switches["reply_ids"] == "number":
        shown.update({name: _number(shown[name]) for name in ID_FIELDS & shown.keys() - set(encoded or ())})
    return shown


def _decode_leaf(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _text_of(value: Any) -> str:
    if value is None:
        return "null"  # what clients of this platform do with a missing value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _mix_dates(record: Record, key: str) -> None:
    """Rewrite each date in one of three forms; a record keeps its form for ever, so that nothing seems to change."""
    form = _MIXED_DATES[zlib.crc32(key.encode()) % len(_MIXED_DATES)]
    for name in DATE_FIELDS & record.keys():
        try:
            record[name] = datetime.strptime(record[name], _MIXED_DATES[0]).strftime(form)
        except (TypeError, ValueError):
            continue  # the generator puts broken dates in on purpose


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdigit() else value
