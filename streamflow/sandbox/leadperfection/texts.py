"""Invented free text: notes of prospects, leads, appointments and jobs, plain and difficult."""

from __future__ import annotations

from typing import Final

from streamflow.sandbox.dice import Deck, Dice

_OPENINGS: Final = (
    "HOA letter needed", "Left message", "Customer called in", "Measured the openings", "Wants a second quote",
    "Neighbor had the roof done", "Spoke to the spouse", "Appointment ran long",
)  # fmt: skip
_SUBJECTS: Final = (
    "for 9 windows", "about the lanai", "on the roof leak", "about financing", "on the $14,250.00 quote",
    "for the entry door", "about the permit", "on the white frames",
)  # fmt: skip
_CLOSINGS: Final = (
    "Call after 5.", "Gate code 1180.", "Dog in the yard.", "Wants white frames.", "No decision until March.",
    "Both owners must be present; \"no exceptions\".", "50% now, 50% on completion.",
)  # fmt: skip
_UNICODE: Final = ("Gracias 🙏🏽 hasta mañana", "‘Smart’ quotes – and a dash… €250", "Zu\u0308rich (decomposed ü)")

NOTES: Final = Deck("lp-notes", {
    "plain": 24, "html": 4, "crlf": 4, "unicode": 2, "twin": 2, "edited": 3, "empty": 1, "only_null": 1, "keeps_null": 1,
    "formula": 1, "script": 1, "long": 1,
})  # fmt: skip
"""How notes are written; `twin` equals the note before it but for the id, `edited` has an `updatedon`."""
NOTE_FORMS: Final = Deck("lp-note-forms", {"objects": 16, "strings": 2, "object": 1, "string": 1, "mixed": 2})
"""How the `notes` of one prospect or lead come: see `dress.notes_of`."""


def sentence(dice: Dice) -> str:
    """Give one plain sentence or two."""
    return f"{dice.pick(_OPENINGS)} {dice.pick(_SUBJECTS)}. {dice.pick(_CLOSINGS)}"


def text(dice: Dice, card: str) -> str:
    """Write a text of the kind *card* names; an unknown card gives plain sentences."""
    plain = sentence(dice)
    match card:
        case "html":
            return f"{plain}<br>Call <b>after</b> 5 &amp; bring <a href=\"https://example.com/q\">the quote</a>"
        case "crlf":
            return f"{plain}\r\n\r\n{sentence(dice)}\r\n\t- item one\r\n"
        case "unicode":
            return f"{plain} {dice.pick(_UNICODE)}"
        case "empty":
            return ""
        case "only_null":
            return "null"
        case "keeps_null":
            return f"The old contract is null and void. {plain}"
        case "formula":
            return f"=HYPERLINK(\"https://evil.example\",\"x\") {plain}"
        case "script":
            return f"<script>alert('note')</script>{plain}"
        case "long":
            return "\n".join(f"[{number}] {sentence(dice)}" for number in range(1, 600))
    return plain
