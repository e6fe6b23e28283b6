"""Bodies that call themselves JSON and are none, or JSON nobody should take for an answer; and other words for what a body is."""

from __future__ import annotations

import json
from collections.abc import Callable

from streamflow.sandbox.corpus.answer import Form, said

_DEPTH = 20_000
_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action='/login'><input name='user'></form></body></html>"

ODD: dict[str, bytes] = {
    "text": b"OK",
    "null": b"null",
    "number": b"42",
    "nan": b'{"id": NaN}',
    "overflow": b'{"id": 1e400, "total": 123456789012345678901234567890}',
    "surrogate": b'{"name": "\\ud83d"}',
    "doubled": b'{"id": "1", "id": "2"}',
    "deep": b"[" * _DEPTH + b"]" * _DEPTH,
    "bytes": b"\x80\xff\x00{",
    "true": b"true",
    "string": b'"OK"',
    "infinity": b'{"contacts": -Infinity}',
    "digits": b'{"id": ' + b"9" * 5_000 + b"}",
    "deep_objects": b'{"a":' * 900 + b"1" + b"}" * 900,
    "blanks": b" \r\n\t" * 50,
    "nothing": b"",
    "page_as_json": _PAGE,
    "xml_as_json": b'<?xml version="1.0"?><ArrayOfContact/>',
    "undefined": b"undefined",
    "line_by_line": b'{"id": "1"}\n{"id": "2"}\n',
    "proto": b'{"__proto__": {"contacts": []}, "constructor": {"prototype": {}}}',
    "string_of_json": json.dumps('{"contacts": []}').encode(),
}
"""Bodies that look at nothing, by name."""


def _odd(body: bytes) -> Form:
    return lambda truth: said(truth, body, status=200)


def _made(change: Callable[[bytes], bytes]) -> Form:
    return lambda truth: said(truth, change(truth.body))


def _typed(content_type: str) -> Form:
    return lambda truth: said(truth, content_type=content_type)


def _within_text(body: bytes) -> bytes:
    """Cut in the middle of the last text."""
    return body[: max(1, body.rfind(b'"') - 1)]


def _recoded(body: bytes, encoding: str) -> bytes:
    return body.decode("utf-8", "replace").encode(encoding, "replace")


def _latin(body: bytes) -> bytes:
    """Put a letter as one byte into the first text, which is no UTF-8 then."""
    at = body.find(b'": "') + 4 if b'": "' in body else body.find(b'":"') + 3
    return body[:at] + b"\xe9" + body[at:] if at > 3 else b'{"name": "Ren\xe9"}'




_CHANGED: dict[str, Callable[[bytes], bytes]] = {
    "cut_first": lambda body: body[:1],
    "cut_third": lambda body: body[: len(body) // 3],
    "cut_text": _within_text,
    "cut_last": lambda body: body.rstrip()[:-1],
    "trailing": lambda body: body + b"}",
    "twice": lambda body: body + body,
    "comment": lambda body: b"/* cached */" + body,
    "single_quotes": lambda body: body.replace(b'"', b"'"),
    "comma": lambda body: body.rstrip()[:-1] + b"," + body.rstrip()[-1:],
    "bom": lambda body: b"\xef\xbb\xbf" + body,
    "utf16": lambda body: _recoded(body, "utf-16"),
    "utf32": lambda body: _recoded(body, "utf-32"),
    "latin1": _latin,
    "nul_after": lambda body: body + b"\0" * 16,
    "control": lambda body: body.replace(b'"', b'"\n\x01', 1),
    "jsonp": lambda body: b"callback(" + body + b");",
    "prefix": lambda body: b")]}',\n" + body,
}
_TYPES = {
    "type_absent": "", "type_text": "text/plain", "type_page": "text/html", "type_binary": "application/octet-stream",
    "type_charset": "application/json; charset=utf-16", "type_broken": "application/json;;;=;charset",
    "type_list": "application/json, text/html",
    "type_form": "multipart/form-data; boundary=", "type_empty": " ",
}  # fmt: skip
BODIES: dict[str, Form] = {
    **{name: _odd(body) for name, body in ODD.items()},
    **{name: _made(change) for name, change in _CHANGED.items()},
    **{name: _typed(content_type) for name, content_type in _TYPES.items()},
    "page": lambda truth: said(truth, _PAGE, status=200, content_type="text/html; charset=utf-8"),
    "xml": lambda truth: said(truth, ODD["xml_as_json"], status=200, content_type="application/xml"),
}
