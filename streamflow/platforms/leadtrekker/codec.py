"""Base64 leaves: how values travel in requests, and, where the spec says so, in replies (leadtrekker.md 1; 5, quirk 1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any


class NotBase64(ValueError):
    """A leaf that should be base64 of UTF-8 text and is not."""


def encode_leaves(value: Any) -> Any:
    """Encode every leaf of an object or array as base64 of its text; keys stay plain, numbers and booleans become text first."""
    if isinstance(value, Mapping):
        return {key: encode_leaves(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [encode_leaves(inner) for inner in value]
    return base64.b64encode(_text(value).encode()).decode("ascii")


def decode_leaves(value: Any) -> Any:
    """Turn every text leaf back into the text it stands for; None, numbers and booleans stay. Raises NotBase64, never guesses."""
    if isinstance(value, Mapping):
        return {key: decode_leaves(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [decode_leaves(inner) for inner in value]
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise NotBase64("a value is not base64 of UTF-8 text") from error


def _text(value: Any) -> str:
    if value is None:
        return ""      # never the word "null": that is how other clients spoilt their own data
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
