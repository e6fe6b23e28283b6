"""Bodies with a JSON content type that are no JSON, or JSON nobody should take for an answer."""

from __future__ import annotations

from streamflow.sandbox.rules import ODD_FORMS

_DEPTH = 20_000
_BODIES: dict[str, bytes] = {
    "text": b"OK",
    "null": b"null",
    "number": b"42",
    "nan": b'{"id": NaN}',
    "overflow": b'{"id": 1e400, "total": 123456789012345678901234567890}',
    "surrogate": b'{"name": "\\ud83d"}',
    "doubled": b'{"id": "1", "id": "2"}',
    "deep": b"[" * _DEPTH + b"]" * _DEPTH,
    "bytes": b"\x80\xff\x00{",
}


def odd_body(form: str | None, share: float) -> bytes:
    """Give the body of a form, or the one that stands at *share* (0 to 1) among all."""
    return _BODIES[form if form is not None else ODD_FORMS[min(int(share * len(ODD_FORMS)), len(ODD_FORMS) - 1)]]
