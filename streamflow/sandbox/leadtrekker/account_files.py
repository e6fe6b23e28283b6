"""Attachments of a lead: a name, a size, a checksum, and bytes that can be made again at any time."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from streamflow.sandbox.dice import Deck, Dice, mix, salt
from streamflow.sandbox.leadtrekker.account_plan import Plan, text_of

FILES: Final = Deck("files", {"plain": 12, "unicode": 2, "signs": 2, "empty": 1, "namesake": 2, "large": 1})
"""Kinds of file; `large` (256 KiB) is ordinary in nine of ten runs. A `namesake` is called as its elder brother is."""

_HEADS: Final = {"pdf": b"%PDF-1.4\n", "jpg": b"\xff\xd8\xff\xe0", "docx": b"PK\x03\x04", "txt": b"", "csv": b"a;b\r\n"}
_STEMS: Final = ("Quote", "Site photo", "Floor plan", "Signed offer", "Invoice")
_LARGE_BYTES: Final = 256 * 1024


def attachment_records(plan: Plan, index: int) -> list[dict[str, Any]]:
    """Give the attachments of the lead at *index*, oldest first; `size` is in bytes, `sha256` in hex."""
    return [_attachment(plan, index, place) for place in range(plan.child_count("attachments", index))]


def attachment_content(plan: Plan, attachmentid: str) -> bytes:
    """Give the bytes of an attachment.

    Raises:
        KeyError: no attachment has this id.
    """
    found = plan.child_place(attachmentid)
    if found is None or found[1] >= plan.child_count("attachments", found[0]):
        raise KeyError(attachmentid)
    return _content(plan, *found)


def _attachment(plan: Plan, index: int, place: int) -> dict[str, Any]:
    content = _content(plan, index, place)
    return {
        "attachmentid": plan.childid(index, place),
        "leadid": plan.leadid(index),
        "name": _name(plan, index, place),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "created": text_of(plan.moment("attachments", index, place)),
    }


def _card(plan: Plan, index: int, place: int) -> str:
    ordinal = plan.ordinal("attachments", index, place)
    card = FILES.deal(plan.seed, ordinal)
    large_run = FILES.run_of(ordinal) % 10 == 0
    if (card == "large" and not large_run) or (card == "namesake" and place == 0):
        return "plain"
    return card


def _name(plan: Plan, index: int, place: int) -> str:
    card = _card(plan, index, place)
    if card == "namesake":
        return _name(plan, index, place - 1)
    dice = Dice(plan.seed, "file-name", index, place)
    stem = f"{dice.pick(_STEMS)} {dice.between(1, 99)}"
    if card == "unicode":
        stem = dice.pick(("Offerte für Zoë", "foto môre 📷", "雲山 план"))
    elif card == "signs":
        stem = dice.pick(("Quote (final) [v2] #3", "50% deposit & 'rest'", "=SUM(A1)"))
    return f"{stem}.{dice.pick(tuple(_HEADS))}"


def _content(plan: Plan, index: int, place: int) -> bytes:
    card = _card(plan, index, place)
    dice = Dice(plan.seed, "file", index, place)
    if card == "empty":
        return b""
    head = _HEADS[_name(plan, index, place).rsplit(".", 1)[1]]
    length = _LARGE_BYTES if card == "large" else dice.between(200, 24_000)
    key = mix(plan.seed, salt("content"), index, place).to_bytes(8, "big")
    return head + hashlib.shake_256(key).digest(length)
