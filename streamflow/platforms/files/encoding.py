"""Which bytes are which letters, and what parts the columns: found out from the file itself. Pure but for reading the file."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Sequence
from pathlib import Path

CHUNK_BYTES = 1 << 20
SAMPLE_BYTES = 1 << 18
DELIMITERS = (",", ";", "\t")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Without a mark and not UTF-8: what South African Windows and Macs write. A wider choice makes the guess worse, not better.
_EIGHT_BIT = ["cp1252", "mac_roman", "cp850"]


def detect_encoding(path: Path) -> str:
    """
    Give the encoding of a text file: by its mark, else UTF-8 if all of it is, else UTF-16 by its zero bytes, else an 8-bit one.

    Reads the whole file once (an ASCII beginning proves nothing), in pieces.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    sample = b""
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            if not sample:
                sample = piece[:SAMPLE_BYTES]
                marked = next((name for mark, name in _MARKS if piece.startswith(mark)), "")
                if marked:
                    return marked
                if _zeros(sample):
                    return _zeros(sample)
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                return _eight_bit(_around_letters(sample, piece))
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _eight_bit(sample)
    return "utf-8"


def detect_delimiter(header: Sequence[str], is_known: Callable[[str], bool]) -> str:
    """Give the delimiter under which most columns of the header, a line or several, are known; among equals the one with most columns."""

    def score(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader(header, delimiter=delimiter), [])
        return sum(is_known(cell) for cell in cells), len(cells)

    return max(DELIMITERS, key=score)


def _zeros(sample: bytes) -> str:
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half < 2 or max(even, odd) < half * 0.4:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _around_letters(sample: bytes, piece: bytes) -> bytes:
    """Give lines with letters beyond ASCII, on which a guess can stand."""
    return sample if not sample.isascii() else b"\n".join(line for line in piece.splitlines() if not line.isascii())[:SAMPLE_BYTES]


def _eight_bit(sample: bytes) -> str:
    from charset_normalizer import from_bytes  # its tables are large, and most files say what they are

    best = from_bytes(sample, cp_isolation=_EIGHT_BIT).best()
    return best.encoding if best is not None and best.encoding in _EIGHT_BIT else "cp1252"
