"""Answers whose status, headers or framing are not what they should be."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from streamflow.sandbox.corpus.answer import ELSEWHERE, JSON, Form, Headers, Spoken, Truth, head, said

_GIANT = 1 << 20
_ENDLESS = b"a" * (1 << 16)


def _status(status: int | str, *, more: Headers = ()) -> Form:
    return lambda truth: said(truth, status=status, more=more)


def _bare(status: int, *more: tuple[str, str]) -> Form:
    """Give the form of a status without a body."""
    return lambda truth: Spoken(pieces=(head(status, (*more, ("Connection", "close"))),))


def _headed(*more: tuple[str, str]) -> Form:
    return lambda truth: said(truth, more=more)


def _raw(lines: bytes) -> Form:
    """Give the form with these bytes among its headers."""

    def form(truth: Truth) -> Spoken:
        first, body = said(truth).pieces
        return Spoken(pieces=(first[:-2] + lines + b"\r\n", body))

    return form


def _long(length: str, *more: tuple[str, str]) -> Form:
    """Give the form that says of the body how long it is."""

    def form(truth: Truth) -> Spoken:
        told = length.format(more=len(truth.body) + 10, less=max(0, len(truth.body) - 10), right=len(truth.body))
        headers = (("Content-Type", JSON), ("Content-Length", told), *more, ("Connection", "close"))
        return Spoken(pieces=(head(truth.status, headers), truth.body))

    return form


def _chunked(truth: Truth, *chunks: bytes) -> Spoken:
    headers = (("Content-Type", JSON), ("Transfer-Encoding", "chunked"), ("Connection", "close"))
    return Spoken(pieces=(head(truth.status, headers), *chunks))


def _chunk(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"


def _half(truth: Truth) -> bytes:
    return truth.body[: len(truth.body) // 2]


def _packed(truth: Truth, wbits: int = 31) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, wbits)
    return packer.compress(truth.body) + packer.flush()


def _again(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _as(encoding: str, truth: Truth, body: bytes) -> Spoken:
    return said(truth, body, more=(("Content-Encoding", encoding),))


def _endless_headers(truth: Truth) -> Spoken:
    def pieces() -> Iterator[bytes]:
        yield f"HTTP/1.1 {truth.status} OK\r\n".encode()
        while True:
            yield b"X-More: " + _ENDLESS[:4_000] + b"\r\n"

    return Spoken(pieces=pieces())


def _redirect(status: int, address: str | None = None) -> Form:
    return lambda truth: said(truth, b"", status=status, more=(("Location", truth.path if address is None else address),))


STATUSES: dict[str, Form] = {
    "status_204": _bare(204),
    "status_204_with_body": _status(204),
    "status_205": _bare(205, ("Content-Length", "0")),
    "status_206_part": lambda truth: said(truth, _half(truth), status=206, more=(("Content-Range", f"bytes 0-9/{len(truth.body)}"),)),
    "status_304": _bare(304),
    "status_304_with_body": _status(304),
    "status_300": _status(300),
    "status_101": _bare(101, ("Upgrade", "websocket")),
    "status_299": _status(299),
    "status_600": _status(600),
    "status_999": _status(999),
    "status_none": _status("OK"),
    "status_long": _status("20000 OK"),
    "status_signed": _status("-200 OK"),
    "status_words": _status("200 " + "O" * 9_000),
    "version_9": lambda truth: Spoken(pieces=(said(truth).pieces[0].replace(b"HTTP/1.1", b"HTTP/9.9"), truth.body)),  # type: ignore[index]
    "no_head": lambda truth: Spoken(pieces=(truth.body,)),
    "another_protocol": lambda truth: Spoken(pieces=(b"SSH-2.0-OpenSSH_9.6\r\n",)),
    "redirect_elsewhere": _redirect(302, ELSEWHERE),
    "redirect_elsewhere_kept": _redirect(307, ELSEWHERE),
    "redirect_itself": _redirect(302),
    "redirect_itself_kept": _redirect(308),
    "redirect_file": _redirect(303, "file:///etc/passwd"),
    "redirect_nowhere": lambda truth: said(truth, b"", status=301),
    "hints_first": lambda truth: Spoken(pieces=(head(103, (("Link", "</a.css>"),)), *said(truth).pieces)),
    "continue_first": lambda truth: Spoken(pieces=(head(100, ()) * 20, *said(truth).pieces)),
}
HEADS: dict[str, Form] = {
    "cookies": _headed(*(("Set-Cookie", f"c{number}=v{number}; Domain=.invalid; Path=/") for number in range(100))),
    "cookie_broken": _headed(("Set-Cookie", "=;;; \x01 $Path=;a b=c")),
    "header_giant": _headed(("X-Giant", "x" * _GIANT)),
    "headers_many": _headed(*((f"X-{number}", "v") for number in range(5_000))),
    "header_nul": _raw(b"X-Nul: a\0b\r\n"),
    "header_return": _raw(b"X-Return: a\rb\r\n"),
    "header_without_colon": _raw(b"this is no header\r\n"),
    "header_without_name": _raw(b": nameless\r\n"),
    "header_folded": _raw(b"X-Folded: a\r\n b\r\n"),
    "header_bytes": _raw(b"X-Bytes: \xff\xfe\x80\r\n"),
    "request_id_odd": _headed(("X-Request-Id", "\x1b[31m" + "r" * 3_000)),
    "date_odd": _headed(("Date", "Mon, 99 Jan 9999 99:99:99 +9999")),
}
FRAMES: dict[str, Form] = {
    "length_more": _long("{more}"),
    "length_less": _long("{less}"),
    "length_negative": _long("-1"),
    "length_words": _long("many"),
    "length_huge": _long("9" * 18),
    "length_too_huge": _long("9" * 40),
    "length_signed": _long("+{right}"),
    "length_two": _long("{right}", ("Content-Length", "3")),
    "length_and_chunks": _long("{right}", ("Transfer-Encoding", "chunked")),
    "chunks_cut": lambda truth: _chunked(truth, _chunk(_half(truth))),
    "chunk_cut": lambda truth: _chunked(truth, f"{len(truth.body):x}\r\n".encode(), _half(truth)),
    "chunk_bad": lambda truth: _chunked(truth, b"zz\r\n", truth.body, b"\r\n0\r\n\r\n"),
    "chunk_huge": lambda truth: _chunked(truth, b"f" * 30 + b"\r\n", truth.body),
    "chunk_negative": lambda truth: _chunked(truth, b"-5\r\n", truth.body, b"\r\n0\r\n\r\n"),
    "chunk_extended": lambda truth: _chunked(truth, b"5;" + b"x=" * 20_000 + b"\r\n", truth.body),
    "chunks_trailed": lambda truth: _chunked(truth, _chunk(truth.body), b"0\r\nX-Late: 1\r\nContent-Type: text/html\r\n\r\n"),
    "chunks_wrongly_named": lambda truth: said(truth, more=(("Transfer-Encoding", "x-chunks"),)),
    "gzip": lambda truth: _as("gzip", truth, _packed(truth)),
    "gzip_twice": lambda truth: _as("gzip", truth, _again(_packed(truth))),
    "gzip_told_twice": lambda truth: _as("gzip, gzip", truth, _again(_packed(truth))),
    "gzip_cut": lambda truth: _as("gzip", truth, _packed(truth)[:-12]),
    "gzip_none": lambda truth: _as("gzip", truth, truth.body),
    "gzip_wrong_sum": lambda truth: _as("gzip", truth, _packed(truth)[:-8] + b"\0" * 8),
    "gzip_trailed": lambda truth: _as("gzip", truth, _packed(truth) + b"garbage"),
    "gzip_of_two": lambda truth: _as("gzip", truth, _packed(truth) * 2),
    "deflate": lambda truth: _as("deflate", truth, _packed(truth, 15)),
    "deflate_garbage": lambda truth: _as("deflate", truth, b"\x78\x9c" + b"\xff" * 40),
    "brotli_garbage": lambda truth: _as("br", truth, b"\x8b\xff\x00garbage"),
    "zstd_garbage": lambda truth: _as("zstd", truth, b"\x28\xb5\x2f\xfdgarbage"),
    "encoding_unknown": lambda truth: _as("rot13", truth, truth.body),
    "encoding_empty": lambda truth: _as("", truth, truth.body),
}
ENDLESS_HEADERS: Form = _endless_headers
