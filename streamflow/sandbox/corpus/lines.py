"""Answers that wear out whoever listens: bombs, bodies without end, drips, silence; and answers nobody asked for."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator

from streamflow.sandbox.corpus.answer import JSON, Form, Spoken, Truth, head, said
from streamflow.sandbox.corpus.heads import ENDLESS_HEADERS

BOMB_BYTES = 200 * 1024 * 1024
SWARM_BYTES = 7 * 1024 * 1024
_PIECE = b" " * (1 << 16)
_BLANKS = b" " * (1 << 20)


def _bomb(truth: Truth, wbits: int, encoding: str) -> Spoken:
    headers = (("Content-Type", JSON), ("Content-Encoding", encoding), ("Connection", "close"))

    def pieces() -> Iterator[bytes]:
        packer = zlib.compressobj(6, zlib.DEFLATED, wbits)
        yield head(truth.status, headers) + packer.compress(_BLANKS) + packer.flush(zlib.Z_FULL_FLUSH)
        again = packer.compress(_BLANKS) + packer.flush(zlib.Z_FULL_FLUSH)      # knows nothing of what came before, so it may be repeated
        yield from itertools.repeat(again, BOMB_BYTES // len(_BLANKS))
        yield packer.compress(truth.body) + packer.flush()

    return Spoken(pieces=pieces())


def _swarm(truth: Truth, row: bytes) -> Spoken:
    """Say ever the same row, in fewer bytes than any cap on them: it is what they are read as that is large."""
    return said(truth, b'{"contacts":[' + row * (SWARM_BYTES // len(row)) + b"0]}", status=200)


def _endless(truth: Truth) -> Spoken:
    return Spoken(pieces=itertools.chain((head(truth.status, (("Content-Type", JSON),)),), itertools.repeat(_PIECE)))


def _endless_chunks(truth: Truth) -> Spoken:
    headers = (("Content-Type", JSON), ("Transfer-Encoding", "chunked"))
    return Spoken(pieces=itertools.chain((head(truth.status, headers),), itertools.repeat((b"10\r\n" + b" " * 16 + b"\r\n") * 1_000)))


def _drip(truth: Truth) -> Spoken:
    headers = (("Content-Type", JSON), ("Content-Length", "1000000"))
    return Spoken(pieces=itertools.chain((head(truth.status, headers),), itertools.repeat(b" ")), pause_s=0.1)


def _drip_of_head(truth: Truth) -> Spoken:
    return Spoken(pieces=itertools.chain((b"HTTP/1.1 200 OK\r\nX-Slow: ",), itertools.repeat(b"a")), pause_s=0.1)


def _drip_of_hints(truth: Truth) -> Spoken:
    return Spoken(pieces=itertools.repeat(head(103, (("Link", "</a.css>"),))), pause_s=0.1)


def _kept(truth: Truth, *, pause_s: float) -> Spoken:
    """Say it twice on a line that stays open: the second is nobody's answer."""
    once = b"".join(said(truth, is_kept=True).pieces)
    return Spoken(pieces=(once, once) if pause_s else (once + once,), pause_s=pause_s, ends="hold")


def _cut_with_reset(truth: Truth) -> Spoken:
    first, body = said(truth).pieces
    return Spoken(pieces=(first, body[: len(body) // 2]), ends="reset")


LINES: dict[str, Form] = {
    "second_at_once": lambda truth: _kept(truth, pause_s=0.0),
    "second_later": lambda truth: _kept(truth, pause_s=0.02),
    "reset_in_body": _cut_with_reset,
    "closed_at_once": lambda truth: Spoken(pieces=()),
    "half_a_head": lambda truth: Spoken(pieces=(b"HTTP/1.1 200 OK\r\nContent-Ty",)),
}
HEAVY: dict[str, Form] = {
    "gzip_bomb": lambda truth: _bomb(truth, 31, "gzip"),
    "deflate_bomb": lambda truth: _bomb(truth, 15, "deflate"),
    "swarm": lambda truth: _swarm(truth, b"{},"),
    "swarm_of_brackets": lambda truth: _swarm(truth, b"[" * 50 + b"]" * 50 + b","),
    "endless": _endless,
    "endless_chunks": _endless_chunks,
    "endless_headers": ENDLESS_HEADERS,
    "drip": _drip,
    "drip_of_head": _drip_of_head,
    "drip_of_hints": _drip_of_hints,
    "silence": lambda truth: Spoken(pieces=(), ends="hold"),
    "silence_after_head": lambda truth: Spoken(pieces=(said(truth, status=200, body=b" " * 9).pieces[0],), ends="hold"),  # type: ignore[index]
}
"""They cost whoever serves them time or work as well, and are drawn only by name."""
