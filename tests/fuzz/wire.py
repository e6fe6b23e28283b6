"""Targets: what any server may send before a platform's dialect sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from streamflow.errors import ProtocolMismatch
from streamflow.wire.address import AddressBook
from streamflow.wire.backoff import RETRY_AFTER_CAP_S, retry_after_s
from streamflow.wire.body import DEPTH_CAP, Unfit, parse_json
from streamflow.wire.message import Request, Response
from streamflow.wire.refusal import scrubbed
from streamflow.wire.token import judge_token, lifetime
from streamflow.wire.verdict import CallVerdict, Outcome
from tests.fuzz.target import HARD, Target, json, mutated, objects, scalars

_NOW = datetime(2026, 6, 1, tzinfo=UTC)
_ORIGINS = {URL("https://app.example.test"), URL("https://files.example.test:8443")}
_BOOK = AddressBook("test", "https://app.example.test/rest", ("https://files.example.test:8443/x",))
_ADDRESSES = (
    "contacts", "/contacts/1-contacts", "../admin", "../rest-of-it", "..", "https://app.example.test/rest/x", "https://evil.test/rest",
    "https://app.example.test@evil.test/", "https://app.example.test:444/", "http://app.example.test/", "//evil.test/x", "https:///x",
    "https://app.example.test\\@evil.test/", "https://[::1", "https://APP.example.test/x", "ftp://app.example.test/", "\thttps://evil.test/",
    "javascript://app.example.test/%0aalert(1)", "https://files.example.test:8443/a?b#c", "%2e%2e/%2e%2e/x", "a\\..\\..\\b", "?x=1", "#y",
)  # fmt: skip


def answer(data: Any, *, status: int = 200, body: bytes | None = None, is_json: bool = True) -> Response:
    """Give an answer as the session hands it on."""
    raw = orjson.dumps(data) if body is None else body
    return Response(
        status=status, headers=CIMultiDict(), body=raw, content_type="application/json", data=data if is_json else None, is_json=is_json
    )


def nested(depth: int) -> bytes:
    """Give JSON that deep, objects and arrays in turn."""
    return b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2)


def _body(raw: bytes) -> None:
    try:
        found = parse_json(raw)
    except (orjson.JSONDecodeError, Unfit):
        return
    assert _depth(found) <= DEPTH_CAP


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def _retry_after(text: str) -> None:
    found = retry_after_s(text, _NOW)
    assert found is None or 0.0 <= found <= RETRY_AFTER_CAP_S


def _address(text: str) -> None:
    try:
        url = _BOOK.url(Request(method="GET", path=text, endpoint="fuzz"))
    except ProtocolMismatch:
        return
    assert url.origin() in _ORIGINS, url
    assert url.user is None
    assert "://" in text or text.startswith("//") or url.raw_path == "/rest" or url.raw_path.startswith("/rest/"), url


def _token(drawn: tuple[Any, Any, int]) -> None:
    body, expires, status = drawn
    data = {**body, "expires_in": expires} if isinstance(body, dict) else body
    assert judge_token(Outcome(response=answer(data, status=status))) in CallVerdict
    assert 0.0 < lifetime(expires, unsaid_s=60.0) < float("inf")


def _scrubbed(text: str) -> None:
    found = scrubbed(text)
    assert len(found) <= 160
    assert not any(sign in found for sign in "\r\n\x1b") or "\x1b" in text
    assert "@" not in found.replace(" @ ", "") or "a@b.test" not in found


TARGETS = (
    Target(
        name="body of an answer", check=_body,
        feed=st.one_of(mutated((b'{"contacts":[{"id":"1-contacts"}],"meta":{}}', b"[1e999,NaN]")), st.integers(0, 3_000).map(nested)),
    ),
    Target(name="Retry-After", check=_retry_after, feed=st.one_of(
        st.text(max_size=40), st.sampled_from((*HARD, "Wed, 21 Oct 2026 07:28:00 GMT", "Mon, 99 Jan 9999 99:99:99 +9999", "120", "-1")),
    )),
    Target(name="address of a link", check=_address, feed=st.one_of(
        st.sampled_from(_ADDRESSES), st.text(max_size=40), st.tuples(st.sampled_from(_ADDRESSES), st.text(max_size=20)).map("".join),
        st.text(max_size=30).map("https://app.example.test".__add__),
    )),
    Target(name="token", check=_token, feed=st.tuples(
        st.one_of(objects(("access_token", "token_type", "error")), json), scalars, st.sampled_from((200, 201, 400, 401, 403, 500)),
    )),
    Target(name="words of a refusal", check=_scrubbed, feed=st.one_of(
        st.text(max_size=200), st.text(max_size=40).map(lambda text: f"{text} 'a@b.test' is \"taken\" {text}"),
    )),
)  # fmt: skip
